"""The log of what operators have done."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from gateway.orders import actions
from gateway.orders.actions import ACTIONS, Action, Actions
from gateway.orders.store import LUA, OrderStore
from recoup.scripts import Scripts
from tests.integration.books import move_clock

RETRY = Action("ann", "retry", "o.1", 1, "payment is back", "committed")


@pytest.fixture
def log(client: redis.Redis) -> Actions:
    return Actions(Scripts(client, LUA).run)


def test_what_was_done_last_comes_first(log: Actions) -> None:
    second = replace(RETRY, verb="abort", count=2**53 - 1, reason="")
    for action in (RETRY, second):
        log.note(action)
    assert [replace(found, at_ms=0) for found in log.latest(10)] == [second, RETRY]
    assert len(log.latest(1)) == 1


def test_it_is_dated_by_the_clock_of_the_store(
    log: Actions, orders: OrderStore, client: redis.Redis
) -> None:
    # given a store whose clock is ahead of its machine's
    move_clock(client, "orders", 3_600_000)
    ahead_ms = int(client.get("{orders}:clock") or 0)
    log.note(replace(RETRY, at_ms=1))
    assert log.latest(1)[0].at_ms == ahead_ms


def test_it_forgets_its_oldest(
    log: Actions, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "ACTIONS_MOST", 10)
    for n in range(300):
        log.note(replace(RETRY, count=n))
    # then those that are kept are the last, and no more than a node of the stream beyond the cap
    kept = [found.count for found in log.latest(1000)]
    assert kept == list(range(299, 299 - len(kept), -1))
    assert 10 <= len(kept) <= 10 + 100
    assert client.type(ACTIONS) == "stream"
