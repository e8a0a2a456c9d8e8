"""Each call of the API when all is well: its status and its fields."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.e2e.client import Shop, Stack, eventually, quantities

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:
    with Shop(stack.url) as shop:
        yield shop


def test_an_item_is_created_with_its_price_and_no_stock(shop: Shop) -> None:
    created = shop.post("/stock/item/create/25")
    assert created.status == 200
    item_id = created.json["item_id"]
    assert ID.fullmatch(item_id)
    found = shop.get(f"/stock/find/{item_id}")
    assert found.status == 200
    assert found.json == {"item_id": item_id, "stock": 0, "price": 25, "held": 0, "sold": 0}


def test_stock_is_added_and_subtracted(shop: Shop) -> None:
    item_id = shop.new_item(price=5)
    added = shop.post(f"/stock/add/{item_id}/50")
    assert added.status == 200
    assert added.json == {"item_id": item_id, "stock": 50, "price": 5, "held": 0, "sold": 0}
    subtracted = shop.post(f"/stock/subtract/{item_id}/15")
    assert subtracted.status == 200
    assert subtracted.json == {"item_id": item_id, "stock": 35, "price": 5, "held": 0, "sold": 0}
    assert shop.item(item_id) == subtracted.json


def test_stock_can_be_subtracted_down_to_zero_and_not_below(shop: Shop) -> None:
    item_id = shop.new_item(stock=3)
    assert shop.post(f"/stock/subtract/{item_id}/4").status == 400
    assert shop.item(item_id)["stock"] == 3
    assert shop.post(f"/stock/subtract/{item_id}/3").json["stock"] == 0
    assert shop.post(f"/stock/subtract/{item_id}/1").status == 400
    assert shop.item(item_id)["stock"] == 0


def test_a_user_is_created_without_credit(shop: Shop) -> None:
    created = shop.post("/payment/create_user")
    assert created.status == 200
    user_id = created.json["user_id"]
    assert ID.fullmatch(user_id)
    found = shop.get(f"/payment/find_user/{user_id}")
    assert found.status == 200
    assert found.json == {"user_id": user_id, "credit": 0, "held": 0, "spent": 0}


def test_credit_is_added_and_paid(shop: Shop) -> None:
    user_id = shop.new_user()
    added = shop.post(f"/payment/add_funds/{user_id}/30")
    assert added.status == 200
    assert added.json == {"user_id": user_id, "credit": 30, "held": 0, "spent": 0}
    paid = shop.post(f"/payment/pay/{user_id}/12")
    assert paid.status == 200
    # Only a checkout counts as spent
    assert paid.json == {"user_id": user_id, "credit": 18, "held": 0, "spent": 0}
    assert shop.user(user_id) == paid.json


def test_credit_can_be_paid_down_to_zero_and_not_below(shop: Shop) -> None:
    user_id = shop.new_user(credit=3)
    assert shop.post(f"/payment/pay/{user_id}/4").status == 400
    assert shop.user(user_id)["credit"] == 3
    assert shop.post(f"/payment/pay/{user_id}/3").json["credit"] == 0
    assert shop.post(f"/payment/pay/{user_id}/1").status == 400
    assert shop.user(user_id)["credit"] == 0


def test_an_order_is_created_empty(shop: Shop) -> None:
    user_id = shop.new_user()
    created = shop.post(f"/orders/create/{user_id}")
    assert created.status == 200
    order_id = created.json["order_id"]
    assert ID.fullmatch(order_id)
    found = shop.get(f"/orders/find/{order_id}")
    assert found.status == 200
    order = found.json
    assert order.keys() == {"order_id", "paid", "items", "user_id", "total_cost", "state", "tid"}
    assert order["order_id"] == order_id
    assert order["paid"] is False
    assert order["items"] == []
    assert order["user_id"] == user_id
    assert order["total_cost"] == 0
    assert order["state"] == "open"


def test_ids_are_never_given_twice(shop: Shop) -> None:
    calls = ("/stock/item/create/1", "/payment/create_user", "/orders/create/anyone")
    for path in calls:
        (field,) = shop.done(path).keys()
        ids = [shop.done(path)[field] for _ in range(20)]
        assert len(set(ids)) == len(ids)


def test_creating_an_order_does_not_ask_for_the_user(shop: Shop) -> None:
    created = shop.post("/orders/create/nobody-by-this-name")
    assert created.status == 200
    assert shop.order(created.json["order_id"])["user_id"] == "nobody-by-this-name"


def test_an_item_is_added_at_quantity_times_price(shop: Shop) -> None:
    # Given an order and two items
    lamp, chair = shop.new_item(price=7), shop.new_item(price=100)
    order_id = shop.new_order(shop.new_user())
    # When both are added
    first = shop.post(f"/orders/addItem/{order_id}/{lamp}/3")
    second = shop.post(f"/orders/addItem/{order_id}/{chair}/2")
    # Then each answer is the order as it is by then
    assert first.status == second.status == 200
    assert first.json["items"] == [[lamp, 3]]
    assert first.json["total_cost"] == 21
    assert quantities(second.json) == {lamp: 3, chair: 2}
    assert second.json["total_cost"] == 221
    assert second.json == shop.order(order_id)


def test_an_item_that_is_added_again_is_summed(shop: Shop) -> None:
    item_id = shop.new_item(price=4)
    order_id = shop.new_order(shop.new_user(), (item_id, 2), (item_id, 3))
    order = shop.order(order_id)
    assert quantities(order) == {item_id: 5}
    assert order["total_cost"] == 20


def test_adding_to_an_order_takes_no_stock(shop: Shop) -> None:
    item_id = shop.new_item(stock=2)
    shop.new_order(shop.new_user(), (item_id, 5))
    assert shop.item(item_id)["stock"] == 2


def test_a_checkout_takes_stock_and_credit_and_pays_the_order(shop: Shop) -> None:
    # Given
    item_id, user_id = shop.new_item(price=10, stock=5), shop.new_user(credit=50)
    order_id = shop.new_order(user_id, (item_id, 2))
    # When
    answer = shop.check_out(order_id)
    # Then the answer says so
    assert answer.status == 200
    paid = answer.json
    assert paid.keys() == {"order_id", "paid", "tid", "total_cost", "already_paid"}
    assert paid["order_id"] == order_id
    assert paid["paid"] is True
    assert paid["total_cost"] == 20
    assert paid["already_paid"] is False
    # And at once neither stock nor credit can be had by anyone else
    item, user, order = shop.item(item_id), shop.user(user_id), shop.order(order_id)
    assert (item["stock"], item["held"] + item["sold"]) == (3, 2)
    assert (user["credit"], user["held"] + user["spent"]) == (30, 20)
    assert (order["paid"], order["state"], order["tid"]) == (True, "paid", paid["tid"])
    # And before long it is settled
    eventually(lambda: shop.item(item_id)["sold"] == 2 and shop.item(item_id)["held"] == 0)
    eventually(lambda: shop.user(user_id)["spent"] == 20 and shop.user(user_id)["held"] == 0)


def test_find_order_is_another_name_of_find(shop: Shop) -> None:
    order_id = shop.new_order(shop.new_user(), (shop.new_item(), 1))
    alias = shop.get(f"/orders/find_order/{order_id}")
    assert alias.status == 200
    assert alias.json == shop.order(order_id)
    assert shop.get("/orders/find_order/nothing").status == 404


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_an_operator_can_look(shop: Shop, path: str) -> None:
    assert shop.get(path).status == 200


def test_metrics_are_in_the_text_format(shop: Shop) -> None:
    answer = shop.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert b"# TYPE " in answer.body


def test_the_documentation_is_a_page(shop: Shop) -> None:
    answer = shop.get("/docs/")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/orders/create/{}"),
        ("get", "/orders/find/{}"),
        ("get", "/orders/find_order/{}"),
        ("post", "/orders/addItem/{}/{}/{}"),
        ("post", "/orders/checkout/{}"),
        ("post", "/orders/batch_init/{}/{}/{}/{}"),
        ("post", "/stock/item/create/{}"),
        ("get", "/stock/find/{}"),
        ("post", "/stock/add/{}/{}"),
        ("post", "/stock/subtract/{}/{}"),
        ("post", "/stock/batch_init/{}/{}/{}"),
        ("post", "/payment/create_user"),
        ("get", "/payment/find_user/{}"),
        ("post", "/payment/add_funds/{}/{}"),
        ("post", "/payment/pay/{}/{}"),
        ("post", "/payment/batch_init/{}/{}"),
    ],
)
def test_the_description_of_the_api_is_complete(shop: Shop, method: str, path: str) -> None:
    answer = shop.get("/openapi.json")
    assert answer.status == 200
    assert answer.json["openapi"].startswith("3.")
    # Whatever its parameters are called
    described = {re.sub(r"{\w+}", "{}", p): calls for p, calls in answer.json["paths"].items()}
    assert method in described[path]
    assert "200" in described[path][method]["responses"]
