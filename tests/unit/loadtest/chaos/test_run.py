"""The course of a run: how far it goes, what ends it, and when nothing is held any more."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from typing import Any, cast

import pytest

from loadtest.chaos import run as runs
from loadtest.chaos.board import Board
from loadtest.chaos.faults import FAULTS
from loadtest.chaos.plan import SINGLES_LEAST, Plan, plan
from loadtest.chaos.result import Result
from loadtest.chaos.run import CALM_S, Run
from loadtest.chaos.world import World

HOUR_S = 3600.0

FAULTS_IN_ORDER = plan(1, 1, FAULTS).singles


class Instance:
    url = "http://127.0.0.1:1"


class Told:
    """A world of which only the number of held legs is known."""

    instance = Instance()

    def __init__(self, held: Iterable[int | None] = ()) -> None:
        self._held = itertools.chain(held, itertools.repeat(0))

    def legs_held(self) -> int | None:
        return next(self._held)


class Judged(Run):
    """A run in which each fault ends as it is told."""

    def __init__(self, planned: Plan, *ready_s: float | None, world: Told | None = None) -> None:
        super().__init__(cast(World, world or Told()), planned, Board(0))
        self._ready_s = itertools.chain(ready_s, itertools.repeat(1.0))

    def _judged(self, name: str, planned: Sequence[Any], lasts_s: float) -> None:
        self.results.append(Result(name, ready_s=next(self._ready_s)))

    def done(self) -> list[str]:
        return [result.name for result in self.results]


def planned(singles_s: float) -> Plan:
    drawn = plan(1, 1, FAULTS)
    return Plan(1, drawn.singles, singles_s, drawn.storm, drawn.storm_s)


def test_with_time_enough_each_kind_is_had_alone() -> None:
    run = Judged(planned(HOUR_S))
    run.singles()
    assert run.done() == [fault.name for fault in FAULTS_IN_ORDER]
    assert run.left_out == []


def test_without_time_a_few_are_and_the_others_are_told() -> None:
    run = Judged(planned(0))
    run.singles()
    names = [fault.name for fault in FAULTS_IN_ORDER]
    assert run.done() == names[:SINGLES_LEAST]
    assert run.left_out == names[SINGLES_LEAST:]


def test_nothing_is_broken_any_more_when_something_never_comes_back() -> None:
    # given a second fault after which a process is never ready again
    run = Judged(planned(HOUR_S), 1.0, None)
    run.singles()
    run.storm()
    # then that was the last one
    assert len(run.results) == 2
    assert len(run.left_out) == len(FAULTS) - 2


def test_it_has_converged_when_nothing_is_held_for_a_while() -> None:
    # given legs of which the last is taken when nothing was held for a moment already
    run = Judged(planned(0), world=Told([3, None, 0, 2, 0]))
    began_s = time.monotonic()
    converged_s = run._until_nothing_is_held(began_s)
    # then it waits for that one too, and tells when it was gone
    assert converged_s is not None
    assert 0 < converged_s <= time.monotonic() - began_s - CALM_S


def test_what_stays_held_never_converges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "CONVERGENCE_LIMIT_S", 0.2)
    for held in (1, None):
        run = Judged(planned(0), world=Told(itertools.repeat(held)))
        assert run._until_nothing_is_held(time.monotonic()) is None
