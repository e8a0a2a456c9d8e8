"""A service's own database, and a party's queue, as Prometheus sees them: looked at when it asks.

Each is told by one process alone, the service whose database or queue it is: sums over several
would lie. Of what can't be reached nothing but that is told: never 0, never what once was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import redis
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from recoup import logs
from recoup.errors import Unanswered
from recoup.scripts import connect, is_durable

log = logs.logger(__name__)

LIMIT_S = 0.5
"""A database that is well answers in a millisecond; who asks for metrics waits meanwhile."""


class Store(Collector):
    """The database of a service."""

    def __init__(self, name: str, url: str) -> None:
        self._name = name
        self._client = connect(url, limit_s=LIMIT_S)

    def describe(self) -> Iterable[Metric]:
        """Nothing: else it would be asked already when it is registered. (Prometheus's hook)"""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Whether it answers, whether it keeps what it acknowledges, and how full it is."""
        up = GaugeMetricFamily("recoup_store_up", "1: the database answers", labels=["store"])
        try:
            durable, memory = is_durable(self._client), self._client.info("memory")
            durable &= self._client.info("persistence").get("aof_last_write_status") == "ok"
        except (Unanswered, redis.exceptions.RedisError) as error:
            log.debug("the database of %s can't be measured: %s", self._name, error)
            up.add_metric([self._name], 0)
            yield up
            return
        up.add_metric([self._name], 1)
        yield up
        limit_bytes = int(memory["maxmemory"]) or int(memory["total_system_memory"])
        for name, what, value in (
            ("durable", "1: the database keeps what it acknowledges", int(durable)),
            ("memory_bytes", "What the database holds in memory", int(memory["used_memory"])),
            ("memory_limit_bytes", "The most that it may: its limit, or its machine", limit_bytes),
        ):
            gauge = GaugeMetricFamily(f"recoup_store_{name}", what, labels=["store"])
            gauge.add_metric([self._name], value)
            yield gauge


class Queue(Collector):
    """A party's queue at the broker, and the workers that take from it."""

    def __init__(self, party: str, broker_url: str) -> None:
        self._party = party
        self._client = connect(broker_url, limit_s=LIMIT_S)

    def describe(self) -> Iterable[Metric]:
        """Nothing: else it would be asked already when it is registered. (Prometheus's hook)"""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Whether the broker answers this party; how many messages wait, and for how many."""
        up = GaugeMetricFamily(
            "recoup_broker_up", "1: the broker answers the service of this queue", labels=["queue"]
        )
        try:
            waiting, workers = self._client.llen(self._party), self._workers()
        except redis.exceptions.RedisError as error:
            log.debug("the broker can't be measured: %s", error)
            up.add_metric([self._party], 0)
            yield up
            return
        up.add_metric([self._party], 1)
        yield up
        length = GaugeMetricFamily(
            "recoup_broker_queue_length", "Messages that no worker has taken", labels=["queue"]
        )
        length.add_metric([self._party], int(waiting))
        yield length
        count = GaugeMetricFamily(
            "recoup_workers", "Celery workers that are connected to the broker", labels=["queue"]
        )
        count.add_metric([self._party], workers)
        yield count

    def _workers(self) -> int:
        # A worker names its connections (see reconcile/app.py), and has many.
        names = {str(each.get("name", "")) for each in self._client.client_list(_type="normal")}
        return sum(name.startswith(f"{self._party}-worker@") for name in names)
