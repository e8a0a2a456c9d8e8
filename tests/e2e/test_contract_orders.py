"""An order's whole life over HTTP: listed, made smaller, cancelled, and its story told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.client import Answer, Shop, Stack, at_once, eventually, quantities

ROUNDS = 6


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:
    with Shop(stack.url) as shop:
        yield shop


def cancel(shop: Shop, order_id: str, key: str | None = None) -> Answer:
    return shop.post(f"/api/v1/orders/{order_id}/cancel", key=key)


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["type"].rpartition("/")[2]


def test_a_users_orders_are_listed_page_after_page(shop: Shop) -> None:
    # Given a user with three orders, one of them cancelled
    user_id = shop.new_user()
    ids = [shop.new_order(user_id) for _ in range(3)]
    assert cancel(shop, ids[0]).ok
    # When they are listed, then the latest comes first
    first = shop.found(f"/api/v1/orders?user_id={user_id}&limit=2")
    assert first["orders"] == [shop.order(ids[2]), shop.order(ids[1])]
    rest = f"/api/v1/orders?user_id={user_id}&limit=2&cursor={first['cursor']}"
    assert shop.found(rest) == {"orders": [shop.order(ids[0])], "cursor": None}
    # And by state
    open_ones = shop.found(f"/api/v1/orders?user_id={user_id}&state=open")["orders"]
    assert [order["order_id"] for order in open_ones] == [ids[2], ids[1]]


def test_an_item_is_removed_and_the_rest_is_paid(shop: Shop) -> None:
    item_id, other = shop.new_item(price=7, stock=5), shop.new_item(price=1)
    user_id = shop.new_user(credit=20)
    order_id = shop.new_order(user_id, (item_id, 2), (other, 1))
    path = f"/api/v1/orders/{order_id}/items/{other}"
    removed = shop.ask("DELETE", path)
    assert (removed.status, removed.json["total_cost"]) == (200, 14)
    assert quantities(removed.json) == {item_id: 2}
    # Once more is a 404, and changes nothing
    assert problem(shop.ask("DELETE", path)) == (404, "item-not-in-order")
    assert shop.check_out(order_id).json["total_cost"] == 14
    # And a paid order stays as it is
    path = f"/api/v1/orders/{order_id}/items/{item_id}"
    assert problem(shop.ask("DELETE", path)) == (409, "order-paid")
    assert problem(cancel(shop, order_id)) == (409, "order-paid")


def test_a_cancelled_order_is_over(shop: Shop) -> None:
    item_id, user_id = shop.new_item(price=7, stock=5), shop.new_user(credit=20)
    order_id = shop.new_order(user_id, (item_id, 2))
    first = cancel(shop, order_id, key=f"cancel {order_id}".replace(" ", "-"))
    assert (first.status, first.json["state"], first.json["paid"]) == (200, "cancelled", False)
    # Twice is once
    assert cancel(shop, order_id).json == first.json
    assert problem(shop.check_out(order_id)) == (409, "order-cancelled")
    adding = shop.post(f"/orders/addItem/{order_id}/{item_id}/1")
    assert problem(adding) == (409, "order-cancelled")
    assert shop.order(order_id) == first.json
    assert shop.user(user_id) == {"user_id": user_id, "credit": 20, "held": 0, "spent": 0}


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_cancelling_while_checking_out_wins_or_loses_cleanly(shop: Shop, round_: int) -> None:
    # Given an order, and enough for it
    item_id, user_id = shop.new_item(price=10, stock=5), shop.new_user(credit=100)
    order_id = shop.new_order(user_id, (item_id, 1))
    # When it is checked out while it is cancelled (now this one first, now that one)
    calls = [lambda: shop.check_out(order_id), lambda: cancel(shop, order_id)]
    answers = at_once(*(calls if round_ % 2 else reversed(calls)))
    checkout, cancelling = answers if round_ % 2 else reversed(answers)
    # Then one of them has won, and both answers say so
    paid = shop.order(order_id)["paid"]
    if paid:
        assert checkout.status == 200
        assert problem(cancelling) == (409, "order-paid")
    else:
        assert cancelling.json["state"] == "cancelled"
        assert problem(checkout) == (409, "order-cancelled")
    # And what was held is sold, or back
    eventually(lambda: shop.user(user_id)["held"] == shop.item(item_id)["held"] == 0)
    assert shop.user(user_id)["spent"] == (10 if paid else 0)


def test_the_story_of_a_checkout_is_told(shop: Shop) -> None:
    # Given an order that was refused first, and then paid
    item_id, user_id = shop.new_item(price=10, stock=5), shop.new_user(credit=5)
    order_id = shop.new_order(user_id, (item_id, 1))
    assert shop.check_out(order_id).status == 400
    shop.done(f"/payment/add_funds/{user_id}/5")
    tid = shop.check_out(order_id).json["tid"]
    # When the story of what paid it is asked for
    told = shop.found(f"/api/v1/transactions/{tid}")
    # Then it is there: the order, what was decided and why, and each party's part
    assert (told["verdict"], told["order"]) == ("commit", shop.order(order_id))
    refused, paid = told["history"]
    assert (refused["verdict"], refused["why"]) == ("abort", "not enough credit")
    assert (paid["tid"], paid["by"], paid["why"]) == (tid, "gateway", "all said yes")
    stock, payment = told["parties"]
    assert stock["leg"]["lines"] == [{"account_id": item_id, "amount": 1}]
    assert payment["accounts"][0]["put_in"] == 10
    # And of what nobody has tried there is none
    version = int(tid.rpartition(".")[2])
    nobody = shop.get(f"/api/v1/transactions/{order_id}.{version + 1}")
    assert problem(nobody) == (404, "transaction-not-found")
