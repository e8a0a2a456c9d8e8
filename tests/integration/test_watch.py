"""A database and a queue as Prometheus sees them: looked at when it asks, and told as they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from recoup.scripts import connect
from recoup.watch import Queue, Store
from tests.integration.conftest import Server, free_port


def told(collector: Collector) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(collector)
    samples = [sample for metric in registry.collect() for sample in metric.samples]
    return {sample.name: sample.value for sample in samples}


@pytest.fixture
def nobody() -> str:
    """Where no database is."""
    return f"redis://127.0.0.1:{free_port()}/0"


@pytest.fixture
def forgetful(server: Server) -> Iterator[None]:
    """The database forgets what it acknowledged last, meanwhile."""
    with connect(server.url) as client:
        client.config_set("appendfsync", "everysec")
        yield
        client.config_set("appendfsync", "always")


def test_a_database_that_keeps_everything(server: Server) -> None:
    values = told(Store("stock", server.url))
    assert (values["recoup_store_up"], values["recoup_store_durable"]) == (1, 1)
    assert 0 < values["recoup_store_memory_bytes"] < values["recoup_store_memory_limit_bytes"]


@pytest.mark.usefixtures("forgetful")
def test_a_database_that_may_forget(server: Server) -> None:
    values = told(Store("stock", server.url))
    assert (values["recoup_store_up"], values["recoup_store_durable"]) == (1, 0)


def test_of_a_database_that_is_away_nothing_else_is_told(nobody: str) -> None:
    assert told(Store("stock", nobody)) == {"recoup_store_up": 0}


def test_workers_are_counted_once_and_by_their_party(server: Server) -> None:
    # given workers of two parties, with two connections each, and messages for one
    names = ["stock-worker@a", "stock-worker@b", "payment-worker@a"] * 2
    clients = [redis.Redis.from_url(server.url, client_name=name) for name in names]
    clients[0].rpush("stock", "one", "two")
    for client in clients:
        client.ping()
    # when the queue is looked at, then each worker is one
    assert told(Queue("stock", server.url)) == {
        "recoup_broker_up": 1,
        "recoup_broker_queue_length": 2,
        "recoup_workers": 2,
    }
    clients[0].delete("stock")
    for client in clients:
        client.close()


def test_of_a_broker_that_is_away_nothing_else_is_told(nobody: str) -> None:
    assert told(Queue("stock", nobody)) == {"recoup_broker_up": 0}
