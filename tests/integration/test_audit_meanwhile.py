"""The audit while everything moves: never a false alarm; and exact when it is quiet again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from gateway.orders.store import Order, OrderStore
from proto import ledger_pb2 as pb
from recoup.audit import run
from recoup.audit.progress import Steps
from recoup.settings import Settings
from tests.integration.books import ABORT, COMMIT, Books
from tests.integration.test_audit import settings

__all__ = ["settings"]

ORDERS, ITEMS, USERS = 40, 4, 4
AUDITS = 12


class Crowd:
    """Checkouts, late settlements and batch_inits, in no order."""

    def __init__(self, stock: Books, payment: Books, orders: OrderStore) -> None:
        self.stock, self.payment, self.orders = stock, payment, orders
        self.paid = 0
        self._late: list[Callable[[], object]] = []
        self._over = threading.Event()
        self.init_all()

    def init_all(self) -> None:
        self.stock.init(ITEMS, 500, price=5)
        self.payment.init(USERS, 5000)
        self.orders.init(ORDERS, ITEMS, USERS, 5, None)

    def check_out(self, random: Random) -> None:
        """One checkout, in the order of the protocol; some of its settling is left for later."""
        order = self.orders.read(str(random.randrange(ORDERS)))
        if order is None or order.paid_at is not None:
            return
        votes = [self._ask(books, order) for books in (self.stock, self.payment)]
        yes = all(vote == pb.Vote.YES for vote in votes) and random.random() < 0.8
        decision = self.orders.propose(order.tid, "commit" if yes else "abort")
        self.paid += decision.verdict == "commit"
        verdict = COMMIT if decision.verdict == "commit" else ABORT
        for books in random.sample([self.stock, self.payment], 2):
            if random.random() < 0.3:
                self._late.append(lambda books=books: books.settle(order.tid, verdict))
            else:
                books.settle(order.tid, verdict)

    def _ask(self, books: Books, order: Order) -> int:
        lines = [(order.user_id, order.total_cost)]
        if books is self.stock:
            lines = [(line.item_id, line.quantity) for line in order.lines]
        return books.deduct(order.tid, *lines)[0]

    def trade(self, seed: int) -> None:
        """Goes on until it is over."""
        random = Random(seed)
        while not self._over.is_set():
            self.check_out(random)
            if len(self._late) > 10:
                self._late.pop(random.randrange(10))()

    def renew(self, seed: int) -> None:
        """Writes orders, stock and credit anew, again and again."""
        random = Random(seed)
        while not self._over.wait(0.01):
            random.choice(
                [
                    lambda: self.orders.init(ORDERS, ITEMS, USERS, 5, None),
                    lambda: self.stock.init(ITEMS, 500, price=5),
                    lambda: self.payment.init(USERS, 5000),
                ]
            )()

    def end(self) -> None:
        self._over.set()

    def settle_all(self) -> None:
        for settle in self._late:
            settle()


def test_the_audit_never_cries_wolf(
    stock: Books,
    payment: Books,
    orders: OrderStore,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("recoup.audit.balance.HELD_PAUSE_S", 0.01)
    # Given a crowd that buys, and somebody who writes everything anew all the time
    crowd = Crowd(stock, payment, orders)
    with ThreadPoolExecutor(3) as pool:
        tasks = [pool.submit(crowd.trade, seed) for seed in (1, 2)]
        tasks.append(pool.submit(crowd.renew, 3))
        try:
            # When the books are audited meanwhile, then nothing differs
            for _ in range(AUDITS):
                findings = run.run(settings, Steps())
                assert findings.differences == []
        finally:
            crowd.end()
        for task in tasks:
            task.result()
    assert crowd.paid
    # And when it is over, nothing differs either, and nothing is uncertain
    assert run.run(settings, Steps()).differences == []
    crowd.settle_all()
    findings = run.run(settings, Steps())
    assert findings.differences == []
    assert findings.brackets == []
    assert findings.checked["legs_held"] == 0
