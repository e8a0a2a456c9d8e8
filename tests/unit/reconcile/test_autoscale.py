"""A worker's pool follows what waits for a place in it, within its bounds."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from celery.concurrency.gevent import TaskPool
from celery.worker import autoscale, state

from reconcile import autoscale as ours
from reconcile.autoscale import Autoscaler
from recoup.settings import settings

LEAST, MOST = 2, 6


class Clock:
    """The time that an autoscaler sees."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1_000.0
        monkeypatch.setattr(autoscale, "monotonic", lambda: self.now_s)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> set[object]:
    """The tasks that run, or wait for a place."""
    tasks: set[object] = set()
    monkeypatch.setattr(state, "reserved_requests", tasks)
    return tasks


@pytest.fixture
def scaler(clock: Clock, waiting: set[object]) -> Iterator[Autoscaler]:
    pool = TaskPool(LEAST)
    pool.start()
    yield Autoscaler(pool, MOST, LEAST)
    pool.stop()


def test_it_grows_with_what_waits_and_not_beyond(scaler: Autoscaler, waiting: set[object]) -> None:
    for count, places in ((1, LEAST), (3, 3), (5, 5), (100, MOST)):
        waiting.update(range(count))
        scaler.maybe_scale()
        assert scaler.pool.num_processes == places


def test_it_shrinks_when_it_is_calm_though_messages_come(
    scaler: Autoscaler, waiting: set[object], clock: Clock
) -> None:
    # given a pool that has grown, and whose tasks are done
    waiting.update(range(100))
    scaler.maybe_scale()
    waiting.clear()
    # when less than the calm time has passed, then it stays
    clock.now_s += settings().worker_calm_s - 1
    scaler.maybe_scale()
    assert scaler.pool.num_processes == MOST
    # and after it, it is small again, also in a shop that sells
    clock.now_s += 2
    scaler.maybe_scale(req=object())
    assert scaler.pool.num_processes == LEAST


def test_what_runs_keeps_its_place(scaler: Autoscaler, waiting: set[object], clock: Clock) -> None:
    # given a full pool
    waiting.update(range(100))
    scaler.maybe_scale()
    # when some of its tasks go on for longer than it is calm
    waiting.clear()
    waiting.update(range(4))
    clock.now_s += settings().worker_calm_s + 1
    scaler.maybe_scale()
    # then there is a place for each, and no more
    assert scaler.pool.num_processes == 4


def test_who_stops_the_worker_does_not_wait_for_its_next_look(
    scaler: Autoscaler, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an autoscaler that won't look again soon
    looked = threading.Event()
    monkeypatch.setattr(ours, "LOOK_S", 3_600)
    monkeypatch.setattr(scaler, "maybe_scale", looked.set)
    scaler.start()
    assert looked.wait(60)
    # when the worker stops, then it ends
    scaler.stop()
    assert not scaler.is_alive()
