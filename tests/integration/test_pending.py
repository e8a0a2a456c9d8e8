"""pending: which legs wait, and why; and what each remembers of its tries."""

from __future__ import annotations

import pytest
import redis

from proto import ledger_pb2 as pb
from tests.integration.books import COMMIT, Books, Photographer
from workers.ledger import engine

AWAY = "orders can't be reached (no answer in time)"
LOST = "payment can't be reached (connection lost)"


@pytest.fixture(autouse=True)
def _two_items(stock: Books) -> None:
    stock.open("a", 100)
    stock.open("b", 100)


def tids(reply: pb.PendingReply) -> list[str]:
    return [leg.tid for leg in reply.legs]


# --- the tries that a leg remembers ---


def test_a_leg_remembers_when_each_try_failed_and_why(stock: Books) -> None:
    # Given a leg that was tried twice, and then parked
    stock.hold("o.1", ("a", 1))
    times_ms = []
    for cause in (AWAY, LOST):
        stock.ledger.note("o.1", cause, orders_unreachable=False)
        times_ms.append(stock.now_ms())
        stock.pass_ms(1000)
    stock.ledger.park("o.1", "missing account")
    times_ms.append(stock.now_ms())
    # Then it tells of all three, the latest last, also among those that are parked
    tries = [
        pb.Try(at_ms=at_ms, cause=cause)
        for at_ms, cause in zip(times_ms, (AWAY, LOST, "missing account"), strict=True)
    ]
    assert list(stock.leg("o.1").recent_tries) == tries
    (leg,) = stock.pending(parked=True).legs
    assert list(leg.recent_tries) == tries


def test_the_oldest_tries_are_forgotten(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    for n in range(12):
        stock.ledger.note("o.1", f"cause {n}", orders_unreachable=False)
    causes = [each.cause for each in stock.leg("o.1").recent_tries]
    assert causes == [f"cause {n}" for n in range(2, 12)]


def test_a_cause_of_several_lines_is_one_try(stock: Books) -> None:
    stock.hold("o.1", ("a", 1))
    stock.ledger.note("o.1", "eine\nzwei\tdrëi", orders_unreachable=False)
    assert [each.cause for each in stock.leg("o.1").recent_tries] == ["eine zwei drëi"]


def test_tries_are_forgotten_with_their_leg(stock: Books, client: redis.Redis) -> None:
    # Given a leg that has been tried, and is settled
    stock.hold("o.1", ("a", 1))
    stock.ledger.note("o.1", AWAY, orders_unreachable=False)
    stock.settle("o.1", COMMIT)
    assert len(stock.leg("o.1").recent_tries) == 1
    # When it expires, then nothing is left of it
    client.pexpire(stock.key("leg:o.1"), 0)
    assert client.keys(stock.key("*o.1*")) == []


@pytest.mark.parametrize("text", ["", "what is this?", "soon because", "9" * 30 + " late"])
def test_tries_that_cannot_be_read_are_none_and_spoil_nothing(
    stock: Books, client: redis.Redis, text: str
) -> None:
    stock.hold("o.1", ("a", 1))
    client.hset(stock.key("leg:o.1"), "recent_tries", text)
    leg = stock.leg("o.1")
    assert (leg.state, list(leg.recent_tries)) == (pb.Leg.HELD, [])
    stock.ledger.note("o.1", AWAY, orders_unreachable=False)
    assert [each.cause for each in stock.leg("o.1").recent_tries] == [AWAY]


# --- which wait ---


@pytest.fixture
def four(stock: Books) -> Books:
    """Of four legs two wait for the order store, one for payment, and one has not been tried."""
    for tid, item_id, amount, cause in (
        ("o.1", "a", 1, AWAY),
        ("o.2", "b", 2, LOST),
        ("p.1", "a", 3, AWAY),
        ("p.2", "b", 4, ""),
    ):
        stock.hold(tid, (item_id, amount))
        if cause:
            stock.claim(tid, 0, backoff_ms=10_000)
            stock.ledger.note(tid, cause, orders_unreachable=False)
        stock.pass_ms(100)
    return stock


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["o.1", "o.2", "p.1", "p.2"]),
        ({"cause": "reached"}, ["o.1", "o.2", "p.1"]),
        ({"cause": "ORDERS can't"}, ["o.1", "p.1"]),
        ({"cause": "something else"}, []),
        ({"order_id": "o"}, ["o.1", "o.2"]),
        ({"order_id": "o", "cause": "orders"}, ["o.1"]),
        ({"account_id": "b"}, ["o.2", "p.2"]),
        ({"account_id": "c"}, []),
        ({"held_for_ms": 300}, ["o.1", "o.2"]),
        ({"held_for_ms": 10_000}, []),
        ({"parked": True}, []),
    ],
    ids=str,
)
def test_those_that_fit_all_that_is_asked_for(
    four: Books, photograph: Photographer, asked: dict[str, object], found: list[str]
) -> None:
    before = photograph()
    reply = four.pending(**asked)
    assert tids(reply) == found
    assert reply.matched == sum(cause.legs for cause in reply.causes) == len(found)
    assert (reply.total, reply.looked_at) == ((0, 0) if "parked" in asked else (4, 4))
    assert photograph() == before


def test_the_longest_held_are_told_in_full_and_all_are_counted(four: Books) -> None:
    # When fewer are asked for than there are, then those that were held first
    reply = four.pending(limit=2)
    assert tids(reply) == ["o.1", "o.2"]
    assert reply.legs[0] == four.leg("o.1")
    assert reply.matched == 4


def test_what_waits_for_the_same_reason_is_one_group(four: Books) -> None:
    # Given that one of them has been tried twice
    four.claim("o.1", 0, backoff_ms=20_000)
    now_ms = four.now_ms()
    # Then each reason is told once, the most frequent first
    away, untried, lost = four.pending().causes
    assert away == pb.Cause(
        cause=AWAY,
        legs=2,
        units=4,
        held_for_ms=now_ms - four.leg("o.1").held_at_ms,
        tries_least=1,
        tries_most=2,
        next_try_ms=four.leg("o.1").next_try_ms,
    )
    assert (untried.cause, untried.legs, untried.tries_most) == ("", 1, 0)
    assert (lost.cause, lost.units) == (LOST, 2)


def test_no_more_are_looked_at_than_is_said(four: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given that only three are looked at, two at a time: who was tried is due later
    monkeypatch.setattr(engine, "LOOKED_LEGS", 3)
    monkeypatch.setattr(engine, "LOOK_STEP", 2)
    # When those of an order are asked for, then one isn't seen, and the answer says so
    reply = four.pending(order_id="p")
    assert (reply.total, reply.looked_at, reply.matched) == (4, 3, 1)
    assert tids(reply) == ["p.2"]


def test_what_is_parked_is_grouped_by_its_reason(stock: Books) -> None:
    for n in range(3):
        stock.hold(f"o.{n}", ("a", 1))
        stock.ledger.park(f"o.{n}", "missing account" if n else "contradiction")
    reply = stock.pending(parked=True, limit=1)
    assert [(each.cause, each.legs) for each in reply.causes] == [
        ("missing account", 2),
        ("contradiction", 1),
    ]
    assert reply.total == 3


def test_records_that_cannot_be_read_wait_like_any_other(stock: Books, client: redis.Redis) -> None:
    # Given legs of which one has a record of another type, one none, and one is damaged
    for tid in ("type.1", "gone.1", "torn.1", "o.1"):
        stock.hold(tid, ("a", 5))
    stock.ledger.note("torn.1", AWAY, orders_unreachable=False)
    client.set(stock.key("leg:type.1"), "what is this?")
    client.delete(stock.key("leg:gone.1"))
    damage = {"lines": "a:-1", "tries": "9" * 40, "held_at_ms": "soon"}
    client.hset(stock.key("leg:torn.1"), mapping=damage)
    # Then all are told
    reply = stock.pending()
    assert set(tids(reply)) == {"type.1", "gone.1", "torn.1", "o.1"}
    assert [(each.cause, each.legs, each.units) for each in reply.causes] == [
        ("", 3, 5),
        (AWAY, 1, 0),
    ]
    # And one of them, parked, with its reason
    stock.ledger.park("type.1", "malformed record")
    assert [each.cause for each in stock.pending(parked=True).causes] == ["malformed record"]
