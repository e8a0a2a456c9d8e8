"""The sweep: what is due goes to the workers, or is settled here if nobody else would."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from reconcile.reconciler import Done, Outcome, Reconciler, Stuck, Waiting
from recoup.settings import Settings
from workers.ledger import sweep as sweep_module
from workers.ledger.engine import DueLeg, Ledger
from workers.ledger.sweep import GROUP_LEGS, Sweep, Swept

LEASE_MS = 200
NOW_MS = 100_000
DUE_MS = NOW_MS + LEASE_MS

LIMIT_S = 30
"""Of waiting for what takes milliseconds: reached only when it never comes."""


class Books(Ledger):
    """A ledger of which some legs are due."""

    def __init__(self) -> None:
        self.legs: list[DueLeg] = []
        self.parked: dict[str, str] = {}
        self.notes: dict[str, tuple[str, bool]] = {}
        self.waiting = 0

    def take_due(self, limit: int, lease_ms: int) -> tuple[int, int, list[DueLeg]]:
        taken, self.legs = self.legs[:limit], self.legs[limit:]
        return NOW_MS, NOW_MS + lease_ms, taken

    def park(self, tid: str, reason: str) -> None:
        self.parked[tid] = reason

    def note(self, tid: str, cause: str, orders_unreachable: bool) -> None:
        self.notes[tid] = (cause, orders_unreachable)

    def waiting_for_orders(self) -> int:
        return self.waiting

    def wake(self, limit: int) -> int:
        woken, self.waiting = self.waiting, 0
        return woken


class Settler(Reconciler):
    """Settles all, but for those of which it was told something else."""

    def __init__(self) -> None:
        self.name = "stock"
        self.outcomes: dict[str, Outcome] = {}
        self.groups: list[list[str]] = []

    def settle(self, tids: Sequence[str]) -> dict[str, Outcome]:
        self.groups.append(list(tids))
        return {tid: self.outcomes.get(tid, Done("commit")) for tid in tids}


class World:
    """A sweep, and those it meets."""

    def __init__(self) -> None:
        self.books = Books()
        self.settler = Settler()
        self.published: list[tuple[list[str], int]] = []
        self.broker_takes = 10**9
        """So many messages, and then it is away."""
        self.orders_answer = True
        settings = Settings(lease_ms=LEASE_MS, sweep_interval_ms=50)
        self.sweep = Sweep(
            self.books, self.settler, self.publish, lambda: self.orders_answer, settings
        )

    def publish(self, tids: Sequence[str], due_ms: int) -> None:
        if len(self.published) >= self.broker_takes:
            raise ConnectionError("no broker")
        self.published.append((list(tids), due_ms))

    def due(self, *tids: str, late_ms: int = 0) -> None:
        """Some legs are due, since so long."""
        self.books.legs += [DueLeg(tid, NOW_MS - late_ms) for tid in tids]


@pytest.fixture
def world() -> World:
    return World()


def test_when_it_is_quiet_nothing_happens(world: World) -> None:
    assert world.sweep.run_once() == Swept()
    assert world.published == []
    assert world.settler.groups == []


def test_what_is_due_goes_to_the_workers_with_its_new_due_time(world: World) -> None:
    world.due("o.1", "o.2")
    assert world.sweep.run_once() == Swept(handed_over=2)
    assert world.published == [(["o.1", "o.2"], DUE_MS)]
    assert world.settler.groups == []


def test_what_nobody_has_touched_for_long_is_settled_here(world: World) -> None:
    # Given a leg that was to be tried two leases ago, and one that nearly was
    world.due("late.1", late_ms=2 * LEASE_MS + 1)
    world.due("o.1", late_ms=2 * LEASE_MS)
    # When the sweep comes, then no worker is at work, and it settles that one itself
    assert world.sweep.run_once() == Swept(handed_over=1, settled=1)
    assert world.settler.groups == [["late.1"]]
    assert world.published == [(["o.1"], DUE_MS)]


def test_without_a_broker_all_is_settled_here(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a broker that is away
    world.broker_takes = 0
    world.due("o.1", "o.2")
    # When legs are due, then they are settled here
    assert world.sweep.run_once() == Swept(settled=2)
    # And the broker, when it is back, is left alone for a while
    world.broker_takes = 10**9
    world.due("o.3")
    assert world.sweep.run_once() == Swept(settled=1)
    assert world.published == []
    # And then has its turn again
    monkeypatch.setattr(sweep_module, "BROKER_PAUSE_S", 0)
    world.due("o.4")
    assert world.sweep.run_once() == Swept(handed_over=1)


def test_what_a_broker_took_before_it_went_away_is_the_workers_own(world: World) -> None:
    # Given more legs than one message takes, and a broker that takes one message
    tids = [f"o.{n}" for n in range(GROUP_LEGS + 5)]
    world.due(*tids)
    world.broker_takes = 1
    # When they are swept, then the rest is settled here
    assert world.sweep.run_once() == Swept(handed_over=GROUP_LEGS, settled=5)
    assert world.settler.groups == [tids[GROUP_LEGS:]]


def test_many_travel_in_groups(world: World) -> None:
    world.due(*[f"o.{n}" for n in range(2 * GROUP_LEGS + 1)])
    world.sweep.run_once()
    assert [len(tids) for tids, _ in world.published] == [GROUP_LEGS, GROUP_LEGS, 1]


def test_what_it_cannot_settle_is_noted_or_parked(world: World) -> None:
    world.broker_takes = 0
    world.due("waits.1", "away.1", "stuck.1", "o.1")
    world.settler.outcomes = {
        "waits.1": Waiting("under way"),
        "away.1": Waiting("orders can't be reached", orders_unreachable=True),
        "stuck.1": Stuck("missing account"),
    }
    assert world.sweep.run_once() == Swept(settled=1, waiting=2, parked=1)
    assert world.books.parked == {"stuck.1": "missing account"}
    assert world.books.notes == {
        "waits.1": ("under way", False),
        "away.1": ("orders can't be reached", True),
    }


def test_what_waits_for_the_order_store_is_woken_when_it_comes_back(world: World) -> None:
    # Given legs that wait for the order store, which is away
    world.books.waiting = 3
    world.orders_answer = False
    assert world.sweep.run_once().woken == 0
    # When it answers again, then they are due
    world.orders_answer = True
    assert world.sweep.run_once().woken == 3
    assert world.sweep.run_once().woken == 0


def test_while_the_order_store_answers_nobody_is_woken_early(world: World) -> None:
    world.books.waiting = 3
    assert world.sweep.run_once().woken == 0


def test_each_leg_that_was_due_is_in_a_line(world: World, caplog: pytest.LogCaptureFixture) -> None:
    # given legs for the workers, and legs that the sweep has to see to itself
    caplog.set_level("INFO")
    world.due("o.1", "o.2")
    world.sweep.run_once()
    world.broker_takes = 0
    world.due("waits.1", "o.3")
    world.settler.outcomes = {"waits.1": Waiting("under way")}
    world.sweep.run_once()
    # then all are named, in a line for each group of the same fate
    told = [(record.getMessage(), record.__dict__["fields"]) for record in caplog.records]
    assert [event for event, _ in told] == [
        "due: handed to the workers",
        "the broker is away, so the sweep settles by itself: no broker",
        "due: not settled yet",
        "due: settled by the sweep: commit",
    ]
    assert [fields.get("tids") or fields["tid"] for _, fields in told] == [
        ["o.1", "o.2"],
        ["waits.1", "o.3"],
        "waits.1",
        ["o.3"],
    ]


def test_it_tells_how_long_ago_it_ended_well(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a sweep that fails, and then doesn't
    runs = threading.Semaphore(0)
    fails = [RuntimeError("a surprise")]

    def run_once() -> Swept:
        runs.release()
        if fails:
            raise fails.pop()
        return Swept()

    monkeypatch.setattr(sweep_module, "observe", lambda ledger: None)
    monkeypatch.setattr(world.sweep, "run_once", run_once)
    assert world.sweep.ended_ago_ms() is None
    # When it has run twice, and begun a third time, then it has ended well a moment ago
    stop = world.sweep.start()
    assert runs.acquire(timeout=LIMIT_S)
    assert runs.acquire(timeout=LIMIT_S)
    assert runs.acquire(timeout=LIMIT_S)
    ago_ms = world.sweep.ended_ago_ms()
    stop()
    assert ago_ms is not None
    assert 0 <= ago_ms < LIMIT_S * 1000
    assert "a surprise" in caplog.text
