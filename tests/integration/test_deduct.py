"""deduct.lua: a leg is held whole, or not at all; a refusal writes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from proto import ledger_pb2 as pb
from recoup.settings import AMOUNT_MAX
from tests.integration.books import ABORT, COMMIT, Books, Photographer

Vote = pb.Vote


def test_a_yes_holds_every_line(stock: Books) -> None:
    # Given two items
    stock.open("a", 5)
    stock.open("b", 3)
    # When some of both are deducted
    answer = stock.deduct("o.1", ("a", 2), ("b", 3))
    # Then both are held
    assert answer == (Vote.YES, "")
    assert stock.balance("a") == (3, 2, 0)
    assert stock.balance("b") == (0, 3, 0)


def test_the_leg_tells_what_is_held_for_whom(stock: Books) -> None:
    stock.open("a", 5)
    deadline_ms = stock.now_ms() + 100
    stock.hold("o.1", ("a", 2), deadline_ms=deadline_ms)
    leg = stock.leg("o.1")
    assert (leg.tid, leg.state) == ("o.1", pb.Leg.HELD)
    assert list(leg.lines) == [pb.Line(account_id="a", amount=2)]
    assert list(leg.parties) == ["stock", "payment"]
    assert (leg.deadline_ms, leg.due_ms) == (deadline_ms, deadline_ms)
    assert leg.held_at_ms <= deadline_ms
    assert (leg.settled_at_ms, leg.tries, leg.parked) == (0, 0, "")


def test_every_held_leg_is_due_at_its_deadline(stock: Books) -> None:
    stock.open("a", 5)
    deadlines_ms = {f"o.{i}": stock.now_ms() + 100 + i for i in range(1, 4)}
    for tid, deadline_ms in deadlines_ms.items():
        stock.hold(tid, ("a", 1), deadline_ms=deadline_ms)
    assert stock.due() == deadlines_ms


def test_a_held_leg_never_expires(stock: Books) -> None:
    stock.open("a", 5)
    stock.hold("o.1", ("a", 1))
    assert stock.client.ttl(stock.key("leg:o.1")) == -1


def test_lines_of_one_account_are_summed(stock: Books) -> None:
    # Given three pieces
    stock.open("a", 3)
    # When 2 and 2 are asked for, it is short; when 2 and 1 are, it is not
    assert stock.deduct("o.1", ("a", 2), ("a", 2)) == (Vote.SHORT, "a")
    stock.hold("o.2", ("a", 2), ("a", 1))
    # Then they are held as one line, and given back as one
    assert stock.balance("a") == (0, 3, 0)
    assert list(stock.leg("o.2").lines) == [pb.Line(account_id="a", amount=3)]
    stock.settle("o.2", ABORT)
    assert stock.balance("a") == (3, 0, 0)


def test_the_same_lines_in_another_order_are_the_same_leg(stock: Books) -> None:
    stock.open("a", 5)
    stock.open("b", 5)
    stock.hold("o.1", ("a", 2), ("b", 1))
    stock.hold("o.1", ("b", 1), ("a", 1), ("a", 1))
    assert stock.balance("a") == (3, 2, 0)
    assert stock.balance("b") == (4, 1, 0)


def test_the_same_parties_in_another_order_are_the_same_leg(stock: Books) -> None:
    stock.open("a", 5)
    stock.hold("o.1", ("a", 2))
    assert stock.deduct("o.1", ("a", 2), parties=["payment", "stock"]) == (pb.Vote.YES, "")
    assert stock.balance("a") == (3, 2, 0)


def test_deducting_twice_holds_once(stock: Books, photograph: Photographer) -> None:
    # Given a held leg
    stock.open("a", 5)
    deadline_ms = stock.now_ms() + 200
    stock.hold("o.1", ("a", 2), deadline_ms=deadline_ms)
    before = photograph()
    # When the same deduction comes again, it is a yes that changes nothing
    stock.hold("o.1", ("a", 2), deadline_ms=deadline_ms)
    assert photograph() == before


def test_a_later_deadline_moves_the_due_time(stock: Books) -> None:
    stock.open("a", 5)
    now_ms = stock.now_ms()
    stock.hold("o.1", ("a", 2), deadline_ms=now_ms + 200)
    stock.hold("o.1", ("a", 2), deadline_ms=now_ms + 250)
    assert stock.due() == {"o.1": now_ms + 250}
    assert stock.leg("o.1").deadline_ms == now_ms + 250


def test_an_earlier_deadline_does_not(stock: Books) -> None:
    stock.open("a", 5)
    now_ms = stock.now_ms()
    stock.hold("o.1", ("a", 2), deadline_ms=now_ms + 250)
    stock.hold("o.1", ("a", 2), deadline_ms=now_ms + 200)
    assert stock.due() == {"o.1": now_ms + 250}
    assert stock.leg("o.1").deadline_ms == now_ms + 250


def test_a_later_deadline_never_brings_the_next_look_nearer(stock: Books) -> None:
    # Given a leg that somebody tries to settle, and will look at after a long lease
    stock.open("a", 5)
    now_ms = stock.now_ms()
    stock.hold("o.1", ("a", 2), deadline_ms=now_ms + 100)
    claimed_ms = stock.claim("o.1", now_ms + 100, lease_ms=60_000)
    # When it is deducted again with a later deadline
    stock.hold("o.1", ("a", 2), deadline_ms=now_ms + 200)
    # Then the deadline is the later one, and the look stays where it was
    assert stock.leg("o.1").deadline_ms == now_ms + 200
    assert stock.due() == {"o.1": claimed_ms}


def test_a_later_deadline_leaves_a_parked_leg_parked(stock: Books) -> None:
    stock.open("a", 5)
    now_ms = stock.now_ms()
    stock.hold("o.1", ("a", 2), deadline_ms=now_ms + 100)
    stock.ledger.park("o.1", "a reason")
    stock.hold("o.1", ("a", 2), deadline_ms=now_ms + 200)
    assert stock.due() == {}
    assert stock.parked() == {"o.1"}


def test_a_held_leg_is_a_yes_past_its_deadline_too(stock: Books) -> None:
    # It was said once, and a yes is not taken back.
    stock.open("a", 5)
    deadline_ms = stock.now_ms() + 100
    stock.hold("o.1", ("a", 2), deadline_ms=deadline_ms)
    stock.pass_ms(1000)
    stock.hold("o.1", ("a", 2), deadline_ms=deadline_ms)
    assert stock.balance("a") == (3, 2, 0)


def test_a_committed_leg_is_a_yes_that_holds_nothing(
    stock: Books, photograph: Photographer
) -> None:
    stock.open("a", 5)
    stock.hold("o.1", ("a", 2))
    stock.settle("o.1", COMMIT)
    before = photograph()
    stock.hold("o.1", ("a", 2))
    assert stock.balance("a") == (3, 0, 2)
    assert photograph() == before


def test_a_deadline_too_far_ahead_does_not_move_the_due_time(
    stock: Books, photograph: Photographer
) -> None:
    stock.open("a", 5)
    stock.hold("o.1", ("a", 2))
    before = photograph()
    stock.hold("o.1", ("a", 2), deadline_ms=stock.now_ms() + 60_000)
    assert photograph() == before


def short(stock: Books) -> tuple[int, str]:
    return stock.deduct("o.9", ("a", 6))


def short_with_what_is_held(stock: Books) -> tuple[int, str]:
    return stock.deduct("o.9", ("held", 5))


def short_for_now(stock: Books) -> tuple[int, str]:
    return stock.deduct("o.9", ("held", 4))


def short_in_one_line(stock: Books) -> tuple[int, str]:
    return stock.deduct("o.9", ("a", 1), ("b", 3), ("c", 1))


def short_for_now_in_one_line(stock: Books) -> tuple[int, str]:
    return stock.deduct("o.9", ("a", 1), ("b", 1), ("held", 4))


def short_in_one_line_and_for_now_in_another(stock: Books) -> tuple[int, str]:
    return stock.deduct("o.9", ("held", 4), ("z", 1))


def unknown(stock: Books) -> tuple[int, str]:
    return stock.deduct("o.9", ("a", 1), ("nobody", 1))


def late(stock: Books) -> tuple[int, str]:
    return stock.deduct("o.9", ("a", 1), deadline_ms=stock.now_ms() - 1)


def late_and_short(stock: Books) -> tuple[int, str]:
    return stock.deduct("o.9", ("a", 6), deadline_ms=stock.now_ms() - 1)


def ahead(stock: Books) -> tuple[int, str]:
    return stock.deduct("o.9", ("a", 1), deadline_ms=stock.now_ms() + 60_000)


def conflict(stock: Books) -> tuple[int, str]:
    return stock.deduct("held.1", ("held", 2))


def conflict_of_accounts(stock: Books) -> tuple[int, str]:
    return stock.deduct("held.1", ("a", 3))


def conflict_of_parties(stock: Books) -> tuple[int, str]:
    return stock.deduct("held.1", ("held", 3), parties=["stock", "payment", "shipping"])


def returned(stock: Books) -> tuple[int, str]:
    return stock.deduct("back.1", ("a", 1))


@pytest.mark.parametrize(
    ("ask", "answer", "account_id"),
    [
        (short, Vote.SHORT, "a"),
        (short_with_what_is_held, Vote.SHORT, "held"),
        (short_for_now, Vote.SHORT_FOR_NOW, "held"),
        (short_in_one_line, Vote.SHORT, "b"),
        (short_for_now_in_one_line, Vote.SHORT_FOR_NOW, "held"),
        (short_in_one_line_and_for_now_in_another, Vote.SHORT, "z"),
        (unknown, Vote.UNKNOWN_ACCOUNT, "nobody"),
        (late, Vote.LATE, ""),
        (late_and_short, Vote.LATE, ""),
        (ahead, Vote.AHEAD, ""),
        (conflict, Vote.CONFLICT, ""),
        (conflict_of_accounts, Vote.CONFLICT, ""),
        (conflict_of_parties, Vote.CONFLICT, ""),
        (returned, Vote.RETURNED, ""),
    ],
)
def test_a_refusal_says_why_and_writes_nothing(
    stock: Books,
    photograph: Photographer,
    ask: Callable[[Books], tuple[int, str]],
    answer: int,
    account_id: str,
) -> None:
    # Given items with 5, 2, 1 and 0 pieces, one of which 3 of 4 are held, and a leg given back
    for item_id, pieces in {"a": 5, "b": 2, "c": 1, "z": 0, "held": 4}.items():
        stock.open(item_id, pieces)
    stock.hold("held.1", ("held", 3))
    stock.hold("back.1", ("a", 1))
    stock.settle("back.1", ABORT)
    before = photograph()
    # When more is asked for than can be had
    # Then the answer names the reason, and the account that it is about
    assert ask(stock) == (answer, account_id)
    assert photograph() == before


def test_a_refusal_is_worked_out_anew_each_time(stock: Books) -> None:
    stock.open("a", 1)
    assert stock.deduct("o.1", ("a", 2)) == (Vote.SHORT, "a")
    stock.adjust("a", 1)
    stock.hold("o.1", ("a", 2))


def test_at_its_deadline_a_deduction_is_in_time(stock: Books) -> None:
    stock.open("a", 5)
    now_ms = stock.now_ms()
    stock.hold("o.1", ("a", 1), deadline_ms=now_ms)
    stock.hold("o.2", ("a", 1), deadline_ms=now_ms + 2 * stock.settings.deadline_ms)
    assert stock.deduct("o.3", ("a", 1), deadline_ms=now_ms - 1) == (Vote.LATE, "")
    furthest_ms = now_ms + 2 * stock.settings.deadline_ms
    assert stock.deduct("o.4", ("a", 1), deadline_ms=furthest_ms + 1) == (Vote.AHEAD, "")


def test_the_clock_never_goes_back(stock: Books) -> None:
    # Given a party whose clock was ahead of what its machine says now
    stock.open("a", 5)
    stock.pass_ms(60_000)
    ahead_ms = stock.now_ms()
    # When it holds a leg, which has it write its clock
    stock.hold("o.1", ("a", 1))
    # Then its clock is where it was
    assert stock.now_ms() == ahead_ms
    assert stock.leg("o.1").held_at_ms == ahead_ms


def test_every_reply_carries_the_clock(stock: Books) -> None:
    stock.open("a", 5)
    stock.pass_ms(60_000)
    refused = pb.ApplyRequest(deductions=[stock.deduction("o.1", ("a", 9))])
    assert stock.ledger.apply(refused).clock_ms == stock.now_ms()


def test_the_largest_amount_is_held_and_given_back_exactly(stock: Books) -> None:
    stock.open("a", AMOUNT_MAX)
    stock.open("b", AMOUNT_MAX)
    stock.hold("o.1", ("a", AMOUNT_MAX), ("b", AMOUNT_MAX - 1))
    assert stock.balance("a") == (0, AMOUNT_MAX, 0)
    assert stock.balance("b") == (1, AMOUNT_MAX - 1, 0)
    assert [line.amount for line in stock.leg("o.1").lines] == [AMOUNT_MAX, AMOUNT_MAX - 1]


@pytest.mark.parametrize("amount", [2**53 - 1, 2**53 - 2, 10**15 + 1])
def test_large_amounts_are_told_apart(stock: Books, amount: int) -> None:
    stock.open("a", amount - 1)
    assert stock.deduct("o.1", ("a", amount)) == (Vote.SHORT, "a")
    stock.adjust("a", 1)
    stock.hold("o.1", ("a", amount))


def test_nothing_can_be_held_of_an_account(payment: Books) -> None:
    # Prices may be 0, and then so is what a customer pays.
    payment.open("u", 10)
    payment.hold("o.1", ("u", 0))
    assert payment.balance("u") == (10, 0, 0)
    assert payment.leg("o.1").state == pb.Leg.HELD


def test_nothing_beside_something(payment: Books) -> None:
    payment.open("u", 10)
    payment.open("v", 10)
    payment.hold("o.1", ("u", 3), ("v", 0))
    assert payment.balance("u") == (7, 3, 0)


def test_a_batch_is_answered_in_its_order(stock: Books) -> None:
    # Given two pieces, and three deductions of one each, the second of an item nobody knows
    stock.open("a", 2)
    deductions = [
        stock.deduction("o.1", ("a", 1)),
        stock.deduction("o.2", ("nobody", 1)),
        stock.deduction("o.3", ("a", 1)),
        stock.deduction("o.4", ("a", 1)),
    ]
    # When they travel as one
    votes = stock.ledger.apply(pb.ApplyRequest(deductions=deductions)).votes
    # Then each has its own answer
    assert [vote.answer for vote in votes] == [
        Vote.YES,
        Vote.UNKNOWN_ACCOUNT,
        Vote.YES,
        Vote.SHORT_FOR_NOW,
    ]


@pytest.mark.parametrize("key", ["leg:bad.1", "account:bad"])
def test_a_record_that_cannot_be_read_disturbs_no_other(stock: Books, key: str) -> None:
    # Given a leg, or an account, whose record is of another type
    stock.open("a", 2)
    if key == "leg:bad.1":
        stock.open("bad", 2)
    stock.client.set(stock.key(key), "what is this?")
    deductions = [
        stock.deduction("o.1", ("a", 1)),
        stock.deduction("bad.1", ("a", 1), ("bad", 1)),
        stock.deduction("o.2", ("a", 1)),
    ]
    # When it is deducted among others
    votes = stock.ledger.apply(pb.ApplyRequest(deductions=deductions)).votes
    # Then that one alone has no answer, and nothing of it is held
    assert [vote.answer for vote in votes] == [Vote.YES, Vote.NO_ANSWER, Vote.YES]
    assert stock.balance("a") == (0, 2, 0)
    assert set(stock.due()) == {"o.1", "o.2"}


@pytest.mark.parametrize("field", ["available", "held"])
@pytest.mark.parametrize("value", ["some", "2.5"])
def test_an_account_whose_numbers_cannot_be_read_holds_nothing(
    stock: Books, client: redis.Redis, photograph: Photographer, field: str, value: str
) -> None:
    stock.open("a", 2)
    stock.open("bad", 2)
    client.hset(stock.key("account:bad"), field, value)
    before = photograph()
    assert stock.deduct("o.1", ("a", 1), ("bad", 1)) == (Vote.NO_ANSWER, "")
    assert photograph() == before


@pytest.mark.parametrize("spoil", [("hset", "state", "lost"), ("hdel", "state")])
def test_a_leg_in_a_state_that_nobody_has_written_is_not_held(
    stock: Books, client: redis.Redis, photograph: Photographer, spoil: tuple[str, ...]
) -> None:
    # Given a leg whose state is lost
    stock.open("a", 2)
    stock.hold("o.1", ("a", 1))
    command, *field = spoil
    getattr(client, command)(stock.key("leg:o.1"), *field)
    before = photograph()
    # When it is deducted again, then there is no answer: it may be committed, or returned
    assert stock.deduct("o.1", ("a", 1)) == (Vote.NO_ANSWER, "")
    assert photograph() == before
