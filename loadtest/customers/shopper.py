"""The stress scenario: customers who check out one order after the other."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from locust import FastHttpUser

from loadtest.customers import HOST
from loadtest.customers.answers import CHECKOUT, tell_apart

# The golden ratio's fraction: its multiples spread evenly over 0..1, however many there are.
SPREAD = 0.6180339887498949


def check_out(shopper: Shopper) -> None:
    """One checkout of the next order, counted by its outcome."""
    path = f"/orders/checkout/{next(shopper.order_ids)}"
    with shopper.client.post(path, name=CHECKOUT, catch_response=True) as response:
        tell_apart(response)


class Shopper(FastHttpUser):  # type: ignore[misc]
    """Checks out orders without a pause."""

    host = HOST
    order_ids: Iterator[int] = iter(())
    tasks = (check_out,)


def walk(orders_count: int, worker: int) -> Iterator[int]:
    """All orders in random order, round and round.

    All workers walk the same way, and each sets out far from the others, so an order is met twice
    only when most have been met.
    """
    order_ids = list(range(orders_count))
    random.Random(orders_count).shuffle(order_ids)
    begin = int(orders_count * (worker * SPREAD % 1))
    return itertools.cycle(order_ids[begin:] + order_ids[:begin])
