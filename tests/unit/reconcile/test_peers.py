"""Who answers is asked when Prometheus asks, and not before; all at once."""

from __future__ import annotations

import threading

from prometheus_client import CollectorRegistry

from reconcile.peers import Peers
from recoup.errors import Unanswered

PATIENCE_S = 60


def test_who_answers_and_who_does_not_is_told() -> None:
    # given two peers that wait for each other's question, of which one is away
    both = threading.Barrier(2, timeout=PATIENCE_S)
    asked: list[str] = []

    def orders() -> None:
        asked.append("orders")
        both.wait()

    def payment() -> None:
        asked.append("payment")
        both.wait()
        raise Unanswered("no answer")

    registry = CollectorRegistry(auto_describe=True)
    registry.register(Peers("stock", {"orders": orders, "payment": payment}))
    # then nobody is asked before somebody wants to know
    assert asked == []
    # when somebody does, then both are asked, and each is told
    (metric,) = registry.collect()
    told = {sample.labels["to"]: sample.value for sample in metric.samples}
    assert told == {"orders": 1, "payment": 0}
    assert {sample.labels["from"] for sample in metric.samples} == {"stock"}
    assert sorted(asked) == ["orders", "payment"]
