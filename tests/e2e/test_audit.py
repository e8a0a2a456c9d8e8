"""The audit of a running instance: no false alarm while it is busy, exact when it is quiet."""

from __future__ import annotations

import json
from typing import Any

import urllib3

from tests.chaos.traffic import Traffic
from tests.e2e.client import Shop
from tests.e2e.stack import Stack


def audited(stack: Stack, *options: str) -> tuple[int, dict[str, Any]]:
    """What `recoup audit` says: its exit status, and what it found."""
    done = stack.recoup("audit", "--json", *options)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_books_agree_during_and_after_a_crowd(stack: Stack) -> None:
    with Shop(stack.url) as shop:
        # given checkouts under way, of which a third can't be served
        traffic = Traffic.prepare(shop, orders=300, stock=200)
        checkouts = traffic.start()
        # when the books are audited meanwhile, then nothing differs
        assert traffic.begun.wait(60)
        audits = 0
        while not audits or not checkouts.done():
            status, found = audited(stack)
            assert (status, found["differences"]) == (0, [])
            audits += 1
        checkouts.result(120)
        traffic.settles()
        traffic.check_books()
        # and when it is quiet again, then nothing is held, and every figure is exact
        status, found = audited(stack, "--wait")
        assert (status, found["balanced"], found["differences"]) == (0, True, [])
        assert found["unaccounted"] == {"credits": 0, "items": 0, "orders": 0}
        assert (found["held_legs"], found["parked_legs"], found["bracketed"]) == (0, 0, [])
        assert found["checked"]["orders_paid"] >= traffic.count(200) == 200


def test_a_fault_is_found_in_a_running_instance(stack: Stack) -> None:
    with Shop(stack.url) as shop, stack.database("payment") as payment_db:
        # given a user whose credit was written past the scripts
        account = f"{{payment}}:account:{shop.new_user(10)}"
        payment_db.hincrby(account, "available", 1)
        try:
            status, found = audited(stack)
        finally:
            payment_db.hincrby(account, "available", -1)
    assert status == 1
    assert found["counts"] == {"account-unbalanced": 1}
    assert found["unaccounted"] == {"credits": 1, "items": 0, "orders": 0}


def test_the_parties_tell_that_their_books_balance(stack: Stack) -> None:
    for party, book in {"stock": "stock", "payment": "money"}.items():
        with Shop(stack.url) as shop:
            shop.new_item(1, 1)
            shop.new_user(1)
        port = stack.settings.port_of(f"{party}-metrics")
        told = urllib3.request("GET", f"http://127.0.0.1:{port}/metrics").data.decode()
        assert f'recoup_imbalance_units{{book="{book}"}} ' in told
        assert f'recoup_legs_held{{party="{party}"}} ' in told
