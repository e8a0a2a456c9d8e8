"""Checkouts, one at a time: what is paid, what is refused, and that a refusal costs nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.client import AMOUNT_MAX, Shop, Stack, eventually


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:
    with Shop(stack.url) as shop:
        yield shop


def assert_untouched(shop: Shop, order_id: str, items: dict[str, int], user: str, has: int) -> None:
    """Everything is as before the checkout, now and not only later."""
    for item_id, stock in items.items():
        item = shop.item(item_id)
        assert (item["stock"], item["held"], item["sold"]) == (stock, 0, 0)
    found = shop.user(user)
    assert (found["credit"], found["held"], found["spent"]) == (has, 0, 0)
    order = shop.order(order_id)
    assert (order["paid"], order["state"]) == (False, "open")


def test_several_items_are_bought_together(shop: Shop) -> None:
    # Given an order of three items, one of them added twice
    lamp, chair, table = (shop.new_item(price, stock=10) for price in (3, 20, 100))
    user_id = shop.new_user(credit=1000)
    order_id = shop.new_order(user_id, (lamp, 1), (chair, 2), (lamp, 4), (table, 3))
    # When
    answer = shop.check_out(order_id)
    # Then
    assert answer.status == 200
    assert answer.json["total_cost"] == 5 * 3 + 2 * 20 + 3 * 100
    assert [shop.item(item_id)["stock"] for item_id in (lamp, chair, table)] == [5, 8, 7]
    assert shop.user(user_id)["credit"] == 1000 - 355
    eventually(lambda: shop.user(user_id)["spent"] == 355)
    eventually(lambda: [shop.item(i)["sold"] for i in (lamp, chair, table)] == [5, 2, 3])


def test_the_last_piece_and_the_last_credit_can_be_used(shop: Shop) -> None:
    item_id, user_id = shop.new_item(price=4, stock=3), shop.new_user(credit=12)
    assert shop.check_out(shop.new_order(user_id, (item_id, 3))).status == 200
    assert shop.item(item_id)["stock"] == 0
    assert shop.user(user_id)["credit"] == 0


def test_too_little_stock_is_refused_and_costs_nothing(shop: Shop) -> None:
    item_id, user_id = shop.new_item(price=2, stock=3), shop.new_user(credit=100)
    order_id = shop.new_order(user_id, (item_id, 4))
    assert shop.check_out(order_id).status == 400
    assert_untouched(shop, order_id, {item_id: 3}, user_id, 100)


def test_too_little_credit_is_refused_and_costs_nothing(shop: Shop) -> None:
    item_id, user_id = shop.new_item(price=2, stock=3), shop.new_user(credit=5)
    order_id = shop.new_order(user_id, (item_id, 3))
    assert shop.check_out(order_id).status == 400
    assert_untouched(shop, order_id, {item_id: 3}, user_id, 5)


def test_one_item_short_gives_all_others_back(shop: Shop) -> None:
    plenty, short, more = (shop.new_item(stock=stock) for stock in (10, 1, 10))
    user_id = shop.new_user(credit=100)
    order_id = shop.new_order(user_id, (plenty, 5), (short, 2), (more, 5))
    assert shop.check_out(order_id).status == 400
    assert_untouched(shop, order_id, {plenty: 10, short: 1, more: 10}, user_id, 100)


def test_an_item_added_twice_is_short_when_the_sum_is(shop: Shop) -> None:
    item_id, user_id = shop.new_item(stock=5), shop.new_user(credit=100)
    order_id = shop.new_order(user_id, (item_id, 3), (item_id, 3))
    assert shop.check_out(order_id).status == 400
    assert_untouched(shop, order_id, {item_id: 5}, user_id, 100)


def test_a_refused_order_can_be_paid_once_it_can_be_afforded(shop: Shop) -> None:
    # Given an order that was refused for credit, and then for stock
    item_id, user_id = shop.new_item(price=10, stock=1), shop.new_user(credit=5)
    order_id = shop.new_order(user_id, (item_id, 2))
    assert shop.check_out(order_id).refused
    shop.done(f"/payment/add_funds/{user_id}/15")
    assert shop.check_out(order_id).refused
    # When there is enough of both
    shop.done(f"/stock/add/{item_id}/1")
    # Then it is paid, and charged once
    assert shop.check_out(order_id).status == 200
    assert shop.user(user_id)["credit"] == 0
    assert shop.item(item_id)["stock"] == 0


def test_a_refused_order_can_be_changed_and_paid(shop: Shop) -> None:
    scarce, user_id = shop.new_item(stock=1), shop.new_user(credit=10)
    order_id = shop.new_order(user_id, (scarce, 2))
    assert shop.check_out(order_id).refused
    other = shop.new_item(price=3, stock=1)
    shop.done(f"/orders/addItem/{order_id}/{other}/1")
    shop.done(f"/stock/add/{scarce}/1")
    assert shop.check_out(order_id).json["total_cost"] == 5
    assert shop.user(user_id)["credit"] == 5


def test_a_repeated_checkout_is_answered_again_and_charged_once(shop: Shop) -> None:
    item_id, user_id = shop.new_item(price=10, stock=5), shop.new_user(credit=100)
    order_id = shop.new_order(user_id, (item_id, 1))
    first = shop.check_out(order_id).json
    for _ in range(3):
        again = shop.check_out(order_id)
        assert again.status == 200
        assert again.json == {**first, "already_paid": True}
    assert shop.user(user_id)["credit"] == 90
    assert shop.item(item_id)["stock"] == 4


def test_a_paid_order_is_paid_whatever_has_become_of_stock_and_credit(shop: Shop) -> None:
    item_id, user_id = shop.new_item(price=10, stock=1), shop.new_user(credit=10)
    order_id = shop.new_order(user_id, (item_id, 1))
    assert shop.check_out(order_id).status == 200
    assert shop.check_out(order_id).status == 200


def test_nothing_is_added_to_a_paid_order(shop: Shop) -> None:
    item_id, user_id = shop.new_item(price=10, stock=5), shop.new_user(credit=100)
    order_id = shop.new_order(user_id, (item_id, 1))
    assert shop.check_out(order_id).status == 200
    before = shop.order(order_id)
    assert shop.post(f"/orders/addItem/{order_id}/{item_id}/1").status == 409
    assert shop.order(order_id) == before


def test_an_empty_order_is_refused(shop: Shop) -> None:
    order_id = shop.new_order(shop.new_user(credit=10))
    assert shop.check_out(order_id).status == 400
    assert shop.order(order_id)["paid"] is False


def test_an_unknown_user_is_met_at_the_checkout(shop: Shop) -> None:
    item_id = shop.new_item(stock=5)
    order_id = shop.new_order("nobody-by-this-name", (item_id, 1))
    assert shop.check_out(order_id).status == 400
    assert shop.order(order_id)["paid"] is False
    item = shop.item(item_id)
    assert (item["stock"], item["held"]) == (5, 0)


def test_an_unknown_user_can_not_even_take_what_is_free(shop: Shop) -> None:
    item_id = shop.new_item(price=0, stock=5)
    order_id = shop.new_order("nobody-by-this-name", (item_id, 1))
    assert shop.check_out(order_id).status == 400
    assert shop.item(item_id)["stock"] == 5


def test_an_unknown_item_is_met_at_the_checkout(shop: Shop) -> None:
    # Given orders of items drawn from far more than there are
    shop.done("/payment/batch_init/1/100")
    shop.done(f"/orders/batch_init/1/{10**9}/1/1")
    # Then
    assert shop.check_out("0").status == 400
    assert shop.order("0")["paid"] is False
    user = shop.user("0")
    assert (user["credit"], user["held"]) == (100, 0)


def test_what_is_free_is_sold_too(shop: Shop) -> None:
    # Given a user without credit
    item_id, user_id = shop.new_item(price=0, stock=2), shop.new_user()
    # Then what costs nothing can be had while there is some
    answer = shop.check_out(shop.new_order(user_id, (item_id, 2)))
    assert answer.status == 200
    assert answer.json["total_cost"] == 0
    assert shop.check_out(shop.new_order(user_id, (item_id, 1))).status == 400
    eventually(lambda: shop.item(item_id)["sold"] == 2)
    assert shop.user(user_id) == {"user_id": user_id, "credit": 0, "held": 0, "spent": 0}


def test_the_largest_amounts_are_exact(shop: Shop) -> None:
    # Given the dearest item and the richest user
    item_id, user_id = shop.new_item(price=AMOUNT_MAX, stock=1), shop.new_user(credit=AMOUNT_MAX)
    order_id = shop.new_order(user_id, (item_id, 1))
    # Then its total, its charge and what is left are right to the last digit
    assert shop.order(order_id)["total_cost"] == AMOUNT_MAX
    assert shop.check_out(order_id).json["total_cost"] == AMOUNT_MAX
    assert shop.user(user_id)["credit"] == 0
    eventually(lambda: shop.user(user_id)["spent"] == AMOUNT_MAX)


def test_one_credit_less_than_the_largest_price_is_too_little(shop: Shop) -> None:
    item_id = shop.new_item(price=AMOUNT_MAX, stock=1)
    user_id = shop.new_user(credit=AMOUNT_MAX - 1)
    order_id = shop.new_order(user_id, (item_id, 1))
    assert shop.check_out(order_id).status == 400
    assert_untouched(shop, order_id, {item_id: 1}, user_id, AMOUNT_MAX - 1)


def test_a_sum_of_odd_large_amounts_is_exact(shop: Shop) -> None:
    dear, cheap = shop.new_item(price=2**52 + 1, stock=1), shop.new_item(price=3, stock=1)
    user_id = shop.new_user(credit=AMOUNT_MAX)
    order_id = shop.new_order(user_id, (dear, 1), (cheap, 1))
    assert shop.check_out(order_id).json["total_cost"] == 2**52 + 4
    assert shop.user(user_id)["credit"] == AMOUNT_MAX - 2**52 - 4


@pytest.mark.parametrize("quantities", [(2,), (1, 1)])
def test_a_total_beyond_the_largest_amount_is_refused(
    shop: Shop, quantities: tuple[int, ...]
) -> None:
    item_id = shop.new_item(price=2**52)
    order_id = shop.new_order(shop.new_user())
    answers = [shop.post(f"/orders/addItem/{order_id}/{item_id}/{n}") for n in quantities]
    assert answers[-1].status == 400
    assert shop.order(order_id)["total_cost"] in (0, 2**52)


def test_a_quantity_beyond_the_largest_amount_is_refused_though_free(shop: Shop) -> None:
    item_id = shop.new_item(price=0)
    order_id = shop.new_order(shop.new_user(), (item_id, AMOUNT_MAX))
    before = shop.order(order_id)
    assert shop.post(f"/orders/addItem/{order_id}/{item_id}/1").status == 400
    assert shop.order(order_id) == before


def test_accounts_hold_the_largest_amount_and_no_more(shop: Shop) -> None:
    item_id, user_id = shop.new_item(stock=AMOUNT_MAX), shop.new_user(credit=AMOUNT_MAX)
    assert shop.post(f"/stock/add/{item_id}/1").status == 400
    assert shop.post(f"/payment/add_funds/{user_id}/1").status == 400
    assert shop.item(item_id)["stock"] == shop.user(user_id)["credit"] == AMOUNT_MAX


def test_what_was_sold_counts_towards_the_largest_amount(shop: Shop) -> None:
    # Given an item with as many pieces as can be, one of which is sold
    item_id, user_id = shop.new_item(stock=AMOUNT_MAX), shop.new_user(credit=1)
    assert shop.check_out(shop.new_order(user_id, (item_id, 1))).status == 200
    # Then no other takes its place
    assert shop.post(f"/stock/add/{item_id}/1").status == 400
    assert shop.item(item_id)["stock"] == AMOUNT_MAX - 1
