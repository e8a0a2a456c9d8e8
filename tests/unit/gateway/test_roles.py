"""What an order asks of each party, and what a refusal is to the customer."""

from __future__ import annotations

from gateway import problems
from gateway.orders.records import Line, Order
from gateway.roles import lines, role

ORDER = Order(
    order_id="o",
    user_id="u",
    lines=(Line("a", 2, 10), Line("b", 3, 6)),
    total_cost=16,
    version=3,
    content=3,
    paid_at=None,
    clock_ms=0,
)


def asked(party: str) -> list[tuple[str, int]]:
    return [(line.account_id, line.amount) for line in lines(ORDER, party)]


def test_stock_gives_the_pieces_of_each_item() -> None:
    assert asked("stock") == [("a", 2), ("b", 3)]
    assert role("stock").not_enough is problems.NOT_ENOUGH_STOCK
    assert role("stock").unknown is problems.UNKNOWN_ITEM


def test_payment_gives_the_total_from_the_user() -> None:
    assert asked("payment") == [("u", 16)]
    assert role("payment").not_enough is problems.NOT_ENOUGH_CREDIT
    assert role("payment").unknown is problems.UNKNOWN_USER


def test_anyone_else_gives_one_unit_of_the_account_that_bears_its_name() -> None:
    assert asked("shipping") == [("shipping", 1)]
    assert role("shipping").not_enough is problems.PARTY_REFUSED
    assert role("shipping").unknown is problems.PARTY_REFUSED
