"""The record of the last hour: processes add to it, it survives them, and forgets by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from gateway import metrics
from gateway.console.record import EXTRA_S, KEPT_S, SLOT_S, Recorder, last_hour, slot_of

NOW_S = 1_000_000.0


class Clock:
    """Says what it is told to."""

    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def process(client: redis.Redis, clock: Clock) -> Callable[[], Recorder]:
    """A process that records. (All share the counters of this one.)"""
    return lambda: Recorder(client, lambda: {"waiting stock": 2}, clock)


def test_what_processes_count_adds_up(
    client: redis.Redis, clock: Clock, process: Callable[[], Recorder]
) -> None:
    # given two processes that have begun, and count 3 paid checkouts each
    first, second = process(), process()
    metrics.CHECKOUTS["paid"].inc(3)
    metrics.CHECKOUT_DURATION_S.observe(0.003)
    # when both write, one of them twice
    for recorder in (first, second, first):
        recorder.run_once()
    # then everything is there once for each, and nothing of before
    (slot,) = (slot for slot in last_hour(client, clock.now_s + 2 * SLOT_S) if slot.answered)
    assert slot.at_s == slot_of(NOW_S)
    assert slot.outcomes == {"paid": 6}
    assert slot.took == {"0.005": 2}
    assert slot.waiting == {"stock": 2}
    # and it is forgotten by itself, an hour later
    (key,) = client.keys("*")
    assert KEPT_S < client.ttl(key) <= KEPT_S + EXTRA_S


def test_an_hour_has_every_slot_and_none_that_is_incomplete(
    client: redis.Redis, clock: Clock, process: Callable[[], Recorder]
) -> None:
    recorder = process()
    for _ in range(3):
        metrics.CHECKOUTS["paid"].inc()
        recorder.run_once()
        clock.now_s += SLOT_S
    slots = last_hour(client, clock.now_s)
    assert len(slots) == KEPT_S // SLOT_S
    assert [slot.answered for slot in slots[-3:]] == [0, 1, 1]
    assert slots[-1].at_s == slot_of(NOW_S) + SLOT_S


class Away:
    """A database that doesn't answer."""

    def pipeline(self, transaction: bool) -> Any:
        raise redis.exceptions.ConnectionError("refused")


def test_what_is_counted_while_the_database_is_away_is_written_later_where_it_belongs(
    client: redis.Redis, clock: Clock, process: Callable[[], Recorder]
) -> None:
    # given a process whose database goes away for two slots
    recorder = process()
    database, recorder._database = recorder._database, Away()  # type: ignore[assignment]
    for _ in range(2):
        metrics.CHECKOUTS["store-unavailable"].inc()
        with pytest.raises(redis.exceptions.ConnectionError):
            recorder.run_once()
        clock.now_s += SLOT_S
    # when it is back
    recorder._database = database
    recorder.run_once()
    # then each is in its own slot
    slots = last_hour(client, clock.now_s + 2 * SLOT_S)
    assert [slot.answered for slot in slots[-3:]] == [1, 1, 0]


def test_who_is_away_for_hours_keeps_an_hour(
    client: redis.Redis, clock: Clock, process: Callable[[], Recorder]
) -> None:
    recorder = process()
    recorder._database = Away()  # type: ignore[assignment]
    for _ in range(3):
        metrics.CHECKOUTS["store-unavailable"].inc()
        with pytest.raises(redis.exceptions.ConnectionError):
            recorder.run_once()
        clock.now_s += KEPT_S
    assert len(recorder._unwritten) == 1
