"""Every number in a path, given every wrong way: 400, and nothing has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from tests.e2e.client import AMOUNT_MAX, Shop, Stack

NEVER_NUMBERS = {
    "negative": "-1",
    "most-negative": str(-(2**63)),
    "fractional": "1.5",
    "whole-with-point": "1.0",
    "exponent": "1e3",
    "hexadecimal": "0x10",
    "text": "many",
    "not-a-number": "NaN",
    "infinite": "Infinity",
    "grouped": "1_000",
    "with-comma": "1,000",
    "spaced": " 1",
    "trailing-newline": "1\n",
    "arabic-digits": "\u0663",
    "fullwidth-digits": "\uff11\uff12",
    "superscript": "\u00b2",
    "zero-byte": "1\0",
    "one-too-large": str(AMOUNT_MAX + 1),
    "past-64-bits": str(2**64 + 1),
    "astronomic": "1" + "0" * 30,
    "endless": "9" * 1000,
}
# What must not change under a bad batch_init.
SAMPLE = "0"


@dataclass(frozen=True)
class Place:
    """A number in a call's path, where {} stands for it."""

    path: str
    zero_allowed: bool = False


PLACES = [
    Place("/orders/addItem/{order}/{item}/{}"),
    Place("/stock/item/create/{}", zero_allowed=True),
    Place("/stock/add/{item}/{}"),
    Place("/stock/subtract/{item}/{}"),
    Place("/payment/add_funds/{user}/{}"),
    Place("/payment/pay/{user}/{}"),
    Place("/payment/batch_init/{}/7"),
    Place("/payment/batch_init/2/{}", zero_allowed=True),
    Place("/stock/batch_init/{}/7/7"),
    Place("/stock/batch_init/2/{}/7", zero_allowed=True),
    Place("/stock/batch_init/2/7/{}", zero_allowed=True),
    Place("/orders/batch_init/{}/7/7/7"),
    Place("/orders/batch_init/2/{}/7/7"),
    Place("/orders/batch_init/2/7/{}/7"),
    Place("/orders/batch_init/2/7/7/{}", zero_allowed=True),
]
PLACE_NAMES = [place.path for place in PLACES]


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:
    with Shop(stack.url) as shop:
        yield shop


@dataclass(frozen=True)
class Goods:
    """What the bad numbers are tried on."""

    shop: Shop
    item: str
    user: str
    order: str

    def path(self, place: Place, number: str) -> str:
        """The call with this number in it."""
        names = {"item": self.item, "user": self.user, "order": self.order}
        return place.path.format(quote(number, safe=""), **names)

    def state(self) -> list[object]:
        """Everything that a call could have changed."""
        ids = [(self.item, self.user, self.order), (SAMPLE,) * 3]
        paths = [
            path
            for item, user, order in ids
            for path in (
                f"/stock/find/{item}",
                f"/payment/find_user/{user}",
                f"/orders/find/{order}",
            )
        ]
        return [self.shop.found(path) for path in paths]


@pytest.fixture
def goods(shop: Shop) -> Goods:
    shop.done("/payment/batch_init/2/3")
    shop.done("/stock/batch_init/2/3/3")
    shop.done("/orders/batch_init/2/2/2/3")
    item, user = shop.new_item(price=2, stock=5), shop.new_user(credit=5)
    return Goods(shop, item, user, shop.new_order(user, (item, 1)))


@pytest.mark.parametrize("number", NEVER_NUMBERS.values(), ids=NEVER_NUMBERS.keys())
@pytest.mark.parametrize("place", PLACES, ids=PLACE_NAMES)
def test_a_bad_number_is_refused(goods: Goods, place: Place, number: str) -> None:
    # Given
    before = goods.state()
    # When
    answer = goods.shop.post(goods.path(place, number))
    # Then
    assert answer.status == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert goods.state() == before


@pytest.mark.parametrize(
    "place",
    [place for place in PLACES if not place.zero_allowed],
    ids=[place.path for place in PLACES if not place.zero_allowed],
)
def test_zero_is_refused_where_it_makes_no_sense(goods: Goods, place: Place) -> None:
    before = goods.state()
    assert goods.shop.post(goods.path(place, "0")).status == 400
    assert goods.state() == before


@pytest.mark.parametrize(
    "place",
    [place for place in PLACES if place.zero_allowed],
    ids=[place.path for place in PLACES if place.zero_allowed],
)
def test_zero_is_a_price_and_a_beginning(goods: Goods, place: Place) -> None:
    assert goods.shop.post(goods.path(place, "0")).status == 200


def test_the_largest_amount_is_an_amount(shop: Shop) -> None:
    item_id = shop.done(f"/stock/item/create/{AMOUNT_MAX}")["item_id"]
    assert shop.done(f"/stock/add/{item_id}/{AMOUNT_MAX}")["stock"] == AMOUNT_MAX
    assert shop.item(item_id)["price"] == AMOUNT_MAX
    assert shop.done(f"/stock/subtract/{item_id}/{AMOUNT_MAX}")["stock"] == 0
    user_id = shop.new_user()
    assert shop.done(f"/payment/add_funds/{user_id}/{AMOUNT_MAX}")["credit"] == AMOUNT_MAX
    assert shop.done(f"/payment/pay/{user_id}/{AMOUNT_MAX}")["credit"] == 0


def test_all_digits_of_a_large_amount_survive(shop: Shop) -> None:
    # Given a number that a float with fewer digits would round
    number = 9007199254740989
    item_id, user_id = shop.new_item(price=number), shop.new_user(credit=number)
    assert shop.item(item_id)["price"] == number
    assert shop.done(f"/payment/pay/{user_id}/2")["credit"] == number - 2
