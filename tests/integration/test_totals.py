"""What the scripts keep so that the books can be checked: totals, and what was used before."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

import pytest
import redis
from prometheus_client import REGISTRY

from gateway.orders.store import OrderStore
from proto import ledger_pb2 as pb
from recoup.settings import AMOUNT_MAX
from tests.integration.books import ABORT, COMMIT, Books, Photographer
from workers.ledger.measures import Totals
from workers.ledger.metrics import observe

NAMES = ("put_in", "available", "held", "used")


def totals(books: Books) -> Totals | None:
    return books.ledger.measure().totals


def summed(books: Books) -> Totals:
    """The sums over all accounts, from the accounts themselves."""
    sums = dict.fromkeys(NAMES, 0)
    for key in books.client.scan_iter(books.key("account:*")):
        account: dict[str, str] = books.client.hgetall(key)
        for name in NAMES:
            sums[name] += int(account[name])
    return Totals(**sums)


# --- totals ---


def test_every_move_keeps_the_totals_right(stock: Books) -> None:
    def init() -> None:
        stock.init(3, 40)

    moves: list[Callable[[], object]] = [
        lambda: stock.open("a", 50),
        lambda: stock.open("b", 7),
        lambda: stock.adjust("a", -20),
        lambda: stock.hold("o.1", ("a", 4), ("b", 3)),
        lambda: stock.hold("o.2", ("a", 5)),
        lambda: stock.hold("o.3", ("b", 0)),
        lambda: stock.settle("o.1", COMMIT),
        lambda: stock.settle("o.2", ABORT),
        lambda: stock.settle("o.3", COMMIT),
        init,
        lambda: stock.hold("o.4", ("0", 4), ("1", 3)),
        lambda: stock.hold("o.5", ("0", 2), ("2", 2)),
        lambda: stock.settle("o.4", COMMIT),
        init,
        lambda: stock.settle("o.5", COMMIT),
    ]
    for number, move in enumerate(moves):
        move()
        assert totals(stock) == summed(stock), f"after move {number}"
        assert summed(stock).imbalance == 0


def test_what_changes_nothing_leaves_the_totals_alone(
    stock: Books, photograph: Photographer
) -> None:
    # Given a leg that is settled, one that is held, and a change under a key
    stock.open("a", 10)
    stock.hold("o.1", ("a", 4))
    stock.settle("o.1", COMMIT)
    stock.hold("o.2", ("a", 4))
    stock.adjust("a", 5, key="k", fingerprint="f")
    known = totals(stock)
    before = photograph()
    # When what was done is done again, and what can't be done is refused
    deadline_ms = stock.leg("o.2").deadline_ms
    assert stock.deduct("o.1", ("a", 4), deadline_ms=deadline_ms)[0] == pb.Vote.YES
    assert stock.deduct("o.2", ("a", 4), deadline_ms=deadline_ms)[0] == pb.Vote.YES
    assert stock.deduct("o.3", ("a", 99))[0] == pb.Vote.SHORT
    assert stock.settle("o.1", COMMIT) == pb.ALREADY
    assert stock.settle("o.1", ABORT) == pb.CONTRADICTION
    assert stock.settle("nobody.1", COMMIT) == pb.NO_LEG
    assert stock.adjust("a", -99).outcome == pb.AccountResult.NOT_ENOUGH
    assert stock.adjust("a", AMOUNT_MAX).outcome == pb.AccountResult.TOO_MUCH
    assert stock.adjust("a", 5, key="k", fingerprint="f").outcome == pb.AccountResult.OK
    # Then nothing has changed
    assert totals(stock) == known
    assert photograph() == before


@pytest.mark.parametrize("verdict", [COMMIT, ABORT])
def test_the_largest_amounts_are_summed_exactly(stock: Books, verdict: int) -> None:
    # Given three full accounts: more than a double can count
    for item_id in "abc":
        stock.open(item_id, AMOUNT_MAX)
    # When a leg takes nearly all of each
    lines = [(item_id, AMOUNT_MAX - 1) for item_id in "abc"]
    stock.hold("o.1", *lines)
    assert totals(stock) == Totals(3 * AMOUNT_MAX, 3, 3 * (AMOUNT_MAX - 1), 0)
    stock.settle("o.1", COMMIT if verdict == COMMIT else ABORT)
    # Then the totals are right to the unit
    assert totals(stock) == summed(stock)
    stock.init(3, AMOUNT_MAX)
    assert totals(stock) == summed(stock)


def test_totals_that_grow_too_large_are_not_known_and_stop_nothing(
    stock: Books, client: redis.Redis
) -> None:
    # Given totals close to what the database can count
    stock.open("a", 10)
    client.hset(stock.key("totals"), "available", 2**63 - 1)
    # When more is added
    assert stock.adjust("a", 5).outcome == pb.AccountResult.OK
    # Then the account has it, and nobody knows the totals any more
    assert stock.balance("a") == (15, 0, 0)
    assert totals(stock) is None
    stock.hold("o.1", ("a", 4))
    stock.settle("o.1", COMMIT)
    assert stock.balance("a") == (11, 0, 4)
    assert totals(stock) is None


def test_totals_of_another_type_stop_nothing(stock: Books, client: redis.Redis) -> None:
    stock.open("a", 10)
    client.delete(stock.key("totals"))
    client.set(stock.key("totals"), "what is this?")
    stock.hold("o.1", ("a", 4))
    assert stock.balance("a") == (6, 4, 0)
    assert totals(stock) is None


def test_an_account_that_cannot_be_read_is_written_anew_and_the_totals_are_not_known(
    stock: Books, client: redis.Redis
) -> None:
    stock.init(2, 5)
    client.hset(stock.key("account:1"), "available", "some")
    stock.init(2, 7)
    assert stock.balance("1") == (7, 0, 0)
    assert totals(stock) is None


# --- what was used before ---


def test_an_account_remembers_what_its_earlier_generations_used(
    stock: Books, client: redis.Redis
) -> None:
    def used_before() -> int:
        return int(client.hget(stock.key("account:0"), "used_before") or 0)

    # Given an account that has sold three, and holds two and two more
    stock.init(1, 10)
    for tid, amount in {"o.1": 3, "o.2": 2, "o.3": 2}.items():
        stock.hold(tid, ("0", amount))
    stock.settle("o.1", COMMIT)
    assert used_before() == 0
    # When it is written anew, then it remembers what was sold
    stock.init(1, 10)
    assert used_before() == 3
    # And when what was held is settled, what is kept of it too, and only once
    stock.settle("o.2", ABORT)
    assert used_before() == 3
    stock.settle("o.3", COMMIT)
    stock.settle("o.3", COMMIT)
    assert used_before() == 5
    # And the balance knows nothing of it
    assert stock.balance("0") == (10, 0, 0)
    stock.hold("o.4", ("0", 1))
    stock.settle("o.4", COMMIT)
    stock.init(1, 10)
    assert used_before() == 6


def test_what_cannot_be_read_of_an_earlier_generation_settles_nothing(
    stock: Books, client: redis.Redis, photograph: Photographer
) -> None:
    stock.init(2, 10)
    stock.hold("o.1", ("0", 3), ("1", 3))
    stock.init(1, 10)
    client.hset(stock.key("account:0"), "used_before", "some")
    before = photograph()
    assert stock.settle("o.1", COMMIT) == pb.FAILED
    assert photograph() == before


def test_the_order_store_remembers_what_earlier_lives_cost_and_sold(
    orders: OrderStore, client: redis.Redis
) -> None:
    def before(name: str) -> dict[str, int]:
        entries: dict[str, str] = client.hgetall("{orders}:before:" + name)
        return {id: int(amount) for id, amount in entries.items()}

    # Given two orders of one user, of which one is paid
    orders.init(2, 1, 1, 5, None)
    first = orders.read("0")
    assert first is not None
    orders.propose(first.tid, "commit")
    # When both are written anew, twice
    orders.init(2, 1, 1, 5, None)
    orders.init(2, 1, 1, 5, None)
    # Then what the paid one cost and sold is known, once
    assert before("users") == {"0": 10}
    assert before("items") == {"0": 2}
    # And adds up with what is paid later
    second = orders.read("1")
    assert second is not None
    orders.propose(second.tid, "commit")
    orders.init(2, 1, 1, 7, None)
    assert before("users") == {"0": 20}
    assert before("items") == {"0": 4}


def test_a_paid_order_that_cannot_be_read_is_written_anew(
    orders: OrderStore, client: redis.Redis
) -> None:
    orders.init(1, 1, 1, 5, None)
    order = orders.read("0")
    assert order is not None
    orders.propose(order.tid, "commit")
    client.hset("{orders}:order:0", mapping={"total": "some", "lines": "?"})
    orders.init(1, 1, 1, 5, None)
    renewed = orders.read("0")
    assert renewed is not None
    assert renewed.total_cost == 10
    assert not client.exists("{orders}:before:users", "{orders}:before:items")


# --- what a party tells ---


def gauge(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_the_gauges_tell_what_is_held_and_overdue_and_parked(payment: Books) -> None:
    # Given four legs: one settled, one parked, one late, one in time
    payment.open("u", 100)
    for tid, amount in {"done.1": 1, "parked.1": 2, "late.1": 4}.items():
        payment.hold(tid, ("u", amount))
    payment.settle("done.1", COMMIT)
    payment.ledger.park("parked.1", "missing account")
    payment.pass_ms(60_000)
    payment.hold("o.1", ("u", 8))
    # When they are counted
    observe(payment.ledger)
    # Then the gauges say so
    assert gauge("recoup_legs_held", party="payment") == 3
    assert gauge("recoup_legs_overdue", party="payment") == 1
    assert gauge("recoup_legs_parked", party="payment", reason="missing_account") == 1
    assert gauge("recoup_legs_parked", party="payment", reason="contradiction") == 0
    assert 50 < (gauge("recoup_oldest_overdue_seconds", party="payment") or 0) <= 60
    assert gauge("recoup_held_units", party="payment") == 14
    assert gauge("recoup_imbalance_units", book="money") == 0


def test_a_record_of_another_type_does_not_blind_the_gauges(
    stock: Books, client: redis.Redis
) -> None:
    stock.open("a", 10)
    stock.hold("o.1", ("a", 4))
    client.set(stock.key("leg:o.1"), "what is this?")
    observe(stock.ledger)
    assert gauge("recoup_legs_held", party="stock") == 1
    assert gauge("recoup_legs_overdue", party="stock") == 0


def test_books_that_do_not_balance_are_told_and_logged(
    stock: Books, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    stock.open("a", 10)
    observe(stock.ledger)
    assert gauge("recoup_imbalance_units", book="stock") == 0
    assert caplog.records == []
    client.hincrby(stock.key("totals"), "available", -3)
    with caplog.at_level(logging.ERROR):
        observe(stock.ledger)
    assert gauge("recoup_imbalance_units", book="stock") == 3
    assert "don't balance" in caplog.text


def test_totals_that_are_not_known_are_no_zero(stock: Books) -> None:
    observe(stock.ledger)
    value = gauge("recoup_imbalance_units", book="stock")
    assert value is not None
    assert math.isnan(value)


def test_measuring_writes_nothing(stock: Books, photograph: Photographer) -> None:
    stock.open("a", 10)
    stock.hold("o.1", ("a", 4))
    before = photograph()
    stock.ledger.measure()
    assert photograph() == before
