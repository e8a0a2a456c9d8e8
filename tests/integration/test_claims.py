"""claim, note, wake, park, unpark and status: who looks at a held leg, and why it waits."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from proto import ledger_pb2 as pb
from tests.integration.books import COMMIT, Books, Photographer


@pytest.fixture(autouse=True)
def _an_item(stock: Books) -> None:
    stock.open("a", 100)


# --- claim ---


def test_a_claim_moves_the_due_time_to_the_next_try_plus_a_lease(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    stock.pass_ms(60_000)
    claimed_ms = stock.claim("o.1", 0, backoff_ms=10, lease_ms=200)
    assert claimed_ms == stock.now_ms() + 210
    assert stock.due() == {"o.1": claimed_ms}
    assert stock.leg("o.1").next_try_ms == claimed_ms - 200


def test_of_two_who_were_given_the_same_due_time_one_claims(stock: Books) -> None:
    # Given a leg, and its due time
    stock.hold("o.1", ("a", 1))
    given_ms = stock.due()["o.1"]
    # When two try to claim it
    first_ms, second_ms = stock.claim("o.1", given_ms), stock.claim("o.1", given_ms)
    # Then the first has it, and goes on with the due time that it got
    assert first_ms
    assert second_ms == 0
    assert stock.claim("o.1", first_ms)
    assert stock.leg("o.1").tries == 2


def test_who_was_given_no_due_time_takes_a_leg_over(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    first_ms = stock.claim("o.1", stock.due()["o.1"], backoff_ms=10)
    assert stock.claim("o.1", 0, backoff_ms=20)
    assert stock.claim("o.1", first_ms) == 0


def test_a_claim_that_fails_writes_nothing(stock: Books, photograph: Photographer) -> None:
    # Given a leg of somebody else, one that is settled, and one that is parked
    for tid in ("others.1", "settled.1", "parked.1"):
        stock.hold(tid, ("a", 1))
    stock.settle("settled.1", COMMIT)
    stock.ledger.park("parked.1", "a reason")
    before = photograph()
    # When they, and one that nobody knows, are claimed
    assert stock.claim("others.1", 1) == 0
    assert stock.claim("settled.1", 0) == 0
    assert stock.claim("parked.1", 0) == 0
    assert stock.claim("nobody.1", 0) == 0
    # Then nothing has happened
    assert photograph() == before


def test_a_leg_whose_record_is_gone_is_due_no_more(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    stock.client.delete(stock.key("leg:o.1"))
    assert stock.claim("o.1", 0) == 0
    assert stock.due() == {}
    assert not stock.client.exists(stock.key("leg:o.1"))


@pytest.mark.parametrize("spoil", [("hset", "state", "lost"), ("hdel", "state")])
def test_a_leg_in_a_state_that_nobody_has_written_stays_due(
    stock: Books, spoil: tuple[str, ...]
) -> None:
    stock.hold("o.1", ("a", 1))
    command, *field = spoil
    getattr(stock.client, command)(stock.key("leg:o.1"), *field)
    stock.claim("o.1", 0)
    assert stock.listed("o.1") == {"due"}


def test_a_leg_whose_record_cannot_be_read_can_be_claimed(stock: Books) -> None:
    # Given a leg with a record of another type
    stock.hold("bad.1", ("a", 1))
    stock.client.set(stock.key("leg:bad.1"), "what is this?")
    # When it is claimed, then it can be: whoever tries it finds out, and parks it
    assert stock.claim("bad.1", stock.due()["bad.1"])


def test_an_unparked_leg_can_be_claimed_also_when_it_is_settled(stock: Books) -> None:
    # Given a contradiction: a settled leg that was parked for it
    stock.hold("o.1", ("a", 1))
    stock.settle("o.1", COMMIT)
    stock.ledger.park("o.1", "contradiction")
    # When it is to be tried once more
    stock.ledger.unpark(10)
    # Then somebody can
    assert stock.claim("o.1", stock.due()["o.1"])


# --- note ---


def test_a_note_says_why_a_try_did_not_settle(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    stock.ledger.note("o.1", "payment can't be reached", orders_unreachable=False)
    assert stock.leg("o.1").cause == "payment can't be reached"
    assert stock.listed("o.1") == {"due"}


def test_a_leg_waits_for_the_order_store_until_it_fails_for_something_else(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    stock.ledger.note("o.1", "orders can't be reached", orders_unreachable=True)
    assert stock.ledger.waiting_for_orders() == 1
    stock.ledger.note("o.1", "payment can't be reached", orders_unreachable=False)
    assert stock.ledger.waiting_for_orders() == 0


def test_a_note_on_what_is_not_held_writes_nothing(stock: Books, photograph: Photographer) -> None:
    stock.hold("o.1", ("a", 1))
    stock.settle("o.1", COMMIT)
    before = photograph()
    for tid in ("o.1", "nobody.1"):
        stock.ledger.note(tid, "too late", orders_unreachable=True)
    assert photograph() == before


# --- wake ---


def test_what_waits_for_the_order_store_is_due_when_it_answers(stock: Books) -> None:
    # Given two legs, one of which waits for the order store, after a long backoff
    for tid in ("waits.1", "other.1"):
        stock.hold(tid, ("a", 1))
        given_ms = stock.claim(tid, 0, backoff_ms=30_000)
    stock.ledger.note("waits.1", "orders can't be reached", orders_unreachable=True)
    # When the order store answers again
    assert stock.ledger.wake(10) == 1
    # Then that one is due, its old try ends, and it waits no more
    assert set(stock.take_due()) == {"waits.1"}
    assert stock.claim("waits.1", given_ms) == 0
    assert stock.ledger.waiting_for_orders() == 0
    assert stock.ledger.wake(10) == 0


def test_waking_is_paced(stock: Books) -> None:
    for n in range(5):
        stock.hold(f"o.{n}", ("a", 1))
        stock.ledger.note(f"o.{n}", "orders can't be reached", orders_unreachable=True)
    assert [stock.ledger.wake(2) for _ in range(4)] == [2, 2, 1, 0]


def test_waking_makes_nothing_due_that_is_not_held(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    stock.ledger.note("o.1", "orders can't be reached", orders_unreachable=True)
    stock.client.zrem(stock.key("due"), "o.1")
    stock.ledger.wake(10)
    assert stock.due() == {}


# --- park, unpark ---


def test_a_parked_leg_is_listed_with_its_reason_and_not_due(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    stock.ledger.note("o.1", "orders can't be reached", orders_unreachable=True)
    stock.ledger.park("o.1", "missing account")
    assert stock.listed("o.1") == {"parked", "reasons"}
    assert stock.leg("o.1").parked == "missing account"
    stock.pass_ms(3_600_000)
    assert stock.take_due() == {}


def test_a_settled_leg_that_is_parked_is_kept_for_good(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    stock.settle("o.1", COMMIT)
    stock.ledger.park("o.1", "contradiction")
    assert stock.client.ttl(stock.key("leg:o.1")) == -1


def test_parking_what_is_not_known_writes_nothing(stock: Books, photograph: Photographer) -> None:
    before = photograph()
    stock.ledger.park("nobody.1", "a reason")
    assert photograph() == before


def test_a_record_that_cannot_be_read_can_be_parked(stock: Books) -> None:
    stock.hold("bad.1", ("a", 1))
    stock.client.set(stock.key("leg:bad.1"), "what is this?")
    stock.ledger.park("bad.1", "malformed record")
    assert stock.listed("bad.1") == {"parked", "reasons"}


def test_parking_again_keeps_its_place_and_takes_the_newer_reason(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    stock.ledger.park("o.1", "missing account")
    since_ms = stock.client.zscore(stock.key("parked"), "o.1")
    stock.pass_ms(60_000)
    stock.ledger.park("o.1", "contradiction")
    assert stock.client.zscore(stock.key("parked"), "o.1") == since_ms
    assert stock.leg("o.1").parked == "contradiction"


def test_the_longest_parked_are_due_first(stock: Books) -> None:
    # Given three parked legs
    for n in (2, 3, 1):
        stock.hold(f"o.{n}", ("a", 1))
        stock.ledger.park(f"o.{n}", "a reason")
        stock.pass_ms(1000)
    # When two of them are to be tried again
    assert stock.ledger.unpark(2) == 2
    # Then those that were parked first are due, with their reasons until they settle
    assert set(stock.take_due()) == {"o.2", "o.3"}
    assert stock.parked() == {"o.1"}
    assert stock.listed("o.2") == {"due", "reasons"}
    assert stock.ledger.unpark(2) == 1
    assert stock.ledger.unpark(2) == 0


# --- pending, retry ---


def test_what_waits_is_listed_with_the_longest_waiting_first(
    stock: Books, photograph: Photographer
) -> None:
    # Given held legs, a settled one, and a parked one
    for n in (2, 1, 3):
        stock.hold(f"o.{n}", ("a", n))
        stock.pass_ms(10)
    stock.hold("done.1", ("a", 1))
    stock.settle("done.1", COMMIT)
    stock.hold("bad.1", ("a", 1))
    stock.ledger.park("bad.1", "a reason")
    before = photograph()
    # When they are listed
    waits = stock.pending(limit=2)
    parked = stock.pending(parked=True, limit=2)
    # Then the first are told as they are, and how many there are
    assert [leg.tid for leg in waits.legs] == ["o.2", "o.1"]
    assert waits.legs[0] == stock.leg("o.2")
    assert waits.total == 3
    assert [(leg.tid, leg.parked) for leg in parked.legs] == [("bad.1", "a reason")]
    assert parked.total == 1
    assert waits.clock_ms <= parked.clock_ms <= stock.now_ms()
    # And nothing was written
    assert photograph() == before


def test_when_nothing_waits_nothing_is_listed(stock: Books) -> None:
    reply = stock.pending(limit=1)
    assert (list(reply.legs), reply.total) == ([], 0)
    assert reply.clock_ms > 0


def test_a_leg_is_due_at_once_when_it_is_asked_for(stock: Books) -> None:
    # Given a leg whose chain of tries waits, a parked one, a settled one, and one that nobody knows
    stock.hold("o.1", ("a", 1))
    chain_ms = stock.claim("o.1", 0, backoff_ms=30_000)
    stock.hold("bad.1", ("a", 1))
    stock.ledger.park("bad.1", "a reason")
    stock.hold("done.1", ("a", 1))
    stock.settle("done.1", COMMIT)
    # When all are to be tried now
    tids = ["o.1", "bad.1", "done.1", "nobody.1"]
    assert list(stock.ledger.retry(tids).due) == [True, True, False, False]
    # Then those that wait are due, to be tried by whoever works
    now_ms = stock.now_ms()
    assert set(stock.due()) == {"o.1", "bad.1"}
    assert max(stock.due().values()) <= now_ms
    assert all(now_ms - 1000 < expected_ms <= now_ms for expected_ms in stock.take_due().values())
    # And the old chain ends, and the reason stays until it settles
    assert stock.claim("o.1", chain_ms) == 0
    assert stock.listed("bad.1") == {"due", "reasons"}


def test_a_record_that_cannot_be_read_can_be_asked_for(stock: Books) -> None:
    stock.hold("bad.1", ("a", 1))
    stock.client.set(stock.key("leg:bad.1"), "what is this?")
    stock.ledger.park("bad.1", "malformed record")
    assert list(stock.ledger.retry(["bad.1"]).due) == [True]
    assert stock.listed("bad.1") == {"due", "reasons"}


def test_asking_for_a_leg_whose_record_is_gone_makes_no_other(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    stock.client.delete(stock.key("leg:o.1"))
    assert list(stock.ledger.retry(["o.1"]).due) == [True]
    # Whoever tries it finds that there is nothing, and it is due no more
    assert stock.leg("o.1").state == pb.Leg.NONE
    assert stock.claim("o.1", 0) == 0
    assert stock.due() == {}


# --- a parked leg that the database has lost ---


@pytest.fixture
def again(stock: Books) -> Books:
    """A leg that was parked, lost, and deducted once more."""
    stock.hold("o.1", ("a", 1))
    stock.ledger.park("o.1", "a reason")
    stock.client.delete(stock.key("leg:o.1"))
    stock.hold("o.1", ("a", 1))
    return stock


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize("ask", ["unpark", "retry"])
def test_what_was_parked_before_is_forgotten_when_it_is_tried(
    again: Books, ask: str, settled: bool
) -> None:
    # Given that it has been settled, or not
    if settled:
        again.settle("o.1", COMMIT)
    # When what is parked is to be tried again
    if ask == "unpark":
        assert again.ledger.unpark(10) == 1
    else:
        assert list(again.ledger.retry(["o.1"]).due) == [True]
    # Then it is due as any other, and when it is settled it is in no list
    assert again.listed("o.1") == {"due"}
    assert set(again.take_due()) == {"o.1"}
    again.settle("o.1", COMMIT)
    assert again.listed("o.1") == set()


def test_one_that_has_resisted_too_leaves_all_lists_when_it_settles(again: Books) -> None:
    again.ledger.note("o.1", "a cause", orders_unreachable=True)
    again.settle("o.1", COMMIT)
    assert again.listed("o.1") == set()


# --- status ---


def test_a_leg_that_is_not_known(stock: Books) -> None:
    assert stock.leg("nobody.1") == pb.Leg(tid="nobody.1", state=pb.Leg.NONE)


def test_asking_writes_nothing(stock: Books, photograph: Photographer) -> None:
    stock.hold("o.1", ("a", 1))
    before = photograph()
    stock.ledger.status(["o.1", "nobody.1"])
    stock.accounts.find(["a", "nobody"])
    stock.ledger.waiting_for_orders()
    assert photograph() == before


def test_records_that_cannot_be_read_are_malformed_and_the_others_are_not(stock: Books) -> None:
    # Given legs with a record of another type, an unknown state, and torn lines
    for tid in ("o.1", "type.1", "state.1", "lines.1"):
        stock.hold(tid, ("a", 1))
    stock.client.set(stock.key("leg:type.1"), "what is this?")
    stock.client.hset(stock.key("leg:state.1"), "state", "lost")
    stock.client.hset(stock.key("leg:lines.1"), "lines", "a:1")
    # When they are looked at among others
    reply = stock.ledger.status(["type.1", "o.1", "state.1", "lines.1", "nobody.1"])
    # Then each has its own state, in order
    leg = pb.Leg
    states = [leg.MALFORMED, leg.HELD, leg.MALFORMED, leg.MALFORMED, leg.NONE]
    assert [leg.state for leg in reply.legs] == states
    assert [leg.tid for leg in reply.legs] == ["type.1", "o.1", "state.1", "lines.1", "nobody.1"]


# --- the clock ---


def test_no_clock_goes_back(stock: Books) -> None:
    # Given a clock ahead of the machine's, and a leg
    stock.hold("o.1", ("a", 1))
    stock.pass_ms(3_600_000)
    ahead_ms = stock.now_ms()
    # When each script that writes its clock is run
    steps: dict[str, Callable[[], object]] = {
        "claim": lambda: stock.claim("o.1", 0),
        "due": lambda: stock.take_due(),
        "wake": lambda: stock.ledger.wake(1),
        "park": lambda: stock.ledger.park("o.1", "a reason"),
        "unpark": lambda: stock.ledger.unpark(1),
    }
    clocks_ms = {}
    for name, step in steps.items():
        step()
        clocks_ms[name] = stock.now_ms()
    # Then it is where it was
    assert clocks_ms == dict.fromkeys(steps, ahead_ms)
