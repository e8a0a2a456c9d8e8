"""Checkouts in a crowd, and the books afterwards: what every test of a killed process needs."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import urllib3

from tests.e2e.client import Shop, eventually

CLIENTS = 16
PRICE = 3


@dataclass
class Traffic:
    """Orders of one fresh item, by fresh users, and what became of their checkouts."""

    shop: Shop
    item_id: str
    stock: int
    users: list[str]
    orders: dict[str, str]
    """Order id -> user id."""
    answers: dict[str, int | None] = field(default_factory=dict)
    """Order id -> status; None: no answer."""
    begun: threading.Event = field(default_factory=threading.Event)
    """Set when a quarter of the checkouts are answered: the middle of it has come."""

    @classmethod
    def prepare(cls, shop: Shop, orders: int = 200, stock: int | None = None) -> Traffic:
        """Users with credit for all that they want, and as much stock as is wanted, unless told."""
        pieces = orders if stock is None else stock
        item_id = shop.new_item(PRICE, pieces)
        users = [shop.new_user(PRICE * orders) for _ in range(8)]
        made = {}
        with ThreadPoolExecutor(CLIENTS) as pool:
            buyers = [users[i % len(users)] for i in range(orders)]
            ids = pool.map(lambda user: shop.new_order(user, (item_id, 1)), buyers)
            made = dict(zip(ids, buyers, strict=True))
        return cls(shop, item_id, pieces, users, made)

    def check_out_all(self) -> None:
        """Checks every order out, by many clients at once. No answer is an answer too."""

        def check_out(order_id: str) -> None:
            try:
                self.answers[order_id] = self.shop.check_out(order_id).status
            except urllib3.exceptions.HTTPError:
                self.answers[order_id] = None
            if len(self.answers) >= len(self.orders) // 4:
                self.begun.set()

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(check_out, self.orders))

    def start(self) -> Future[None]:
        """The same, meanwhile."""
        pool = ThreadPoolExecutor(1)
        running = pool.submit(self.check_out_all)
        pool.shutdown(wait=False)
        return running

    def held(self) -> int:
        """What is held of the item and of all users' credit."""
        users = (self.shop.user(user_id)["held"] for user_id in self.users)
        return int(self.shop.item(self.item_id)["held"]) + sum(users)

    def settles(self) -> None:
        """Waits until nothing is held any more."""

        def nothing_held() -> bool:
            try:
                return self.held() == 0
            except (AssertionError, urllib3.exceptions.HTTPError):
                return False  # someone is still coming back

        eventually(nothing_held)

    def check_books(self) -> None:
        """Asserts that answers, orders, stock and credit agree to the last unit."""
        paid = {o: self.shop.order(o)["paid"] for o in self.orders}
        for order_id, status in self.answers.items():
            if status == 200:
                assert paid[order_id], f"{order_id} was answered 200 and isn't paid"
            elif status is not None and 400 <= status < 500:
                assert not paid[order_id], f"{order_id} was answered {status} and is paid"
        bought = Counter(user for order, user in self.orders.items() if paid[order])
        item = self.shop.item(self.item_id)
        assert item["held"] == 0
        assert item["sold"] == bought.total()
        assert item["stock"] + item["sold"] == self.stock
        for user_id in self.users:
            user = self.shop.user(user_id)
            assert user["held"] == 0
            assert user["spent"] == PRICE * bought[user_id]
            assert user["credit"] + user["spent"] == PRICE * len(self.orders)

    def count(self, status: int | None) -> int:
        """How many checkouts got this answer."""
        return sum(answer == status for answer in self.answers.values())
