"""The audit while everything moves: never a false alarm; and exact when it is quiet again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from gateway.orders.store import Order, OrderStore
from proto import ledger_pb2 as pb
from recoup.audit import run
from recoup.audit.progress import Steps
from recoup.audit.stores import Advance
from recoup.settings import Settings
from tests.integration.books import ABORT, COMMIT, Books
from tests.integration.test_audit import _quick, settings

__all__ = ["_quick", "settings"]

ORDERS, ITEMS, USERS = 8, 3, 3
CHECKOUTS = 4
"""How many are under way at once."""

SEEDS = 80
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
        for _ in range(self._random.randrange(4)):
            self._crowd.step(self._random)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_between_two_readings_is_no_difference(
    stock: Books, payment: Books, orders: OrderStore, settings: Settings, seed: int
) -> None:
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
