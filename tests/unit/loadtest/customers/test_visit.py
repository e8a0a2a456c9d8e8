"""What visitors are going to do: within the shop, varied, and as scarce as was asked for."""

from __future__ import annotations

import random

import pytest

from loadtest.customers.visit import SCARCE_MAX, Visit, draw_visit, scarce_items

MANY = 500


def visits(items_count: int, scarce_percent: int) -> list[Visit]:
    draw = random.Random(1)
    return [draw_visit(draw, items_count, scarce_percent) for _ in range(MANY)]


@pytest.mark.parametrize("items_count", [1, 2, 9, 10, 100_000])
def test_every_visit_buys_something_of_the_shop(items_count: int) -> None:
    for visit in visits(items_count, scarce_percent=50):
        assert 1 <= len(visit.lines) <= 3
        bought = [item for item, _ in visit.lines]
        assert {*bought, *visit.looks_at} <= set(range(items_count))
        assert len(set(bought)) == len(bought)
        assert all(quantity >= 1 for _, quantity in visit.lines)


def test_visits_differ() -> None:
    drawn = visits(1000, scarce_percent=3)
    for what in ("abandons", "looks_afterwards", "presses_twice"):
        assert {getattr(visit, what) for visit in drawn} == {False, True}, what
    assert {len(visit.lines) for visit in drawn} == {1, 2, 3}
    assert {bool(visit.looks_at) for visit in drawn} == {False, True}
    # mostly they buy
    assert sum(visit.abandons for visit in drawn) < MANY / 2


@pytest.mark.parametrize(("scarce_percent", "carts"), [(0, 0), (100, MANY)])
def test_so_many_carts_hold_a_scarce_item(scarce_percent: int, carts: int) -> None:
    scarce = scarce_items(1000)
    held = [
        sum(item in scarce for item, _ in visit.lines) for visit in visits(1000, scarce_percent)
    ]
    assert sum(held) == sum(map(bool, held)) == carts


def test_a_small_shop_has_few_scarce_items_and_a_large_one_not_more_than_some() -> None:
    assert [len(scarce_items(count)) for count in (1, 9, 10, 50)] == [0, 0, 1, 5]
    assert len(scarce_items(100_000)) == SCARCE_MAX
