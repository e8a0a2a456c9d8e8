"""Load for people to steer: the stress scenario, and a realistic mix.

    make locust                     then choose on http://127.0.0.1:8089 who comes, and how many
    make locust WORKERS=4           the same with four processes that send

Shopper is the stress scenario: checks out one order after the other. Visitor is the mix: looks
around, fills a cart, and mostly checks it out; thinks in between. Without a web page, Shoppers come
unless others are named:

    locust -f loadtest/locustfile.py --headless -u 100 -r 100 -t 1m
    locust -f loadtest/locustfile.py --headless -u 100 -r 10 -t 5m --processes 4 Visitor

When a test starts, accounts and orders "0", "1", … are written anew, whatever they held before
(a run time, -t, includes that).
A refused checkout is an answer, not a failure; it is counted under a name of its own, and so is a
503 that tells a Visitor when to come back.
"""

from __future__ import annotations

import logging
from argparse import Namespace
from typing import Any

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopTest
from locust.runners import MasterRunner, Runner, WorkerRunner

from loadtest.client import CannotTell, Client
from loadtest.customers import HOST
from loadtest.customers.shopper import Shopper, walk
from loadtest.customers.visit import SCARCE_PIECES, scarce_items
from loadtest.customers.visitor import Visitor

POPULATION_LIMIT_S = 300


def add_sizes(parser: LocustArgumentParser) -> None:
    """The sizes of the shop, by option, by environment, or on the web page."""
    # Not in a group of their own: the web page shows what is added to the parser itself.
    for option, default, meaning in (
        ("users-count", 100_000, "users"),
        ("items-count", 100_000, "items"),
        ("orders-count", 100_000, "orders, of two items each"),
        ("starting-credit", 1_000_000, "credit of each user"),
        ("starting-stock", 1_000_000, "pieces of each item"),
        ("item-price", 1, "price of each item"),
        ("purse", 100, "pieces that a Visitor can pay for, before adding credit again"),
        ("scarce-percent", 3, "Visitors' carts in a hundred with an item that runs short"),
        ("think-time-s", 1.0, "seconds that a Visitor thinks after an answer, on average"),
    ):
        variable = f"LOCUST_{option.replace('-', '_').upper()}"
        parser.add_argument(
            f"--{option}",
            type=type(default),
            default=default,
            help=f"{meaning} ({default:,}); {variable}",
            env_var=variable,
        )


def choose(environment: Environment, runner: Runner | None, **_: Any) -> None:
    """Shoppers come unless others are named, or picked on the web page later.

    Workers have to know everyone: the master tells them how many of whom.
    """
    for each in (Shopper, Visitor):  # the web page shows it beside their names
        each.host = environment.host or HOST
    options = environment.parsed_options
    assert options is not None
    if not options.user_classes and not isinstance(runner, WorkerRunner):
        environment.user_classes = [Shopper]


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
    client = Client(environment.host or HOST, connections=1, answer_limit_s=POPULATION_LIMIT_S)
    users, items, orders = options.users_count, options.items_count, options.orders_count
    try:
        for path in (
            f"/payment/batch_init/{users}/{options.starting_credit}",
            f"/stock/batch_init/{items}/{options.starting_stock}/{options.item_price}",
            f"/orders/batch_init/{orders}/{items}/{users}/{options.item_price}",
        ):
            logging.info("POST %s: %s", path, client.post(path).get("msg"))
        # Shoppers alone find what they have always found: nothing runs short.
        if Visitor in environment.user_classes and options.starting_stock > SCARCE_PIECES:
            for item in scarce_items(items):
                client.post(f"/stock/subtract/{item}/{options.starting_stock - SCARCE_PIECES}")
    except CannotTell as trouble:
        environment.process_exit_code = 1
        raise StopTest(f"The shop could not be populated: {trouble}") from None
    finally:
        client.close()


events.init_command_line_parser.add_listener(add_sizes)
events.init.add_listener(choose)
events.test_start.add_listener(start)
