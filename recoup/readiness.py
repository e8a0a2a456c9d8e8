"""Whether each process of an instance does its work: not just that it lives."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import redis
import urllib3
from grpc_health.v1 import health_pb2, health_pb2_grpc

from recoup.errors import Unanswered
from recoup.rpc import ask, open_channel
from recoup.scripts import connect
from recoup.settings import Settings

LIMIT_S = 1.0

WORKERS_KEY = "_kombu.binding.celery.pidbox"
"""Where a Celery worker enters itself when it begins to consume. The broker keeps nothing from an
earlier run, so who stands there has started in this one."""

Check = Callable[[], bool]


def checks(settings: Settings) -> dict[str, Check]:
    """For each process a check that is true when it does its work. Beat has none: it only calls."""
    services = ("orders", *settings.parties)
    workers = [f"{party}-worker" for party in settings.parties]
    return {
        **{f"{store}-db": answers(settings.database_url(store)) for store in services},
        "broker": answers(settings.database_url("broker")),
        **{name: serves(settings.address(name)) for name in services},
        **{worker: consumes(worker, settings) for worker in workers},
        "flower": says_ok(f"http://{settings.host}:{settings.flower_port}/healthcheck"),
        "gateway": is_ready(f"http://{settings.host}:{settings.port}/readyz"),
    }


def answers(url: str) -> Check:
    """A database answers, and has loaded its data."""
    client = connect(url)

    def check() -> bool:
        try:
            return bool(client.ping())
        except redis.exceptions.RedisError:
            return False

    return check


def serves(address: str) -> Check:
    """A gRPC service says that it serves."""
    stub = health_pb2_grpc.HealthStub(open_channel(address))

    def check() -> bool:
        try:
            reply = ask(stub.Check, health_pb2.HealthCheckRequest(), LIMIT_S)
        except (Unanswered, grpc.RpcError):
            return False
        return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)

    return check


def consumes(worker: str, settings: Settings) -> Check:
    """A Celery worker has begun to take messages."""
    client = connect(settings.database_url("broker"))

    def check() -> bool:
        try:
            return any(f"{worker}@" in entry for entry in client.smembers(WORKERS_KEY))
        except redis.exceptions.RedisError:
            return False

    return check


def says_ok(url: str) -> Check:
    """A page answers 200."""
    return lambda: http_status(url) == 200


def is_ready(url: str) -> Check:
    """The gateway reaches everything that a checkout needs."""

    def check() -> bool:
        try:
            answer = urllib3.request("GET", url, timeout=2 * LIMIT_S, retries=False)
            return bool(answer.status == 200 and answer.json()["all_ok"])
        except (urllib3.exceptions.HTTPError, ValueError, KeyError):
            return False

    return check


def http_status(url: str) -> int | None:
    """The status of a GET; None without an answer."""
    try:
        return urllib3.request("GET", url, timeout=LIMIT_S, retries=False).status
    except urllib3.exceptions.HTTPError:
        return None
