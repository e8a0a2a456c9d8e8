"""A shop of its own for each fault: some users who can't pay, some items that run short."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from loadtest.books import Account, Books, Order
from loadtest.client import Client

RICH, POOR = 16, 4
"""Users who can pay anything, and users who can pay a few orders."""

PLENTY, SCARCE = 6, 2
"""Items of which there are any number, and items that a few orders use up."""

CALLERS = 16
PRICE_MAX = 9
ANY = 10_000_000
FEW = 25

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Shop:
    """What was put in: users with their credit, items with pieces and price."""

    users: dict[str, int]
    items: dict[str, int]
    rich: tuple[str, ...]
    poor: tuple[str, ...]
    plenty: tuple[str, ...]
    scarce: tuple[str, ...]


def fill(client: Client, draw: random.Random) -> Shop:
    """Makes a shop. Raises CannotTell if the system doesn't let it."""

    def new_user(credit: int) -> str:
        user_id = str(client.post("/payment/create_user")["user_id"])
        client.post(f"/payment/add_funds/{user_id}/{credit}")
        return user_id

    def new_item(pieces_at: tuple[int, int]) -> str:
        pieces, price = pieces_at
        item_id = str(client.post(f"/stock/item/create/{price}")["item_id"])
        client.post(f"/stock/add/{item_id}/{pieces}")
        return item_id

    credits = [ANY] * RICH + [FEW * PRICE_MAX] * POOR
    pieces = [ANY] * PLENTY + [FEW] * SCARCE
    users = each(new_user, credits)
    items = each(new_item, [(count, draw.randint(1, PRICE_MAX)) for count in pieces])
    return Shop(
        users=dict(zip(users, credits, strict=True)),
        items=dict(zip(items, pieces, strict=True)),
        rich=tuple(users[:RICH]),
        poor=tuple(users[RICH:]),
        plenty=tuple(items[:PLENTY]),
        scarce=tuple(items[PLENTY:]),
    )


def read(client: Client, shop: Shop, order_ids: Iterable[str]) -> Books:
    """What all services say about everything in the shop. Raises CannotTell."""

    def user(user_id: str) -> Account | None:
        found = client.find(f"/payment/find_user/{user_id}")
        return None if found is None else _account(found, shop.users[user_id], "credit", "spent")

    def item(item_id: str) -> Account | None:
        found = client.find(f"/stock/find/{item_id}")
        return None if found is None else _account(found, shop.items[item_id], "stock", "sold")

    def order(order_id: str) -> Order | None:
        found = client.find(f"/orders/find/{order_id}")
        if found is None:
            return None
        items = tuple((str(item_id), int(quantity)) for item_id, quantity in found["items"])
        return Order(found["user_id"], items, found["total_cost"], found["paid"])

    ids = list(order_ids)
    return Books(
        items=dict(zip(shop.items, each(item, shop.items), strict=True)),
        users=dict(zip(shop.users, each(user, shop.users), strict=True)),
        orders=dict(zip(ids, each(order, ids), strict=True)),
    )


def _account(found: dict[str, Any], put_in: int, available: str, used: str) -> Account:
    return Account(put_in, found[available], found["held"], found[used], found.get("price", 0))


def each(work: Callable[[T], R], inputs: Iterable[T]) -> list[R]:
    """Does the work for each input, several at a time; in order."""
    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(work, inputs))
