"""The filter: whom it asks, and how it is written down."""

from __future__ import annotations

import pytest

from recoup.operate.waiting import Filter

PARTIES = ("stock", "payment", "shipping")


@pytest.mark.parametrize(
    ("chosen", "asked"),
    [
        (Filter(), PARTIES),
        (Filter(party="payment"), ("payment",)),
        (Filter(user_id="u1"), ("payment",)),
        (Filter(item_id="i9"), ("stock",)),
        (Filter(item_id="i9", user_id="u1"), ()),
        (Filter(item_id="i9", party="payment"), ()),
    ],
)
def test_only_who_has_such_legs_is_asked(chosen: Filter, asked: tuple[str, ...]) -> None:
    assert chosen.parties(PARTIES) == asked


def test_a_filter_is_written_as_it_is_typed() -> None:
    chosen = Filter("payment", "can't be reached", 90_000, "8f3c", "u1", "i9", parked=True)
    assert str(chosen) == (
        '--party payment --cause "can\'t be reached" --order 8f3c --user u1 --item i9 '
        "--older-than 90s --parked"
    )
    assert str(Filter(parked=False)) == "--not-parked"
    assert str(Filter()) == ""


@pytest.mark.parametrize(("parked", "kinds"), [(None, (False, True)), (True, (True,))])
def test_waiting_and_parked_legs(parked: bool | None, kinds: tuple[bool, ...]) -> None:
    assert Filter(parked=parked).kinds() == kinds
