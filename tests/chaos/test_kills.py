"""Each process is killed, in turn, in the middle of 200 checkouts. The books agree afterwards."""

from __future__ import annotations

import pytest

from tests.chaos.traffic import Traffic
from tests.e2e.client import Shop
from tests.e2e.stack import Stack

PROCESSES = [
    "gateway",
    "orders",
    "stock",
    "payment",
    "stock-worker",
    "payment-worker",
    "beat",
    "flower",
    "broker",
]


@pytest.mark.parametrize("process", PROCESSES)
def test_the_books_agree_after_a_kill(stack: Stack, process: str) -> None:
    with Shop(stack.url) as shop:
        # given 200 checkouts under way
        traffic = Traffic.prepare(shop)
        checkouts = traffic.start()
        assert traffic.begun.wait(60)
        # when a process is killed
        killed = stack.kill(process)
        checkouts.result(120)
        stack.comes_back(process, killed)
        # then, when it is back, nothing stays held, and money, stock, orders and answers agree
        traffic.settles()
        traffic.check_books()
        # and the crowd was served: a dead process costs at most what it had under way
        assert traffic.count(200) >= len(traffic.orders) // 4


def test_the_books_agree_after_a_gateway_worker_is_killed(stack: Stack) -> None:
    with Shop(stack.url) as shop:
        # given 200 checkouts under way
        traffic = Traffic.prepare(shop)
        checkouts = traffic.start()
        assert traffic.begun.wait(60)
        # when one of the gateway's worker processes is killed, with requests in its hands
        stack.kill_gateway_worker()
        checkouts.result(120)
        # then the books agree
        traffic.settles()
        traffic.check_books()
