"""Raw records: what can be read is read, and what can't is never guessed at."""

from __future__ import annotations

import pytest
import redis

from recoup.audit import records
from recoup.audit.records import Line, Unreadable

ACCOUNT = {
    "generation": "2",
    "available": "60",
    "held": "3",
    "used": "37",
    "put_in": "100",
    "price": "5",
    "used_before": "4",
}
LEG = {
    "state": "held",
    "lines": "a:2:1,b:1:3",
    "parties": "stock,payment",
    "held_at_ms": "1000",
    "deadline_ms": "2000",
}
ORDER = {
    "user": "u",
    "lines": "a:2:10,b:1:3",
    "total": "13",
    "version": "7",
    "content": "3",
    "paid_at": "7",
    "paid_before": "2,4",
}


def fields(record: dict[str, str], names: tuple[str, ...], **changed: str | None) -> list[object]:
    """A record as the database gives it, with some fields changed, or (None) missing."""
    return [changed.get(name, record.get(name)) for name in names]


def test_an_account_is_read() -> None:
    account = records.account(fields(ACCOUNT, records.ACCOUNT))
    assert account.ever_used == 41
    assert account.imbalance == 0
    assert not account.below_zero
    assert records.account(fields(ACCOUNT, records.ACCOUNT, used_before=None)).ever_used == 37


@pytest.mark.parametrize("name", ["generation", "available", "held", "used", "put_in", "price"])
@pytest.mark.parametrize("value", [None, "", "some", "1.5", "1e3", "²", "9" * 20])
def test_an_account_with_another_number_cannot_be_read(name: str, value: str | None) -> None:
    with pytest.raises(Unreadable, match=name):
        records.account(fields(ACCOUNT, records.ACCOUNT, **{name: value}))


@pytest.mark.parametrize("name", ["available", "held", "used", "put_in", "used_before"])
def test_less_than_nothing_is_read_and_seen(name: str) -> None:
    assert records.account(fields(ACCOUNT, records.ACCOUNT, **{name: "-1"})).below_zero


def test_a_leg_is_read() -> None:
    leg = records.leg(fields(LEG, records.LEG))
    assert leg is not None
    assert leg.lines == (Line("a", 2, 1), Line("b", 1, 3))
    assert leg.parties == ("stock", "payment")
    assert records.leg([None] * len(records.LEG)) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state", None),
        ("state", "lost"),
        ("lines", None),
        ("lines", ""),
        ("lines", "a:2"),
        ("lines", "a:2:1,"),
        ("lines", "a:-2:1"),
        ("lines", ":2:1"),
        ("parties", None),
        ("held_at_ms", "soon"),
        ("deadline_ms", None),
    ],
)
def test_a_leg_with_another_field_cannot_be_read(name: str, value: str | None) -> None:
    with pytest.raises(Unreadable):
        records.leg(fields(LEG, records.LEG, **{name: value}))


def test_an_order_is_read() -> None:
    order = records.order(fields(ORDER, records.ORDER, lines="a:2:10,b:1:3,a:1:5"))
    assert order is not None
    assert (order.total, order.cost) == (13, 18)
    assert order.asks("payment") == {"u": 13}
    assert order.asks("stock") == {"a": 3, "b": 1}
    assert records.order([None] * len(records.ORDER)) is None


def test_an_order_of_which_only_a_version_is_known_was_forgotten() -> None:
    nothing = dict.fromkeys(ORDER, None)
    order = records.order(fields(ORDER, records.ORDER, **{**nothing, "version": "7"}))
    assert order is not None
    assert order.forgotten
    assert (order.verdict(6), order.verdict(7)) == ("abort", "ahead")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user", None),
        ("user", "u/v"),
        ("lines", None),
        ("lines", "a:2"),
        ("total", None),
        ("total", "-1"),
        ("version", "seven"),
        ("content", None),
        ("paid_at", "8"),
        ("paid_at", ""),
        ("paid_before", "2;4"),
        ("cancelled", "no"),
    ],
)
def test_an_order_with_another_field_cannot_be_read(name: str, value: str | None) -> None:
    with pytest.raises(Unreadable):
        records.order(fields(ORDER, records.ORDER, **{name: value}))


@pytest.mark.parametrize(
    ("version", "paid", "verdict"),
    [
        (2, True, "commit"),
        (3, True, "abort"),
        (4, True, "commit"),
        (7, True, "commit"),
        (8, True, "ahead"),
        (2, False, "commit"),
        (6, False, "abort"),
        (7, False, ""),
        (8, False, "ahead"),
    ],
)
def test_an_order_has_a_verdict_on_each_version(version: int, paid: bool, verdict: str) -> None:
    order = records.order(fields(ORDER, records.ORDER, **({} if paid else {"paid_at": None})))
    assert order is not None
    assert order.verdict(version) == verdict


def test_every_version_of_a_cancelled_order_is_aborted() -> None:
    cancelled = records.order(fields(ORDER, records.ORDER, paid_at=None, cancelled="1"))
    assert cancelled is not None
    assert [cancelled.verdict(version) for version in (6, 7, 8)] == ["abort", "abort", "ahead"]
    assert not records.order(fields(ORDER, records.ORDER)).cancelled  # type: ignore[union-attr]


def test_a_record_of_another_type_cannot_be_read() -> None:
    error = redis.exceptions.ResponseError("WRONGTYPE")
    for read in (records.account, records.leg, records.order):
        with pytest.raises(Unreadable, match="WRONGTYPE"):
            read(error)


def test_a_tid_is_an_order_and_a_version() -> None:
    assert records.split("7f3k.12") == ("7f3k", 12)
    for wrong in ("7f3k", "7f3k.", ".1", "a/b.1", "7f3k.x"):
        with pytest.raises(Unreadable):
            records.split(wrong)
