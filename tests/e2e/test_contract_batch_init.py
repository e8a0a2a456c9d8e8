"""batch_init: accounts and orders "0", "1", … written anew, also over existing ones."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.client import Shop, Stack, eventually, quantities

FEW = 5
# Enough that it takes a while, so that others come in between.
MANY = 50_000


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:
    with Shop(stack.url) as shop:
        yield shop


def fill(shop: Shop, credit: int = 100, stock: int = 50, price: int = 7) -> None:
    """A few of everything."""
    shop.done(f"/payment/batch_init/{FEW}/{credit}")
    shop.done(f"/stock/batch_init/{FEW}/{stock}/{price}")
    shop.done(f"/orders/batch_init/{FEW}/{FEW}/{FEW}/{price}")


@pytest.mark.parametrize(
    "path", ["/payment/batch_init/3/9", "/stock/batch_init/3/9/2", "/orders/batch_init/3/3/3/2"]
)
def test_it_answers_with_a_message(shop: Shop, path: str) -> None:
    answer = shop.post(path)
    assert answer.status == 200
    assert isinstance(answer.json["msg"], str)
    assert answer.json["msg"]


def test_users_begin_with_their_credit(shop: Shop) -> None:
    shop.done(f"/payment/batch_init/{FEW}/100")
    for user_id in map(str, range(FEW)):
        assert shop.user(user_id) == {"user_id": user_id, "credit": 100, "held": 0, "spent": 0}


def test_items_begin_with_their_stock_and_price(shop: Shop) -> None:
    shop.done(f"/stock/batch_init/{FEW}/50/7")
    for item_id in map(str, range(FEW)):
        expected = {"item_id": item_id, "stock": 50, "price": 7, "held": 0, "sold": 0}
        assert shop.item(item_id) == expected


def test_orders_have_two_items_of_those_and_a_user_of_those(shop: Shop) -> None:
    shop.done(f"/orders/batch_init/{FEW}/20/30/7")
    for order_id in map(str, range(FEW)):
        order = shop.order(order_id)
        pieces = quantities(order)
        assert sum(pieces.values()) == 2
        assert pieces.keys() <= {str(n) for n in range(20)}
        assert order["user_id"] in {str(n) for n in range(30)}
        assert order["total_cost"] == 14
        assert (order["paid"], order["state"]) == (False, "open")


def test_items_and_users_are_drawn_at_random(shop: Shop) -> None:
    shop.done("/orders/batch_init/40/1000/1000/1")
    orders = [shop.order(str(n)) for n in range(40)]
    assert len({order["user_id"] for order in orders}) > 20
    assert len({item_id for order in orders for item_id in quantities(order)}) > 40


def test_with_one_item_both_are_that(shop: Shop) -> None:
    shop.done("/orders/batch_init/1/1/1/3")
    order = shop.order("0")
    assert quantities(order) == {"0": 2}
    assert order["total_cost"] == 6


def test_more_accounts_than_were_asked_for_are_not_made(shop: Shop) -> None:
    # Given an id that no test writes
    shop.done(f"/payment/batch_init/{FEW}/1")
    assert shop.get("/payment/find_user/99999999").status == 404


def test_its_orders_can_be_checked_out(shop: Shop) -> None:
    # Given
    fill(shop, credit=100, stock=50, price=7)
    # When
    answers = [shop.check_out(str(n)) for n in range(FEW)]
    # Then all are paid, and the books agree
    assert [answer.status for answer in answers] == [200] * FEW
    total = 14 * FEW
    users = [str(n) for n in range(FEW)]
    assert sum(shop.user(user_id)["credit"] for user_id in users) == 100 * FEW - total
    assert sum(shop.item(str(n))["stock"] for n in range(FEW)) == 50 * FEW - 2 * FEW
    eventually(lambda: sum(shop.user(user_id)["spent"] for user_id in users) == total)


def test_its_orders_can_be_added_to(shop: Shop) -> None:
    fill(shop, price=7)
    shop.done("/orders/addItem/0/1/1")
    assert shop.order("0")["total_cost"] == 21
    assert shop.check_out("0").json["total_cost"] == 21


def test_over_what_there_was_it_begins_anew(shop: Shop) -> None:
    # Given orders that were paid
    fill(shop, price=7)
    first = [shop.check_out(str(n)) for n in range(FEW)]
    assert all(answer.ok for answer in first)
    # When everything is written again, at other amounts
    fill(shop, credit=90, stock=40, price=3)
    # Then accounts and orders are new
    for n in map(str, range(FEW)):
        assert shop.user(n) == {"user_id": n, "credit": 90, "held": 0, "spent": 0}
        assert shop.item(n) == {"item_id": n, "stock": 40, "price": 3, "held": 0, "sold": 0}
        order = shop.order(n)
        assert (order["paid"], order["state"], order["total_cost"]) == (False, "open", 6)
    # And are charged anew, under a tid that was never used
    for order_id, before in enumerate(first):
        after = shop.check_out(str(order_id))
        assert after.status == 200
        assert after.json["already_paid"] is False
        assert after.json["tid"] != before.json["tid"]
    users = [str(n) for n in range(FEW)]
    assert sum(shop.user(user_id)["credit"] for user_id in users) == (90 - 6) * FEW
    eventually(lambda: sum(shop.user(user_id)["spent"] for user_id in users) == 6 * FEW)


def test_what_a_checkout_had_settled_late_does_not_touch_new_accounts(shop: Shop) -> None:
    # Given checkouts whose goods and credit are perhaps not settled yet
    fill(shop)
    for order_id in range(FEW):
        assert shop.check_out(str(order_id)).ok
    # When the accounts are written anew at once
    fill(shop)
    # And a checkout of other accounts, made afterwards, is settled
    item_id, user_id = shop.new_item(stock=1), shop.new_user(credit=1)
    assert shop.check_out(shop.new_order(user_id, (item_id, 1))).ok
    eventually(lambda: shop.item(item_id)["sold"] == shop.user(user_id)["spent"] == 1)
    # Then none of the old has got into the new
    for n in map(str, range(FEW)):
        assert shop.user(n) == {"user_id": n, "credit": 100, "held": 0, "spent": 0}
        assert shop.item(n) == {"item_id": n, "stock": 50, "price": 7, "held": 0, "sold": 0}


def test_one_of_the_three_leaves_the_others_alone(shop: Shop) -> None:
    fill(shop)
    assert shop.check_out("0").ok
    order = shop.order("0")
    shop.done(f"/payment/batch_init/{FEW}/100")
    shop.done(f"/stock/batch_init/{FEW}/50/7")
    assert shop.order("0") == order
    assert shop.check_out("0").json["already_paid"] is True
    assert shop.user(order["user_id"])["credit"] == 100


@pytest.mark.parametrize(
    "path",
    [
        f"/payment/batch_init/{MANY}/1000",
        f"/stock/batch_init/{MANY}/1000/1",
        f"/orders/batch_init/{MANY}/{MANY}/{MANY}/1",
    ],
)
def test_others_are_served_meanwhile(shop: Shop, path: str) -> None:
    # Given
    item_id, user_id = shop.new_item(price=1, stock=10**6), shop.new_user(credit=10**6)
    served = 0
    # When customers come while very many are written
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(shop.post, path)
        while not writing.done():
            order_id = shop.new_order(user_id, (item_id, 1))
            assert shop.check_out(order_id).status == 200
            served += not writing.done()
        assert writing.result().status == 200
    # Then some were served before it was done
    assert served > 0
