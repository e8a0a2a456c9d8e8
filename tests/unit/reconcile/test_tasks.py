"""Anyone may put anything into the broker: what names tids is done, whatever else is in there."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from proto import ledger_pb2 as pb
from reconcile import tasks
from reconcile.reconciler import Done, Outcome, Stuck, Waiting


class Workers:
    """Those who would settle, and what they were asked to."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.compensations: list[tuple[str, str, int]] = []
        self.outcome: Outcome = Done("commit")

    def settle(self, tids: Sequence[str]) -> dict[str, Outcome]:
        self.groups.append(list(tids))
        return dict.fromkeys(tids, self.outcome)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Workers:
    workers = Workers()
    monkeypatch.setattr(tasks, "reconciler", lambda name: workers)
    monkeypatch.setattr(
        tasks, "publish_compensation", lambda *message: workers.compensations.append(message)
    )
    monkeypatch.setattr(tasks, "party", lambda name: pytest.fail("a party was asked"))
    return workers


NO_TIDS: list[Any] = [None, 7, True, "", "o", "o.", "o.01", "o.-1", "ö.1", ["o.1"], {"o.1": 1}]


def test_what_is_no_tid_keeps_no_other_from_being_settled(
    workers: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.settle("stock", ["a.1", *NO_TIDS, "b.2"])
    assert workers.groups == [["a.1", "b.2"]]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@pytest.mark.parametrize(
    ("tids", "due_ms"),
    [
        (None, 0),
        ("o.1", 0),
        ({"o.1": 1}, 0),
        (7, 0),
        (["o.1"], "0"),
        (["o.1"], -1),
        (["o.1"], None),
    ],
)
def test_what_names_no_tids_is_dropped(workers: Workers, tids: Any, due_ms: Any) -> None:
    tasks.settle("stock", tids, due_ms)
    assert workers.groups == []


def test_a_group_of_any_size_is_settled_a_part_at_a_time(workers: Workers) -> None:
    tids = [f"o.{version}" for version in range(2 * tasks.GROUP_TIDS + 1)]
    tasks.settle("stock", tids)
    assert [len(group) for group in workers.groups] == [tasks.GROUP_TIDS, tasks.GROUP_TIDS, 1]
    assert [tid for group in workers.groups for tid in group] == tids


def test_what_resists_gets_a_task_of_its_own(workers: Workers) -> None:
    workers.outcome = Waiting("not now")
    tasks.settle("stock", ["a.1", "b.2"], 5)
    assert workers.compensations == [("stock", "a.1", 5), ("stock", "b.2", 5)]


@pytest.mark.parametrize("tid", NO_TIDS)
def test_nothing_is_compensated_for_what_is_no_tid(workers: Workers, tid: Any) -> None:
    task: Any = SimpleNamespace(request=SimpleNamespace(retries=0))
    assert tasks.compensate(task, "stock", tid) == "dropped: that is no tid"
    assert workers.groups == []


class Ledger:
    """A party by which nothing can be claimed: it is settled, or somebody else tries it."""

    def __init__(self) -> None:
        self.parked: list[tuple[str, str]] = []

    def claim(self, tid: str, *_: int) -> pb.ClaimReply:
        return pb.ClaimReply(claimed=False)

    def park(self, tid: str, reason: str) -> None:
        self.parked.append((tid, reason))


@pytest.mark.parametrize(
    ("outcome", "said", "parked"),
    [
        # a leg that was settled against its verdict: nobody else would find it
        (Stuck("contradiction"), "parked: contradiction", [("o.1", "contradiction")]),
        (Done("commit"), "ended: settled, or taken over", []),
        (Waiting("not now"), "ended: settled, or taken over", []),
    ],
)
def test_of_what_can_not_be_claimed_only_a_contradiction_is_parked(
    workers: Workers,
    monkeypatch: pytest.MonkeyPatch,
    outcome: Outcome,
    said: str,
    parked: list[tuple[str, str]],
) -> None:
    workers.outcome, ledger = outcome, Ledger()
    monkeypatch.setattr(tasks, "party", lambda name: ledger)
    task: Any = SimpleNamespace(request=SimpleNamespace(retries=0))
    assert tasks.compensate(task, "stock", "o.1") == said
    assert ledger.parked == parked


class Again(Exception):
    """Celery's way to end a try that is followed by another one."""


class Held(Ledger):
    """A party that holds the leg."""

    def claim(self, tid: str, *_: int) -> pb.ClaimReply:
        return pb.ClaimReply(claimed=True, due_ms=9)

    def note(self, *_: object) -> None: ...


def test_each_try_is_logged_by_its_tid(
    workers: Workers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(tasks, "party", lambda name: Held())

    def retry(*_: object, **__: object) -> Again:
        return Again()

    # given a leg that resists once
    workers.outcome = Waiting("not now")
    tasks.settle("stock", ["o.1"])
    first: Any = SimpleNamespace(request=SimpleNamespace(retries=0), retry=retry)
    with pytest.raises(Again):
        tasks.compensate(first, "stock", "o.1")
    workers.outcome = Done("abort")
    tasks.compensate(SimpleNamespace(request=SimpleNamespace(retries=1)), "stock", "o.1")  # type: ignore[arg-type]
    # then each step of it has a line, and each line its tid, its party and its cause
    assert [record.getMessage().partition(" in ")[0] for record in caplog.records] == [
        "gets a task of its own",
        "not settled yet: tries again",
        "settled: abort after 2 tries",
    ]
    fields = [record.__dict__["fields"] for record in caplog.records]
    assert {(each["tid"], each["party"]) for each in fields} == {("o.1", "stock")}
    assert [each.get("cause") for each in fields] == ["not now", "not now", None]
    assert [each.get("tries") for each in fields] == [None, 1, 2]
