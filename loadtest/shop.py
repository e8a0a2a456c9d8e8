"""A shop of its own inside a running system: one item, users with a credit each, and orders."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import track

from loadtest.books import Account, Books, Order
from loadtest.client import Client

PRICE = CREDIT = 1
# Enough callers to keep a small system busy, too few to overload one.
CALLERS = 64

console = Console()
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Size:
    """How many of each."""

    users: int
    stock: int
    orders: int


@dataclass(frozen=True)
class Shop:
    """What was put in: an item, users, and orders by id with the user of each."""

    item_id: str
    stock: int
    users: tuple[str, ...]
    buyers: dict[str, str]

    def could_sell(self) -> int:
        """Each user's credit is enough for one order, however many he made."""
        return min(self.stock, len(set(self.buyers.values())))


def fill(client: Client, size: Size, draw: random.Random) -> Shop:
    """Makes the item, the users, and orders of one piece each for users drawn at random."""

    def new_user(_: int) -> str:
        user_id = str(client.post("/payment/create_user")["user_id"])
        client.post(f"/payment/add_funds/{user_id}/{CREDIT}")
        return user_id

    def new_order(user_id: str) -> tuple[str, str]:
        order_id = str(client.post(f"/orders/create/{user_id}")["order_id"])
        client.post(f"/orders/addItem/{order_id}/{item_id}/1")
        return order_id, user_id

    item_id = str(client.post(f"/stock/item/create/{PRICE}")["item_id"])
    client.post(f"/stock/add/{item_id}/{size.stock}")
    users = tuple(_each("Making users", new_user, range(size.users)))
    buyers = dict(_each("Making orders", new_order, draw.choices(users, k=size.orders)))
    return Shop(item_id, size.stock, users, buyers)


def read(client: Client, shop: Shop) -> Books:
    """What all services say about everything in the shop."""

    def item(item_id: str) -> Account | None:
        found = client.find(f"/stock/find/{item_id}")
        return None if found is None else _account(found, shop.stock, "stock", "sold")

    def user(user_id: str) -> Account | None:
        found = client.find(f"/payment/find_user/{user_id}")
        return None if found is None else _account(found, CREDIT, "credit", "spent")

    def order(order_id: str) -> Order | None:
        found = client.find(f"/orders/find/{order_id}")
        if found is None:
            return None
        items = tuple((str(item_id), int(quantity)) for item_id, quantity in found["items"])
        return Order(found["user_id"], items, found["total_cost"], found["paid"])

    users = _each("Reading users", user, shop.users)
    orders = _each("Reading orders", order, shop.buyers)
    return Books(
        {shop.item_id: item(shop.item_id)},
        dict(zip(shop.users, users, strict=True)),
        dict(zip(shop.buyers, orders, strict=True)),
    )


def _account(found: dict[str, Any], put_in: int, available: str, used: str) -> Account:
    return Account(put_in, found[available], found["held"], found[used], found.get("price", 0))


def _each(what: str, work: Callable[[T], R], inputs: Collection[T]) -> list[R]:
    """Does the work for each input, several at a time, behind a progress bar; in order."""
    with ThreadPoolExecutor(CALLERS) as pool:
        return list(track(pool.map(work, inputs), what, len(inputs), console=console))
