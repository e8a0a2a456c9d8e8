"""Orders are taken once each, and written anew when there are too few."""

from __future__ import annotations

import pytest

from loadtest.bench import shop as shops
from loadtest.bench.shop import ANY, ITEMS, ORDERS_MOST, USERS, Shop, Taken


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls that the shop makes."""
    paths: list[str] = []
    monkeypatch.setattr(shops.Client, "post", lambda _, path: paths.append(path) or {})
    return paths


def test_each_load_gets_the_next_orders(asked: list[str]) -> None:
    shop = Shop("http://nowhere", ahead=100)
    assert [shop.take(40), shop.take(60)] == [Taken(1, 0, 40), Taken(1, 40, 60)]
    assert asked == [f"/orders/batch_init/100/{ITEMS}/{USERS}/1"]


def test_orders_are_written_anew_when_there_are_too_few(asked: list[str]) -> None:
    shop = Shop("http://nowhere", ahead=100)
    shop.take(80)
    assert shop.take(80) == Taken(2, 0, 80)
    # as many as are needed, if that is more
    assert shop.take(150) == Taken(3, 0, 150)
    assert asked[-1] == f"/orders/batch_init/150/{ITEMS}/{USERS}/1"


def test_orders_of_other_items_are_other_orders(asked: list[str]) -> None:
    shop = Shop("http://nowhere", ahead=100)
    assert [shop.take(10).life, shop.take(10, items=1).life, shop.take(10).life] == [1, 2, 3]
    assert asked[1] == f"/orders/batch_init/100/1/{USERS}/1"


def test_the_other_orders_are_never_taken(asked: list[str]) -> None:
    shop = Shop("http://nowhere", others=1_000, ahead=0)
    assert shop.take(10) == Taken(1, 1_000, 10)
    assert shop.take(10) == Taken(2, 1_000, 10)
    assert asked[0] == f"/orders/batch_init/1010/{ITEMS}/{USERS}/1"


def test_no_more_orders_are_written_than_the_api_writes(asked: list[str]) -> None:
    shop = Shop("http://nowhere", others=ORDERS_MOST - 100, ahead=200)
    assert shop.take(300) == Taken(1, ORDERS_MOST - 100, 100)
    assert asked == [f"/orders/batch_init/{ORDERS_MOST}/{ITEMS}/{USERS}/1"]


def test_some_users_lose_their_credit_and_get_it_back(asked: list[str]) -> None:
    shop = Shop("http://nowhere")
    shop.refuse(0.9)
    assert asked == [f"/payment/batch_init/{0.9 * USERS:.0f}/0"]
    asked.clear()
    # when fewer have none, it is those and no others
    shop.refuse(0.1)
    assert asked == [
        f"/payment/batch_init/{0.9 * USERS:.0f}/{ANY}",
        f"/payment/batch_init/{0.1 * USERS:.0f}/0",
    ]
    asked.clear()
    shop.refuse(0.0)
    assert asked == [f"/payment/batch_init/{0.1 * USERS:.0f}/{ANY}"]
