"""The audit while everything moves: never a false alarm; and exact when it is quiet again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

from gateway.orders.records import Order
from gateway.orders.store import OrderStore
from proto import ledger_pb2 as pb
from recoup.audit import orders as audited_orders
from recoup.audit import run
from recoup.audit.progress import Steps
from recoup.audit.stores import Advance, Store
from recoup.settings import Settings
from tests.integration.books import ABORT, COMMIT, Books
from tests.integration.conftest import Server
from tests.integration.test_audit import COST, PIECES, Shop, _quick, settings, shop

__all__ = ["_quick", "settings", "shop"]

ORDERS, ITEMS, USERS = 8, 3, 3
CHECKOUTS = 4
"""How many are under way at once."""

SEEDS = 40
AUDITS = 5


class Crowd:
    """Checkouts, each a step at a time, and now and then everything is written anew."""

    def __init__(self, stock: Books, payment: Books, orders: OrderStore) -> None:
        self.stock, self.payment, self.orders = stock, payment, orders
        self.paid = 0
        self._under_way: list[Iterator[None]] = []
        for renew in self._renewals():
            renew()

    def step(self, random: Random) -> None:
        """Something happens."""
        if random.random() < 0.15:
            random.choice(self._renewals())()
        if len(self._under_way) < CHECKOUTS:
            self._under_way.append(self._check_out(random))
        checkout = random.choice(self._under_way)
        if next(checkout, "over") == "over":
            self._under_way.remove(checkout)

    def end(self) -> None:
        """What is under way is brought to its end."""
        for checkout in self._under_way:
            for _ in checkout:
                pass

    def _renewals(self) -> list[Callable[[], object]]:
        return [
            lambda: self.stock.init(ITEMS, 50, price=5),
            lambda: self.payment.init(USERS, 500),
            lambda: self.orders.init(ORDERS, ITEMS, USERS, 5, None),
        ]

    def _check_out(self, random: Random) -> Iterator[None]:
        """One checkout, in the order of the protocol."""
        order = self.orders.read(str(random.randrange(ORDERS)))
        if order is None or order.paid_at is not None:
            return
        votes = []
        for books in (self.stock, self.payment):
            yield
            votes.append(self._ask(books, order))
        yield
        yes = votes == [pb.Vote.YES, pb.Vote.YES] and random.random() < 0.8
        verdict = self.orders.propose(order.tid, "commit" if yes else "abort").verdict
        self.paid += verdict == "commit"
        for books in random.sample([self.stock, self.payment], 2):
            yield
            books.settle(order.tid, COMMIT if verdict == "commit" else ABORT)

    def _ask(self, books: Books, order: Order) -> int:
        lines = [(order.user_id, order.total_cost)]
        if books is self.stock:
            lines = [(line.item_id, line.quantity) for line in order.lines]
        return books.deduct(order.tid, *lines)[0]


class Meanwhile(Steps):
    """Lets something happen before each reading of an audit, and in the middle of it."""

    def __init__(self, crowd: Crowd, random: Random) -> None:
        super().__init__()
        self._crowd = crowd
        self._random = random

    def begin(self, what: str, total: int) -> Advance:
        self._happen()
        return lambda _: self._happen()

    def _happen(self) -> None:
        for _ in range(self._random.randrange(3)):
            self._crowd.step(self._random)


@pytest.fixture
def server(server_in_memory: Server) -> Server:
    return server_in_memory


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_between_two_readings_is_no_difference(
    stock: Books,
    payment: Books,
    orders: OrderStore,
    settings: Settings,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("recoup.audit.stores.BATCH", 5)
    # Given a system in the middle of its work
    random = Random(seed)
    crowd = Crowd(stock, payment, orders)
    for _ in range(60):
        crowd.step(random)
    # When it is audited while that goes on, then nothing differs
    assert run.run(settings, Meanwhile(crowd, random)).differences == []
    # And when nothing moves, then every figure is exact, also what is held
    for _ in range(2):
        findings = run.run(settings, Steps())
        assert (findings.differences, findings.brackets) == ([], [])
        crowd.end()
    assert findings.checked["legs_held"] == 0


class When(Steps):
    """Lets something happen when a certain reading begins."""

    def __init__(self, what: str, act: Callable[[], object]) -> None:
        super().__init__()
        self._what, self._act = what, act

    def begin(self, what: str, total: int) -> Advance:
        if what == self._what:
            self._act()
        return super().begin(what, total)


@pytest.mark.parametrize("reading", ["orders", "legs of stock", "accounts of stock again"])
def test_what_moves_is_known_up_to_what_moved(shop: Shop, settings: Settings, reading: str) -> None:
    # Given a paid order whose legs are settled while the books are audited
    shop.orders.propose(shop.held, "commit")

    def settle() -> None:
        for books in (shop.stock, shop.payment):
            books.settle(shop.held, COMMIT)

    findings = run.run(settings, When(reading, settle))
    # Then that is no difference; and how much is uncertain is told
    assert findings.differences == []
    moved = {bracket.subject: bracket.units for bracket in findings.brackets}
    totals = {"stock's totals"} if reading.endswith("again") else set()
    assert moved.keys() == {"item a", "user u"} | totals
    assert COST <= moved["user u"] <= 2 * COST
    assert PIECES <= moved["item a"] <= 2 * PIECES


def test_what_was_used_for_nothing_is_found_also_when_more_is_used(
    shop: Shop, settings: Settings
) -> None:
    # Given two paid orders that the order store has lost
    for order_id in ("lost1", "lost2"):
        tid = shop.paid(order_id)
        for books in (shop.stock, shop.payment):
            books.settle(tid, COMMIT)
            shop.client.delete(books.key(f"leg:{tid}"))
        shop.client.delete(f"{{orders}}:order:{order_id}")
    # When the user is charged for another one meanwhile
    shop.orders.propose(shop.held, "commit")
    findings = run.run(settings, When("orders", lambda: shop.payment.settle(shop.held, COMMIT)))
    # Then all pieces are missed, and as many credits as can't come from that
    assert set(findings.by_kind) == {"used-unpaid"}
    assert findings.books["stock"].difference == 2 * PIECES
    assert findings.books["payment"].difference == COST


def test_what_was_paid_for_nothing_is_found_also_when_more_is_used(
    shop: Shop, settings: Settings
) -> None:
    # Given three paid orders of which no party knows
    for order_id in ("free1", "free2", "free3"):
        shop.orders.propose(shop.order(order_id), "commit")
    # When the user is charged for another one meanwhile
    shop.orders.propose(shop.held, "commit")
    findings = run.run(settings, When("orders", lambda: shop.payment.settle(shop.held, COMMIT)))
    # Then what they cost and sold is missed
    assert set(findings.by_kind) == {"paid-unused"}
    assert findings.books["stock"].difference == 3 * PIECES
    assert findings.books["payment"].difference == 3 * COST


def test_an_order_that_is_written_anew_after_it_was_read_counts_once(
    shop: Shop, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a paid order that is settled, and read as such; and nothing is held that could cover it
    tid = shop.paid("0")
    shop.orders.propose(shop.held, "abort")
    for books in (shop.stock, shop.payment):
        books.settle(tid, COMMIT)
        books.settle(shop.held, ABORT)
    read_before = audited_orders.read_before

    def renewed_before_the_second(store: Store, reading: int, *more: Any) -> None:
        if reading == 2:
            shop.orders.init(1, 1, 1, 5, None)
        read_before(store, reading, *more)

    # When it is written anew before what earlier lives cost is read again
    monkeypatch.setattr(audited_orders, "read_before", renewed_before_the_second)
    # Then that is no difference, and what it cost and sold is uncertain only
    findings = run.run(settings, Steps())
    assert findings.differences == []
    moved = {bracket.subject: bracket.units for bracket in findings.brackets}
    assert moved == {"item a": PIECES, "user u": COST}


def test_a_leg_in_no_index_holds_what_it_holds_also_when_more_is_held(
    shop: Shop, settings: Settings
) -> None:
    # Given a held leg that is in no index
    shop.client.zrem(shop.stock.key("due"), shop.held)
    # When its item is held by another one meanwhile, so that both are looked at again
    tid = shop.order("o")
    hold = When("accounts of stock again", lambda: shop.stock.hold(tid, ("a", PIECES)))
    # Then nothing is wrong with what the item holds
    assert set(run.run(settings, hold).by_kind) == {"not-due"}


def test_a_crowd_at_the_same_time_is_no_difference(
    stock: Books, payment: Books, orders: OrderStore, settings: Settings
) -> None:
    # Given two who buy, and write everything anew, as fast as they can
    over = threading.Event()
    crowds = [Crowd(stock, payment, orders) for _ in range(2)]

    def work(crowd: Crowd, seed: int) -> None:
        random = Random(seed)
        while not over.is_set():
            crowd.step(random)

    with ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(work, crowd, seed) for seed, crowd in enumerate(crowds)]
        try:
            # When the books are audited meanwhile, then nothing differs
            for _ in range(AUDITS):
                assert run.run(settings, Steps()).differences == []
        finally:
            over.set()
        for task in tasks:
            task.result()
    # And when it is over, every figure is exact
    for crowd in crowds:
        assert crowd.paid
        crowd.end()
    findings = run.run(settings, Steps())
    assert (findings.differences, findings.brackets) == ([], [])
