"""What is bought: orders by the ten thousand, each checked out once."""

from __future__ import annotations

from dataclasses import dataclass

from loadtest.client import Client

ITEMS, USERS, PRICE = 1_000, 1_000, 1
ANY = 1_000_000_000
"""Pieces of each item and credit of each user: without end."""

INIT_LIMIT_S = 300.0

ORDERS_MOST = 1_000_000
"""The API writes no more at a time. A load whose orders are used up ends sooner."""

AHEAD = 50_000
"""Orders written at a time, where their number doesn't matter."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Orders from `first` on, for one load. No two with the same `life` have one in common: with
    each life all orders are written anew."""

    life: int
    first: int
    count: int


class Shop:
    """The users, items and orders of one instance."""

    def __init__(self, url: str, others: int = 0, ahead: int = AHEAD) -> None:
        """`others`: orders that are there and that nobody checks out; `ahead`: how many more are
        written at a time, at least."""
        self._client = Client(url, 1, answer_limit_s=INIT_LIMIT_S)
        self._others, self._ahead = others, ahead
        self._items = self._life = 0
        self._next = self._written = 0
        self._without_credit = 0

    def open(self) -> None:
        """Fills it: credit and pieces without end."""
        self._client.post(f"/payment/batch_init/{USERS}/{ANY}")
        self._client.post(f"/stock/batch_init/{ITEMS}/{ANY}/{PRICE}")

    def take(self, count: int, items: int = ITEMS) -> Taken:
        """So many orders that nobody has checked out, of two pieces among these items."""
        count = min(count, ORDERS_MOST - self._others)
        if items != self._items or self._next + count > self._written:
            self._items, self._life = items, self._life + 1
            self._written = min(ORDERS_MOST, self._others + max(count, self._ahead))
            self._client.post(f"/orders/batch_init/{self._written}/{items}/{USERS}/{PRICE}")
            self._next = self._others
        first, self._next = self._next, self._next + count
        return Taken(self._life, first, count)

    def refuse(self, part: float) -> None:
        """From now on so many of the users have no credit."""
        without = int(part * USERS)
        if without < self._without_credit:
            self._client.post(f"/payment/batch_init/{self._without_credit}/{ANY}")
        if without:
            self._client.post(f"/payment/batch_init/{without}/0")
        self._without_credit = without

    def close(self) -> None:
        """Gives its connection back."""
        self._client.close()
