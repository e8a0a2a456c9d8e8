"""The judge of the consistency check: silent about good books, and no kind of slip escapes it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from loadtest.books import Account, Books, Kind, Order, Outcome, Verdict, judge, outcome

SPENT = Account(put_in=1, available=0, held=0, used=1)
UNSPENT = Account(put_in=1, available=1, held=0, used=0)


@dataclass
class Sale:
    """Two pieces on sale, three users with one credit each; Ada and Ben get theirs, Cy doesn't."""

    item: Account | None = field(
        default_factory=lambda: Account(put_in=2, available=0, held=0, used=2, price=1)
    )
    users: dict[str, Account | None] = field(
        default_factory=lambda: {"ada": SPENT, "ben": SPENT, "cy": UNSPENT}
    )
    orders: dict[str, Order | None] = field(
        default_factory=lambda: {"a": order("ada"), "b": order("ben"), "c": order("cy", paid=False)}
    )
    answers: dict[str, int | None] = field(default_factory=lambda: {"a": 200, "b": 200, "c": 400})
    could_sell: int = 2

    def kinds(self) -> set[Kind]:
        """What the judge finds wrong."""
        books = Books({"lamp": self.item}, self.users, self.orders)
        return {found.kind for found in judge(self.answers, books, self.could_sell)}


def order(user_id: str, paid: bool = True, total_cost: int = 1) -> Order:
    """An order of one lamp."""
    return Order(user_id, (("lamp", 1),), total_cost, paid)


def one_more(account: Account | None, **changes: int) -> Account:
    """The account with some of its numbers changed by so much."""
    assert account is not None
    return replace(account, **{name: getattr(account, name) + by for name, by in changes.items()})


def test_good_books_are_not_faulted() -> None:
    assert Sale().kinds() == set()


def unpaid_success(sale: Sale) -> None:
    sale.answers["c"] = 200


def paid_refusal(sale: Sale) -> None:
    sale.answers["a"] = 400


def internal_error(sale: Sale) -> None:
    sale.answers["a"] = 500


def refused_and_charged(sale: Sale) -> None:
    sale.users["cy"] = SPENT


def paid_and_not_charged(sale: Sale) -> None:
    sale.users["ada"] = UNSPENT


def charged_twice(sale: Sale) -> None:
    sale.users["ada"] = one_more(SPENT, available=-1, used=+1)


def charged_twice_while_rich(sale: Sale) -> None:
    sale.users["ada"] = Account(put_in=3, available=1, held=0, used=2)


def piece_missing(sale: Sale) -> None:
    sale.item = one_more(sale.item, used=-1)


def piece_out_of_nowhere(sale: Sale) -> None:
    sale.item = one_more(sale.item, available=+1)


def piece_still_held(sale: Sale) -> None:
    sale.item = one_more(sale.item, used=-1, held=+1)


def credit_still_held(sale: Sale) -> None:
    sale.users["cy"] = one_more(UNSPENT, available=-1, held=+1)


def credit_lost(sale: Sale) -> None:
    sale.users["cy"] = one_more(UNSPENT, available=-1)


def item_gone(sale: Sale) -> None:
    sale.item = None


def user_gone(sale: Sale) -> None:
    sale.users["cy"] = None


def order_gone(sale: Sale) -> None:
    sale.orders["a"] = None


def other_total(sale: Sale) -> None:
    sale.orders["a"] = order("ada", total_cost=2)


def oversold(sale: Sale) -> None:
    sale.orders["c"] = order("cy")
    sale.answers["c"] = 200
    sale.users["cy"] = SPENT
    sale.item = one_more(sale.item, available=-1, used=+1)


def last_piece_unsold(sale: Sale) -> None:
    sale.orders["b"] = order("ben", paid=False)
    sale.answers["b"] = 400
    sale.users["ben"] = UNSPENT
    sale.item = one_more(sale.item, available=+1, used=-1)


@pytest.mark.parametrize(
    ("slip", "kinds"),
    [
        (unpaid_success, {Kind.NOT_PAID}),
        (paid_refusal, {Kind.PAID}),
        (internal_error, {Kind.ANSWER}),
        (refused_and_charged, {Kind.SPENT}),
        (paid_and_not_charged, {Kind.SPENT}),
        (charged_twice, {Kind.SPENT, Kind.NEGATIVE}),
        (charged_twice_while_rich, {Kind.SPENT}),
        (piece_missing, {Kind.SOLD, Kind.BALANCE}),
        (piece_out_of_nowhere, {Kind.BALANCE}),
        (piece_still_held, {Kind.SOLD, Kind.HELD}),
        (credit_still_held, {Kind.HELD}),
        (credit_lost, {Kind.BALANCE}),
        (item_gone, {Kind.MISSING, Kind.TOTAL}),
        (user_gone, {Kind.MISSING}),
        (order_gone, {Kind.MISSING, Kind.SOLD, Kind.SPENT, Kind.SALES}),
        (other_total, {Kind.TOTAL, Kind.SPENT}),
        (oversold, {Kind.NEGATIVE, Kind.SALES}),
        (last_piece_unsold, {Kind.SALES}),
    ],
)
def test_each_slip_is_caught(slip: Callable[[Sale], None], kinds: set[Kind]) -> None:
    # Given good books in which one thing is wrong
    sale = Sale()
    slip(sale)
    # Then that is found, and nothing else
    assert sale.kinds() == kinds


@pytest.mark.parametrize("status", [503, None])
def test_an_unknown_outcome_is_judged_by_the_books(status: int | None) -> None:
    # Given a checkout without an answer whose order is paid
    paid = Sale()
    paid.answers["a"] = status
    # And one whose order is not paid, so that a piece is left
    unpaid = Sale()
    last_piece_unsold(unpaid)
    unpaid.answers["b"] = status
    # Then both are in order
    assert paid.kinds() == set()
    assert unpaid.kinds() == set()


def test_an_unknown_outcome_excuses_no_more_than_itself() -> None:
    # Given two pieces left, and only one checkout without an answer
    sale = Sale()
    last_piece_unsold(sale)
    sale.answers["b"] = None
    sale.orders["a"] = order("ada", paid=False)
    sale.answers["a"] = 400
    sale.users["ada"] = UNSPENT
    sale.item = one_more(sale.item, available=+1, used=-1)
    # Then the other is missed
    assert sale.kinds() == {Kind.SALES}


def test_a_discrepancy_says_who_and_how_much() -> None:
    sale = Sale()
    refused_and_charged(sale)
    books = Books({"lamp": sale.item}, sale.users, sale.orders)
    (found,) = judge(sale.answers, books, sale.could_sell)
    assert "user cy" in str(found)
    assert "1, not 0" in str(found)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Outcome.PAID),
        (400, Outcome.REFUSED),
        (409, Outcome.REFUSED),
        (503, Outcome.AWAY),
        (500, Outcome.ERROR),
        (302, Outcome.ERROR),
        (None, Outcome.NO_ANSWER),
    ],
)
def test_what_an_answer_promises(status: int | None, expected: Outcome) -> None:
    assert outcome(status) is expected


def test_nobody_there_is_no_verdict() -> None:
    # Given a port where nobody listens
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        # When the check is run there, as an operator would
        command = [sys.executable, "-m", "loadtest.consistency", "--url", url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    # Then it can't tell
    assert done.returncode == Verdict.CANNOT_TELL
    assert "CAN'T TELL" in done.stdout
