"""due: which legs a sweep takes, and when."""

from __future__ import annotations

import time

import pytest

from proto import ledger_pb2 as pb
from tests.integration.books import ABORT, COMMIT, Books, Verdict


@pytest.fixture(autouse=True)
def _an_item(stock: Books) -> None:
    stock.open("a", 100)


# --- due ---


def test_a_leg_is_due_past_its_deadline(stock: Books) -> None:
    # Given a leg with a deadline
    stock.hold("o.1", ("a", 1))
    deadline_ms = stock.due()["o.1"]
    # When a sweep comes before, it takes nothing; after it, the leg
    assert stock.take_due() == {}
    stock.pass_ms(1000)
    assert stock.take_due() == {"o.1": deadline_ms}


def test_the_deadline_passes_by_itself(stock: Books) -> None:
    # Given a leg, and a clock that goes with the machine's
    stock.client.delete(stock.key("clock"))
    stock.hold("o.1", ("a", 1))
    # When its deadline passes, then it is due
    time.sleep(stock.settings.deadline_ms / 1000)
    assert set(stock.take_due()) == {"o.1"}


def test_what_a_sweep_has_taken_is_due_again_after_a_lease(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    stock.pass_ms(60_000)
    now_ms, due_ms, _ = stock.ledger.take_due(10, lease_ms=200)
    assert due_ms == now_ms + 200
    assert stock.due() == {"o.1": due_ms}
    assert stock.take_due() == {}
    stock.pass_ms(200)
    assert set(stock.take_due()) == {"o.1"}


def test_a_sweep_takes_the_longest_due_and_not_too_many(stock: Books) -> None:
    now_ms = stock.now_ms()
    for n in (3, 1, 2):
        stock.hold(f"o.{n}", ("a", 1), deadline_ms=now_ms + 200 + n)
    stock.pass_ms(1000)
    assert set(stock.take_due(limit=2)) == {"o.1", "o.2"}
    assert set(stock.take_due(limit=2)) == {"o.3"}


def test_a_sweep_learns_when_the_last_try_wanted_the_next(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    claimed_ms = stock.claim("o.1", 0, backoff_ms=700, lease_ms=200)
    stock.pass_ms(1000)
    assert stock.take_due() == {"o.1": claimed_ms - 200}


def test_a_record_that_cannot_be_read_disturbs_no_other(stock: Books) -> None:
    for tid in ("o.1", "bad.1", "o.2"):
        stock.hold(tid, ("a", 1))
    stock.client.set(stock.key("leg:bad.1"), "what is this?")
    stock.pass_ms(1000)
    taken = stock.take_due()
    assert set(taken) == {"o.1", "bad.1", "o.2"}
    assert taken["bad.1"] == 0


def test_a_sweep_takes_out_what_has_no_leg_and_says_so(
    stock: Books, caplog: pytest.LogCaptureFixture
) -> None:
    # Given two legs, of which the database has lost one, but not its entry
    for tid in ("gone.1", "o.1"):
        stock.hold(tid, ("a", 1))
    stock.client.delete(stock.key("leg:gone.1"))
    # When they aren't due yet, nothing happens
    assert stock.take_due() == {}
    assert set(stock.due()) == {"gone.1", "o.1"}
    # When they are, the sweep takes the other one, and the entry is gone for good
    stock.pass_ms(1000)
    assert set(stock.take_due()) == {"o.1"}
    assert set(stock.due()) == {"o.1"}
    assert "gone.1 of stock was due, and its leg is gone" in caplog.text


def test_what_was_parked_stays_listed_though_its_leg_is_gone(stock: Books) -> None:
    stock.hold("gone.1", ("a", 1))
    stock.ledger.park("gone.1", "a reason")
    stock.client.delete(stock.key("leg:gone.1"))
    stock.ledger.unpark(10)
    assert stock.take_due() == {"gone.1": 0}
    assert stock.listed("gone.1") == {"due", "reasons"}


def test_a_deduction_that_comes_late_is_due_again(stock: Books) -> None:
    # Given a leg that is gone, and a sweep that has taken its entry out
    stock.hold("o.1", ("a", 1))
    stock.client.delete(stock.key("leg:o.1"))
    stock.pass_ms(1000)
    stock.take_due()
    # When it is deducted once more, then it is due as any other
    stock.hold("o.1", ("a", 1))
    stock.pass_ms(1000)
    assert set(stock.take_due()) == {"o.1"}


def test_a_leg_deducted_once_more_before_the_sweep_stays_due(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    stock.client.delete(stock.key("leg:o.1"))
    stock.hold("o.1", ("a", 1))
    stock.pass_ms(1000)
    assert set(stock.take_due()) == {"o.1"}
    assert stock.listed("o.1") == {"due"}


@pytest.mark.parametrize("verdict", [COMMIT, ABORT])
def test_a_settled_leg_that_is_due_leaves_when_it_is_settled_again(
    stock: Books, verdict: Verdict
) -> None:
    # Given a settled leg that is still due, and has no reason to be
    stock.hold("o.1", ("a", 1))
    stock.settle("o.1", verdict)
    stock.client.zadd(stock.key("due"), {"o.1": 1})
    # When a sweep takes it, it stays: its verdict may be another
    assert set(stock.take_due()) == {"o.1"}
    opposite = ABORT if verdict == COMMIT else COMMIT
    assert stock.settle("o.1", opposite) == pb.CONTRADICTION
    assert stock.listed("o.1") == {"due"}
    # When it is settled as it was, it leaves
    assert stock.settle("o.1", verdict) == pb.ALREADY
    assert stock.due() == {}


def test_a_settled_leg_that_is_due_leaves_at_the_latest_when_it_has_expired(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    stock.settle("o.1", COMMIT)
    stock.client.zadd(stock.key("due"), {"o.1": 1})
    assert stock.client.pttl(stock.key("leg:o.1")) > 0
    stock.client.pexpire(stock.key("leg:o.1"), 0)
    assert stock.take_due() == {}
    assert stock.due() == {}


@pytest.mark.parametrize("value", ["", "soon", "1e5"])
@pytest.mark.parametrize("field", ["deadline_ms", "next_try_ms"])
def test_a_damaged_time_is_one_legs_trouble(stock: Books, field: str, value: str) -> None:
    # given two legs that are due, of which one has no readable time
    for tid in ("bad.1", "o.1"):
        stock.hold(tid, ("a", 1))
    stock.client.hset(stock.key("leg:bad.1"), field, value)
    stock.pass_ms(1000)
    # then a sweep takes both
    assert set(stock.take_due()) == {"bad.1", "o.1"}


def test_a_record_without_a_state_stays_due(stock: Books) -> None:
    stock.hold("bad.1", ("a", 1))
    stock.client.hdel(stock.key("leg:bad.1"), "state")
    stock.pass_ms(1000)
    assert set(stock.take_due()) == {"bad.1"}
    assert stock.listed("bad.1") == {"due"}
