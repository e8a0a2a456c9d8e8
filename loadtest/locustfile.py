"""The stress scenario: a shop full of orders, and users who check out one after the other.

    locust -f loadtest/locustfile.py                                    (then see its web page)
    locust -f loadtest/locustfile.py --headless -u 100 -r 100 -t 1m
    locust -f loadtest/locustfile.py --headless -u 100 --processes 4    (distributed)

When a test starts, accounts and orders "0", "1", … are written anew, whatever they held before
(a run time, -t, includes that).
A refused checkout is an answer, not a failure; it is counted under a name of its own.
"""

from __future__ import annotations

import itertools
import logging
import random
from argparse import Namespace
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from locust import FastHttpUser, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopTest
from locust.runners import MasterRunner, WorkerRunner

from loadtest.client import CannotTell, Client

CHECKOUT = "/orders/checkout/[order_id]"
REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT)
POPULATION_LIMIT_S = 300
# The golden ratio's fraction: its multiples spread evenly over 0..1, however many there are.
SPREAD = 0.6180339887498949


def check_out(shopper: Shopper) -> None:
    """One checkout of the next order, counted by its outcome."""
    path = f"/orders/checkout/{next(shopper.order_ids)}"
    with shopper.client.post(path, name=CHECKOUT, catch_response=True) as response:
        if response.status_code in REFUSED:
            response.request_meta["name"] = f"{CHECKOUT} (refused)"
            response.success()
        elif response.status_code == HTTPStatus.OK and response.json().get("already_paid"):
            response.request_meta["name"] = f"{CHECKOUT} (already paid)"


class Shopper(FastHttpUser):  # type: ignore[misc]
    """Checks out orders without a pause."""

    host = "http://127.0.0.1:8000"
    order_ids: Iterator[int] = iter(())
    tasks = (check_out,)


def add_sizes(parser: LocustArgumentParser) -> None:
    """The sizes of the shop, by option, by environment, or on the web page."""
    group = parser.add_argument_group("Shop", "What is written when a test starts.")
    for option, default, meaning in (
        ("users-count", 100_000, "users"),
        ("items-count", 100_000, "items"),
        ("orders-count", 100_000, "orders, of two items each"),
        ("starting-credit", 1_000_000, "credit of each user"),
        ("starting-stock", 1_000_000, "pieces of each item"),
        ("item-price", 1, "price of each item"),
    ):
        variable = f"LOCUST_{option.replace('-', '_').upper()}"
        group.add_argument(
            f"--{option}",
            type=int,
            default=default,
            help=f"{meaning} ({default:,}); {variable}",
            env_var=variable,
        )


def start(environment: Environment, **_: Any) -> None:
    """Populates, once for all processes, and gives this process its walk through the orders."""
    options = environment.parsed_options
    assert options is not None
    runner = environment.runner
    if not isinstance(runner, WorkerRunner):
        populate(environment, options)
    if not isinstance(runner, MasterRunner):
        worker = runner.worker_index if isinstance(runner, WorkerRunner) else 0
        Shopper.order_ids = walk(options.orders_count, worker)


def populate(environment: Environment, options: Namespace) -> None:
    """Writes users, items and orders anew. Without them there is nothing to test."""
    client = Client(
        environment.host or Shopper.host, connections=1, answer_limit_s=POPULATION_LIMIT_S
    )
    users, items, orders = options.users_count, options.items_count, options.orders_count
    try:
        for path in (
            f"/payment/batch_init/{users}/{options.starting_credit}",
            f"/stock/batch_init/{items}/{options.starting_stock}/{options.item_price}",
            f"/orders/batch_init/{orders}/{items}/{users}/{options.item_price}",
        ):
            logging.info("POST %s: %s", path, client.post(path).get("msg"))
    except CannotTell as trouble:
        environment.process_exit_code = 1
        raise StopTest(f"The shop could not be populated: {trouble}") from None
    finally:
        client.close()


def walk(orders_count: int, worker: int) -> Iterator[int]:
    """All orders in random order, round and round.

    All workers walk the same way, and each sets out far from the others, so an order is met twice
    only when most have been met.
    """
    order_ids = list(range(orders_count))
    random.Random(orders_count).shuffle(order_ids)
    begin = int(orders_count * (worker * SPREAD % 1))
    return itertools.cycle(order_ids[begin:] + order_ids[:begin])


events.init_command_line_parser.add_listener(add_sizes)
events.test_start.add_listener(start)
