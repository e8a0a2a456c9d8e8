"""Requests that meet: whoever wins, the answers are true and the books balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.e2e.client import Shop, Stack, at_once, eventually, quantities

ROUNDS = 15


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:
    with Shop(stack.url) as shop:
        yield shop


def test_twenty_checkouts_of_one_order_are_all_answered_and_charged_once(shop: Shop) -> None:
    # Given stock and credit for more than one
    item_id, user_id = shop.new_item(price=10, stock=50), shop.new_user(credit=500)
    order_id = shop.new_order(user_id, (item_id, 2))
    # When
    answers = at_once(*[lambda: shop.check_out(order_id)] * 20)
    # Then
    assert [answer.status for answer in answers] == [200] * 20
    assert {answer.json["tid"] for answer in answers} == {shop.order(order_id)["tid"]}
    assert shop.user(user_id)["credit"] == 480
    assert shop.item(item_id)["stock"] == 48
    eventually(lambda: shop.user(user_id)["spent"] == 20 and shop.item(item_id)["sold"] == 2)
    assert shop.user(user_id)["held"] == shop.item(item_id)["held"] == 0


def test_twenty_checkouts_of_one_order_that_is_short_are_all_refused(shop: Shop) -> None:
    item_id, user_id = shop.new_item(price=10, stock=1), shop.new_user(credit=500)
    order_id = shop.new_order(user_id, (item_id, 2))
    answers = at_once(*[lambda: shop.check_out(order_id)] * 20)
    assert {answer.status for answer in answers} <= {400, 409}
    assert shop.user(user_id) == {"user_id": user_id, "credit": 500, "held": 0, "spent": 0}
    item = shop.item(item_id)
    assert (item["stock"], item["held"], item["sold"]) == (1, 0, 0)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_adding_while_checking_out_wins_or_loses_cleanly(shop: Shop, round_: int) -> None:
    # Given an order, and stock and credit for all of it
    first, second = shop.new_item(price=10, stock=5), shop.new_item(price=1, stock=5)
    user_id = shop.new_user(credit=100)
    order_id = shop.new_order(user_id, (first, 1))
    # When it is checked out while something is added
    calls = [
        lambda: shop.check_out(order_id),
        lambda: shop.post(f"/orders/addItem/{order_id}/{second}/1"),
    ]
    # (now this one first, now that one)
    answers = at_once(*(calls if round_ % 2 else reversed(calls)))
    checkout, adding = answers if round_ % 2 else reversed(answers)
    order = shop.order(order_id)
    added = quantities(order) == {first: 1, second: 1}
    # Then the adding was answered by what is in the order
    assert adding.status == (200 if added else 409)
    # And the checkout by whether it is paid, either with it or without
    assert checkout.status == (200 if order["paid"] else 409)
    assert order["total_cost"] == (11 if added else 10)
    charged = order["total_cost"] if order["paid"] else 0
    assert shop.user(user_id)["credit"] == 100 - charged
    assert shop.item(second)["stock"] == (4 if order["paid"] and added else 5)
    # And nothing has lost its way
    if not order["paid"]:
        assert shop.check_out(order_id).json["total_cost"] == 11
    total = shop.order(order_id)["total_cost"]
    eventually(lambda: shop.user(user_id)["spent"] == total)
    assert shop.user(user_id)["credit"] == 100 - total


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_one_of_two_customers_gets_the_last_piece(shop: Shop, round_: int) -> None:
    item_id = shop.new_item(price=1, stock=1)
    users = [shop.new_user(credit=1) for _ in range(2)]
    orders = [shop.new_order(user_id, (item_id, 1)) for user_id in users]
    answers = at_once(*(lambda order_id=order_id: shop.check_out(order_id) for order_id in orders))
    assert sorted(answer.status for answer in answers) == [200, 400]
    for user_id, order_id, answer in zip(users, orders, answers, strict=True):
        assert shop.order(order_id)["paid"] is answer.ok
        assert shop.user(user_id)["credit"] == (0 if answer.ok else 1)
    assert shop.item(item_id)["stock"] == 0


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_a_customer_who_can_pay_once_pays_once(shop: Shop, round_: int) -> None:
    items = [shop.new_item(price=10, stock=5) for _ in range(2)]
    user_id = shop.new_user(credit=10)
    orders = [shop.new_order(user_id, (item_id, 1)) for item_id in items]
    answers = at_once(*(lambda order_id=order_id: shop.check_out(order_id) for order_id in orders))
    assert sorted(answer.status for answer in answers) == [200, 400]
    for item_id, answer in zip(items, answers, strict=True):
        assert shop.item(item_id)["stock"] == (4 if answer.ok else 5)
    assert shop.user(user_id)["credit"] == 0


def test_orders_that_name_the_same_items_in_turns_do_not_block_each_other(
    shop: Shop,
) -> None:
    # Given enough for half of the orders, which name the two items in turns first
    lamp, chair = shop.new_item(stock=10), shop.new_item(stock=10)
    orders = []
    for n in range(20):
        lines = [(lamp, 1), (chair, 1)]
        orders.append(shop.new_order(shop.new_user(credit=2), *(lines if n % 2 else lines[::-1])))
    # When
    answers = at_once(*(lambda order_id=order_id: shop.check_out(order_id) for order_id in orders))
    # Then exactly those are sold
    assert Counter(answer.status for answer in answers) == {200: 10, 400: 10}
    eventually(lambda: shop.item(lamp)["sold"] == shop.item(chair)["sold"] == 10)


def test_movements_at_once_are_all_counted(shop: Shop) -> None:
    item_id, user_id = shop.new_item(stock=100), shop.new_user(credit=100)
    paths = [
        f"/stock/add/{item_id}/3",
        f"/stock/subtract/{item_id}/2",
        f"/payment/add_funds/{user_id}/5",
        f"/payment/pay/{user_id}/4",
    ] * 10
    answers = at_once(*(lambda path=path: shop.post(path) for path in paths))
    assert all(answer.status == 200 for answer in answers)
    assert shop.item(item_id)["stock"] == 110
    assert shop.user(user_id)["credit"] == 110


def test_of_withdrawals_at_once_only_those_that_are_covered_succeed(shop: Shop) -> None:
    user_id = shop.new_user(credit=5)
    answers = at_once(*[lambda: shop.post(f"/payment/pay/{user_id}/1")] * 20)
    assert Counter(answer.status for answer in answers) == {200: 5, 400: 15}
    assert shop.user(user_id)["credit"] == 0


def test_items_added_at_once_are_all_in_the_order(shop: Shop) -> None:
    items = [shop.new_item(price=n + 1) for n in range(10)]
    order_id = shop.new_order(shop.new_user())
    paths = [f"/orders/addItem/{order_id}/{item_id}/1" for item_id in items * 2]
    answers = at_once(*(lambda path=path: shop.post(path) for path in paths))
    assert all(answer.status == 200 for answer in answers)
    order = shop.order(order_id)
    assert quantities(order) == dict.fromkeys(items, 2)
    assert order["total_cost"] == 2 * sum(range(1, 11))
