"""settle.lua: by the verdict, once, and all of a leg or nothing of it."""

from __future__ import annotations

import pytest
import redis

from proto import ledger_pb2 as pb
from recoup.settings import AMOUNT_MAX
from tests.integration.books import ABORT, COMMIT, Books, Photographer, Verdict

VERDICTS = [COMMIT, ABORT]


def test_commit_keeps_what_was_held(stock: Books) -> None:
    # Given a leg with two lines
    stock.open("a", 5)
    stock.open("b", 3)
    stock.hold("o.1", ("a", 2), ("b", 3))
    # When its tid is committed
    assert stock.settle("o.1", COMMIT) == pb.SETTLED
    # Then both are sold
    assert stock.balance("a") == (3, 0, 2)
    assert stock.balance("b") == (0, 0, 3)
    assert stock.leg("o.1").state == pb.Leg.COMMITTED


def test_abort_gives_back_what_was_held(stock: Books) -> None:
    stock.open("a", 5)
    stock.open("b", 3)
    stock.hold("o.1", ("a", 2), ("b", 3))
    assert stock.settle("o.1", ABORT) == pb.SETTLED
    assert stock.balance("a") == (5, 0, 0)
    assert stock.balance("b") == (3, 0, 0)
    assert stock.leg("o.1").state == pb.Leg.RETURNED


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("amount", [AMOUNT_MAX, AMOUNT_MAX - 1, 10**15 + 1])
def test_the_largest_amounts_are_settled_exactly(
    payment: Books, verdict: Verdict, amount: int
) -> None:
    payment.open("u", AMOUNT_MAX)
    payment.hold("o.1", ("u", amount))
    payment.settle("o.1", verdict)
    kept = amount if verdict == COMMIT else 0
    assert payment.balance("u") == (AMOUNT_MAX - kept, 0, kept)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_leg_of_nothing_is_settled(payment: Books, verdict: Verdict) -> None:
    payment.open("u", 10)
    payment.hold("o.1", ("u", 0))
    assert payment.settle("o.1", verdict) == pb.SETTLED
    assert payment.balance("u") == (10, 0, 0)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_settling_twice_changes_nothing(
    stock: Books, photograph: Photographer, verdict: Verdict
) -> None:
    stock.open("a", 5)
    stock.hold("o.1", ("a", 2))
    stock.settle("o.1", verdict)
    before = photograph()
    assert stock.settle("o.1", verdict) == pb.ALREADY
    assert photograph() == before


def test_settling_twice_changes_nothing_of_a_leg_that_resisted_either(
    stock: Books, photograph: Photographer
) -> None:
    # Given a leg that was settled at its second try
    stock.open("a", 5)
    stock.hold("o.1", ("a", 2))
    stock.claim("o.1", 0)
    stock.ledger.note("o.1", "orders can't be reached", orders_unreachable=True)
    stock.settle("o.1", COMMIT)
    stock.pass_ms(1000)
    before = photograph()
    # When it is settled again some time later, then it isn't kept for longer
    assert stock.settle("o.1", COMMIT) == pb.ALREADY
    assert photograph() == before


@pytest.mark.parametrize("verdict", VERDICTS)
def test_settling_what_is_not_known_writes_nothing(
    stock: Books, photograph: Photographer, verdict: Verdict
) -> None:
    before = photograph()
    assert stock.settle("o.1", verdict) == pb.NO_LEG
    assert photograph() == before


@pytest.mark.parametrize(("first", "second"), [(COMMIT, ABORT), (ABORT, COMMIT)])
def test_the_opposite_verdict_is_a_contradiction_and_writes_nothing(
    stock: Books, photograph: Photographer, first: Verdict, second: Verdict
) -> None:
    stock.open("a", 5)
    stock.hold("o.1", ("a", 2))
    stock.settle("o.1", first)
    before = photograph()
    assert stock.settle("o.1", second) == pb.CONTRADICTION
    assert photograph() == before


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_missing_account_leaves_every_line_alone(
    stock: Books, photograph: Photographer, verdict: Verdict
) -> None:
    # Given a leg with three lines, and the account of the second is lost
    for item_id in "abc":
        stock.open(item_id, 5)
    stock.hold("o.1", ("a", 1), ("b", 1), ("c", 1))
    stock.client.delete(stock.key("account:b"))
    before = photograph()
    # When it is settled, then nothing is: the leg stays held, and due
    assert stock.settle("o.1", verdict) == pb.MISSING_ACCOUNT
    assert photograph() == before


@pytest.mark.parametrize("verdict", VERDICTS)
def test_an_account_that_holds_less_than_its_leg_is_left_alone(
    stock: Books, photograph: Photographer, verdict: Verdict
) -> None:
    for item_id in "ab":
        stock.open(item_id, 5)
    stock.hold("o.1", ("a", 2), ("b", 2))
    stock.client.hset(stock.key("account:b"), "held", 1)
    before = photograph()
    assert stock.settle("o.1", verdict) == pb.HELD_TOO_LITTLE
    assert photograph() == before


@pytest.mark.parametrize("verdict", VERDICTS)
def test_an_account_written_anew_is_left_alone(stock: Books, verdict: Verdict) -> None:
    # Given a leg on an account that is written anew before it settles
    stock.init(2, 5)
    stock.hold("o.1", ("0", 2), ("1", 2))
    stock.init(1, 100)
    # When it is settled
    assert stock.settle("o.1", verdict) == pb.SETTLED
    # Then the new account knows nothing of it, and the old one does
    assert stock.balance("0") == (100, 0, 0)
    assert stock.balance("1") == ((3, 0, 2) if verdict == COMMIT else (5, 0, 0))
    # And the leg is settled like any other
    assert stock.leg("o.1").state == (pb.Leg.COMMITTED if verdict == COMMIT else pb.Leg.RETURNED)
    assert stock.due() == {}


def test_a_leg_of_the_new_generation_is_settled(stock: Books) -> None:
    stock.init(1, 5)
    stock.hold("o.1", ("0", 2))
    stock.init(1, 5)
    stock.hold("o.2", ("0", 3))
    stock.settle("o.1", COMMIT)
    stock.settle("o.2", COMMIT)
    assert stock.balance("0") == (2, 0, 3)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_settled_leg_is_not_due_and_expires(stock: Books, verdict: Verdict) -> None:
    # Given a held leg, which has no end
    stock.open("a", 5)
    stock.hold("o.1", ("a", 2))
    assert stock.listed("o.1") == {"due"}
    # When it is settled long after its deadline
    stock.pass_ms(3_600_000)
    stock.settle("o.1", verdict)
    # Then it is kept for a while from then on, by the clock that deadlines are judged by: when
    # the machine's time was set back, that clock stands still, and a deduction isn't late yet
    assert stock.listed("o.1") == set()
    kept_ms = stock.settings.leg_kept_s * 1000
    assert stock.client.pexpiretime(stock.key("leg:o.1")) == stock.now_ms() + kept_ms


def test_other_legs_stay_due(stock: Books) -> None:
    stock.open("a", 5)
    stock.hold("o.1", ("a", 1))
    stock.hold("o.2", ("a", 1))
    stock.settle("o.1", COMMIT)
    assert set(stock.due()) == {"o.2"}


def test_the_leg_tells_when_it_was_settled(stock: Books) -> None:
    stock.open("a", 5)
    stock.hold("o.1", ("a", 2))
    stock.pass_ms(60_000)
    stock.settle("o.1", COMMIT)
    assert stock.leg("o.1").settled_at_ms == stock.now_ms()


def test_the_clock_never_goes_back(stock: Books) -> None:
    stock.open("a", 5)
    stock.hold("o.1", ("a", 2))
    stock.pass_ms(60_000)
    ahead_ms = stock.now_ms()
    stock.settle("o.1", COMMIT)
    assert stock.now_ms() == ahead_ms


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_parked_leg_leaves_all_indexes(stock: Books, verdict: Verdict) -> None:
    # Given a leg that was tried, waited for the order store, and was parked
    stock.open("a", 5)
    stock.hold("o.1", ("a", 2))
    stock.claim("o.1", 0)
    stock.ledger.note("o.1", "orders can't be reached", orders_unreachable=True)
    stock.ledger.park("o.1", "a reason")
    # When it is settled at last
    stock.settle("o.1", verdict)
    # Then it is in no list any more, and expires like any other
    assert stock.listed("o.1") == set()
    assert stock.leg("o.1").parked == ""
    assert stock.client.ttl(stock.key("leg:o.1")) > 0


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_leg_parked_by_the_sweep_leaves_all_indexes(stock: Books, verdict: Verdict) -> None:
    # The sweep parks what it finds without having claimed it.
    stock.open("a", 5)
    stock.hold("o.1", ("a", 2))
    stock.ledger.park("o.1", "a reason")
    stock.settle("o.1", verdict)
    assert stock.listed("o.1") == set()


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_leg_noted_by_the_sweep_does_not_go_on_waiting(stock: Books, verdict: Verdict) -> None:
    stock.open("a", 5)
    stock.hold("o.1", ("a", 2))
    stock.ledger.note("o.1", "orders can't be reached", orders_unreachable=True)
    stock.settle("o.1", verdict)
    assert stock.listed("o.1") == set()


def test_a_contradiction_that_is_resolved_leaves_all_indexes(stock: Books) -> None:
    # Given a settled leg that was parked, and so stays
    stock.open("a", 5)
    stock.hold("o.1", ("a", 2))
    stock.claim("o.1", 0)
    stock.settle("o.1", COMMIT)
    stock.ledger.park("o.1", "contradiction")
    assert stock.client.ttl(stock.key("leg:o.1")) == -1
    # When it is settled by the verdict that it has
    assert stock.settle("o.1", COMMIT) == pb.ALREADY
    # Then it is done with
    assert stock.listed("o.1") == set()
    assert stock.client.ttl(stock.key("leg:o.1")) > 0
    assert stock.balance("a") == (3, 0, 2)


def test_a_batch_is_answered_in_its_order(stock: Books) -> None:
    stock.open("a", 5)
    stock.hold("o.1", ("a", 1))
    stock.hold("o.2", ("a", 1))
    tids = [("o.2", ABORT), ("nobody.1", COMMIT), ("o.1", COMMIT), ("o.2", COMMIT)]
    settlements = [pb.Settlement(tid=tid, verdict=verdict) for tid, verdict in tids]
    reply = stock.ledger.apply(pb.ApplyRequest(settlements=settlements))
    assert list(reply.settled) == [pb.SETTLED, pb.NO_LEG, pb.SETTLED, pb.CONTRADICTION]
    assert stock.balance("a") == (4, 0, 1)


def test_deductions_and_settlements_travel_together(stock: Books) -> None:
    # Given a held leg
    stock.open("a", 5)
    stock.hold("o.1", ("a", 5))
    # When its return and another deduction are in one batch
    settlement = pb.Settlement(tid="o.1", verdict=ABORT)
    batch = pb.ApplyRequest(deductions=[stock.deduction("p.1", ("a", 1))], settlements=[settlement])
    reply = stock.ledger.apply(batch)
    # Then the deduction is run first
    assert [vote.answer for vote in reply.votes] == [pb.Vote.SHORT_FOR_NOW]
    assert list(reply.settled) == [pb.SETTLED]
    assert reply.clock_ms <= stock.now_ms()
    assert reply.clock_ms > 0


@pytest.mark.parametrize("key", ["leg:bad.1", "account:bad"])
def test_a_record_that_cannot_be_read_disturbs_no_other(stock: Books, key: str) -> None:
    # Given three legs, of which one has a record, or an account, of another type
    stock.open("a", 5)
    stock.open("bad", 5)
    stock.hold("o.1", ("a", 1))
    stock.hold("bad.1", ("a", 1), ("bad", 1))
    stock.hold("o.2", ("a", 1))
    stock.client.set(stock.key(key), "what is this?")
    # When they are settled together
    tids = ("o.1", "bad.1", "o.2")
    settlements = [pb.Settlement(tid=tid, verdict=COMMIT) for tid in tids]
    reply = stock.ledger.apply(pb.ApplyRequest(settlements=settlements))
    # Then that one alone fails, and stays due
    assert list(reply.settled) == [pb.SETTLED, pb.FAILED, pb.SETTLED]
    assert stock.balance("a") == (2, 1, 2)
    assert set(stock.due()) == {"bad.1"}


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("state", "lost"),
        ("state", None),
        ("lines", "a:1"),
        ("lines", ""),
        ("lines", "a:1:1,b"),
        ("lines", None),
    ],
)
def test_what_cannot_be_read_is_never_guessed(
    stock: Books,
    client: redis.Redis,
    photograph: Photographer,
    field: str,
    value: str | None,
    verdict: Verdict,
) -> None:
    # Given a leg with a field that nobody has written, or without it
    stock.open("a", 5)
    stock.hold("bad.1", ("a", 1))
    if value is None:
        client.hdel(stock.key("leg:bad.1"), field)
    else:
        client.hset(stock.key("leg:bad.1"), field, value)
    before = photograph()
    # When it is settled, then it says that it can't be, and nothing is written
    assert stock.settle("bad.1", verdict) == pb.FAILED
    assert photograph() == before


@pytest.mark.parametrize(("field", "verdict"), [("used", COMMIT), ("available", ABORT)])
def test_an_account_whose_numbers_cannot_be_read_is_left_alone(
    stock: Books, client: redis.Redis, photograph: Photographer, field: str, verdict: Verdict
) -> None:
    stock.open("a", 5)
    stock.open("bad", 5)
    stock.hold("o.1", ("a", 1), ("bad", 1))
    client.hset(stock.key("account:bad"), field, "some")
    before = photograph()
    assert stock.settle("o.1", verdict) == pb.FAILED
    assert photograph() == before
