"""Each way in which a checkout can be left unfinished, and that it is finished all the same."""

from __future__ import annotations

import time

import pytest

from tests.chaos.traffic import Traffic
from tests.e2e.client import Shop, eventually
from tests.e2e.stack import Stack

A_WHILE_S = 8
"""Longer than a checkout's deadline and a lease together would need, if someone only waited."""

A_MINUTE_S = 60

AWAY_S = [A_WHILE_S, pytest.param(A_MINUTE_S, marks=pytest.mark.slow)]


def test_the_gateway_dies_before_it_hands_over(stack: Stack) -> None:
    with Shop(stack.url) as shop:
        # given checkouts whose legs are held, since payment has stopped in the middle of its own
        traffic = Traffic.prepare(shop, orders=12)
        with stack.paused("payment"):
            checkouts = traffic.start()
            eventually(lambda: shop.item(traffic.item_id)["held"] == len(traffic.orders))
            # when every process that knows of them dies, before any verdict
            for worker in stack.gateway_workers():
                worker.kill()
        checkouts.result(120)
        assert traffic.count(None) == len(traffic.orders)
        # then the parties find what is held, and settle it
        traffic.settles()
        traffic.check_books()


def test_the_broker_is_emptied(stack: Stack) -> None:
    with Shop(stack.url) as shop:
        # given workers that are away, so that what is handed over waits in the broker
        traffic = Traffic.prepare(shop, orders=40)
        stack.end("stock-worker", "payment-worker")
        traffic.check_out_all()
        assert traffic.held() > 0
        # when the broker loses everything
        stack.database("broker").flushall()
        for worker in ("stock-worker", "payment-worker"):
            stack.supervisor.start(worker)
        # then everything settles
        traffic.settles()
        traffic.check_books()
        assert traffic.count(200) == len(traffic.orders)


@pytest.mark.parametrize("away_s", AWAY_S)
def test_the_broker_is_away(stack: Stack, away_s: float) -> None:
    with Shop(stack.url) as shop:
        # given no broker
        traffic = Traffic.prepare(shop, orders=40)
        stack.supervisor.stop("broker")
        try:
            # when orders are checked out
            traffic.check_out_all()
            back_s = time.monotonic() + away_s
            # then they are paid, and settle without it
            assert traffic.count(200) == len(traffic.orders)
            traffic.settles()
            traffic.check_books()
            time.sleep(max(0.0, back_s - time.monotonic()))
        finally:
            stack.supervisor.start("broker")
        # and when it is back, the workers work again
        again = Traffic.prepare(shop, orders=10)
        again.check_out_all()
        again.settles()
        again.check_books()


@pytest.mark.parametrize("away_s", AWAY_S)
def test_a_peer_is_away(stack: Stack, away_s: float) -> None:
    with Shop(stack.url) as shop:
        # given checkouts under way
        traffic = Traffic.prepare(shop)
        checkouts = traffic.start()
        assert traffic.begun.wait(60)
        # when payment goes away and comes back later
        stack.supervisor.stop("payment")
        time.sleep(away_s)
        stack.supervisor.start("payment")
        checkouts.result(240)
        # then the books agree
        traffic.settles()
        traffic.check_books()
        # and who was turned away can ask again
        eventually(lambda: shop.get("/readyz").json["all_ok"])
        traffic.check_out_all()
        assert traffic.count(200) == len(traffic.orders)
        traffic.settles()
        traffic.check_books()


def test_a_worker_dies_while_it_holds_retries(stack: Stack) -> None:
    with Shop(stack.url) as shop:
        # given retries in a worker: checkouts are paid, and then their party goes away
        traffic = Traffic.prepare(shop, orders=40)
        stack.supervisor.stop("payment-worker")
        traffic.check_out_all()
        stack.supervisor.stop("payment")
        stack.supervisor.start("payment-worker")
        eventually(lambda: bool(stack.pending_in_flower()))
        # when the worker dies, and with it the retries
        stack.kill("payment-worker")
        stack.supervisor.start("payment")
        # then everything settles
        traffic.settles()
        traffic.check_books()
        assert traffic.count(200) == len(traffic.orders)


def test_pending_compensations_are_rows_in_flower(stack: Stack) -> None:
    with Shop(stack.url) as shop:
        # given paid checkouts whose party goes away before it has settled them
        traffic = Traffic.prepare(shop, orders=5)
        stack.supervisor.stop("payment-worker")
        traffic.check_out_all()
        stack.supervisor.stop("payment")
        try:
            stack.supervisor.start("payment-worker")
            tids = {shop.order(order_id)["tid"] for order_id in traffic.orders}
            # then Flower shows each of them as one row, named by its tid, through all its tries
            rows = {f"{tid}:payment" for tid in tids}
            eventually(lambda: stack.pending_in_flower() >= rows)
            eventually(lambda: all(stack.in_flower()[row]["retries"] >= 2 for row in rows))
            # and no group among them, which would never be seen to end
            names = {str(task["name"]) for task in stack.in_flower().values()}
            assert not {name for name in names if name.endswith(".settle")}
            # and each says whose it is
            for tid in tids:
                assert tid in stack.in_flower()[f"{tid}:payment"]["args"]
        finally:
            stack.supervisor.start("payment")
        traffic.settles()
        traffic.check_books()
