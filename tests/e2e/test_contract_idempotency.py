"""Idempotency-Key: what is asked again under the same key is answered again and done once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.client import Shop, Stack, at_once, quantities


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:
    with Shop(stack.url) as shop:
        yield shop


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Goods:
    """What the calls are made on."""

    item: str
    user: str
    order: str

    def path(self, call: str) -> str:
        """The path of a call on these goods."""
        return call.format(item=self.item, user=self.user, order=self.order)


@pytest.fixture
def goods(shop: Shop) -> Goods:
    item, user = shop.new_item(price=2, stock=100), shop.new_user(credit=100)
    return Goods(item, user, shop.new_order(user, (item, 1)))


CALLS = [
    "/orders/create/{user}",
    "/orders/addItem/{order}/{item}/1",
    "/orders/checkout/{order}",
    "/orders/batch_init/2/2/2/1",
    "/stock/item/create/5",
    "/stock/add/{item}/10",
    "/stock/subtract/{item}/10",
    "/stock/batch_init/2/7/1",
    "/payment/create_user",
    "/payment/add_funds/{user}/10",
    "/payment/pay/{user}/10",
    "/payment/batch_init/2/7",
]
# A checkout's key is the order itself, so its answer may say that it was paid before.
KEPT = [call for call in CALLS if "checkout" not in call]
MOVEMENTS = {
    "/orders/addItem/{order}/{item}/1": (100, 100, 2),
    "/orders/checkout/{order}": (99, 98, 1),
    "/stock/add/{item}/10": (110, 100, 1),
    "/stock/subtract/{item}/10": (90, 100, 1),
    "/payment/add_funds/{user}/10": (100, 110, 1),
    "/payment/pay/{user}/10": (100, 90, 1),
}


def state(shop: Shop, goods: Goods) -> tuple[int, int, int]:
    """Stock, credit, and pieces in the order."""
    ordered = quantities(shop.order(goods.order))[goods.item]
    return shop.item(goods.item)["stock"], shop.user(goods.user)["credit"], ordered


@pytest.mark.parametrize("call", KEPT)
def test_the_first_answer_is_given_again(shop: Shop, goods: Goods, key: str, call: str) -> None:
    first = shop.post(goods.path(call), key)
    assert first.status == 200
    for _ in range(2):
        again = shop.post(goods.path(call), key)
        assert (again.status, again.json) == (200, first.json)


@pytest.mark.parametrize(("call", "expected"), MOVEMENTS.items())
def test_it_is_done_once(
    shop: Shop, goods: Goods, key: str, call: str, expected: tuple[int, int, int]
) -> None:
    for _ in range(3):
        assert shop.post(goods.path(call), key).status == 200
    assert state(shop, goods) == expected


@pytest.mark.parametrize(("call", "expected"), MOVEMENTS.items())
def test_ten_at_once_do_it_once(
    shop: Shop, goods: Goods, key: str, call: str, expected: tuple[int, int, int]
) -> None:
    answers = at_once(*[lambda: shop.post(goods.path(call), key)] * 10)
    assert [answer.status for answer in answers] == [200] * 10
    assert state(shop, goods) == expected


@pytest.mark.parametrize(
    "call", ["/orders/create/{user}", "/stock/item/create/5", "/payment/create_user"]
)
def test_ten_at_once_create_one(shop: Shop, goods: Goods, key: str, call: str) -> None:
    answers = at_once(*[lambda: shop.post(goods.path(call), key)] * 10)
    assert [answer.status for answer in answers] == [200] * 10
    assert len({answer.body for answer in answers}) == 1


def test_the_first_answer_is_given_though_things_have_moved_on(
    shop: Shop, goods: Goods, key: str
) -> None:
    first = shop.post(f"/stock/add/{goods.item}/1", key)
    shop.done(f"/stock/add/{goods.item}/50")
    assert shop.post(f"/stock/add/{goods.item}/1", key).json == first.json
    assert shop.item(goods.item)["stock"] == 151


def test_a_refusal_is_given_again_though_it_could_be_done_now(
    shop: Shop, goods: Goods, key: str
) -> None:
    # Given a payment that was refused
    path = f"/payment/pay/{goods.user}/150"
    first = shop.post(path, key)
    assert first.status == 400
    # When there is enough
    shop.done(f"/payment/add_funds/{goods.user}/100")
    # Then the key still stands for the refusal, and nothing is paid
    again = shop.post(path, key)
    assert (again.status, again.json["type"]) == (400, first.json["type"])
    assert shop.user(goods.user)["credit"] == 200
    # And a new key pays
    assert shop.post(path, key + "2").status == 200


@pytest.mark.parametrize(
    ("call", "other"),
    [
        ("/stock/add/{item}/1", "/stock/add/{item}/2"),
        ("/stock/add/{item}/1", "/stock/subtract/{item}/1"),
        ("/payment/pay/{user}/1", "/payment/pay/{user}/2"),
        ("/payment/add_funds/{user}/1", "/payment/pay/{user}/1"),
        ("/payment/create_user", "/payment/add_funds/{user}/1"),
        ("/stock/item/create/1", "/stock/item/create/2"),
        ("/orders/addItem/{order}/{item}/1", "/orders/addItem/{order}/{item}/2"),
        ("/orders/create/{user}", "/orders/create/another"),
        ("/payment/batch_init/1/1", "/payment/batch_init/1/2"),
        ("/stock/batch_init/1/1/1", "/stock/batch_init/1/1/2"),
        ("/orders/batch_init/1/1/1/1", "/orders/batch_init/1/1/1/2"),
    ],
)
def test_a_key_belongs_to_one_request(
    shop: Shop, goods: Goods, key: str, call: str, other: str
) -> None:
    assert shop.post(goods.path(call), key).status == 200
    before = state(shop, goods)
    refused = shop.post(goods.path(other), key)
    assert refused.status == 422
    assert refused.headers["content-type"].startswith("application/problem+json")
    assert state(shop, goods) == before


def test_a_key_belongs_to_one_body(shop: Shop, goods: Goods, key: str) -> None:
    path = f"/stock/add/{goods.item}/1"
    assert shop.post(path, key, body=b"one").status == 200
    assert shop.post(path, key, body=b"one").status == 200
    assert shop.post(path, key, body=b"two").status == 422
    assert shop.item(goods.item)["stock"] == 101


def test_different_keys_are_different_requests(shop: Shop, goods: Goods, key: str) -> None:
    for n in range(3):
        assert shop.post(f"/stock/add/{goods.item}/1", f"{key}-{n}").status == 200
    assert shop.item(goods.item)["stock"] == 103


def test_without_a_key_each_request_counts(shop: Shop, goods: Goods) -> None:
    for _ in range(3):
        assert shop.post(f"/stock/add/{goods.item}/1").status == 200
    assert shop.item(goods.item)["stock"] == 103


def test_a_checkout_that_was_refused_is_not_held_to_it(shop: Shop, key: str) -> None:
    # Given a checkout with a key, refused for stock
    item_id, user_id = shop.new_item(price=1), shop.new_user(credit=5)
    order_id = shop.new_order(user_id, (item_id, 1))
    assert shop.post(f"/orders/checkout/{order_id}", key).status == 400
    # When there is stock
    shop.done(f"/stock/add/{item_id}/1")
    # Then the same key may check out: the order itself sees that it is paid once
    assert shop.post(f"/orders/checkout/{order_id}", key).status == 200
    assert shop.post(f"/orders/checkout/{order_id}", key).status == 200
    assert shop.user(user_id)["credit"] == 4
