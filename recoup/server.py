"""A gRPC service process: health, signals, and an end that finishes what was begun."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import redis
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from prometheus_client import Counter

from recoup import faults, logs, metrics, tracing
from recoup.errors import Unanswered, WrongSetup
from recoup.rpc import SERVER_OPTIONS
from recoup.scripts import refuse_unsafe
from recoup.settings import settings

log = logs.logger(__name__)

THREADS = 8
"""Calls come in batches, so few are under way at once; one may be a long batch_init."""

GRACE_S = 2.0
"""How long calls that are under way may take to end. One takes milliseconds."""

RPCS = Counter("recoup_rpcs", "Calls that this service was asked for.", ["method"])

Stop = Callable[[], None]


class Counted(grpc.ServerInterceptor):
    """Counts calls by their method, which are few: no other name gets here but from outside."""

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Passes the call on. (gRPC's hook)"""
        handler = continuation(details)
        if handler is not None:  # a method that isn't ours gets no series of its own
            RPCS.labels(details.method.rpartition("/")[2]).inc()
        return handler


def serve(
    name: str,
    client: redis.Redis,
    add: Callable[[grpc.Server], Any],
    background: Callable[[], Stop],
) -> None:
    """Serves until SIGTERM or SIGINT: then refuses new calls, ends what it has begun, and returns.

    `client` is the service's database, which must answer before anyone is served; `add` adds the
    service to the server; `background` starts what else runs here, and returns what stops it.
    """
    logs.configure(name)
    tracing.begin(name)
    faults.arm(name, settings().fault, settings().data_dir)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        if not wait_for(client, stopping):
            return
        server = start(name, add)
    except (WrongSetup, RuntimeError, OSError) as error:
        log.critical("%s can't start: %s", name, error)
        sys.exit(1)
    stop_background = background()
    log.info("%s serves on %s", name, settings().address(name))
    stopping.wait()
    log.info("%s stops", name)
    stop_background()
    server.stop(GRACE_S).wait()


def start(name: str, add: Callable[[grpc.Server], Any]) -> grpc.Server:
    """Starts a gRPC server with the service and the standard health service on it."""
    interceptors: list[grpc.ServerInterceptor] = [Counted()]
    if tracing.ON:
        from recoup.spans_over_grpc import Continuing

        interceptors.append(Continuing())
    server = grpc.server(
        ThreadPoolExecutor(THREADS), interceptors=interceptors, options=SERVER_OPTIONS
    )
    add(server)
    healthy = health.HealthServicer()
    healthy.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    if not server.add_insecure_port(settings().address(name)):
        raise WrongSetup(f"the address {settings().address(name)} is taken")
    metrics.serve(name)
    server.start()
    return server


def wait_for(client: redis.Redis, stopping: threading.Event) -> bool:
    """Waits until the database answers and has loaded its data. False: told to stop meanwhile."""
    complained_s = 0.0
    while not stopping.is_set():
        try:
            client.ping()
            refuse_unsafe(client, settings().durable)
        except (
            redis.exceptions.ConnectionError,
            redis.exceptions.TimeoutError,
            Unanswered,
        ) as error:
            if time.monotonic() > complained_s + 5:
                complained_s = time.monotonic()
                log.warning("waits for its database: %s", error)
            stopping.wait(0.1)
        else:
            return True
    return False
