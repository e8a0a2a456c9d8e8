"""The books of a shop after a rush of checkouts, and the judge who says where they disagree.

Pure: the answers that customers got and what the services say afterwards go in, discrepancies come
out. Whoever breaks things on purpose can therefore be judged by it too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Verdict(IntEnum):
    """How a check ends, as its exit status."""

    CONSISTENT = 0
    INCONSISTENT = 1
    CANNOT_TELL = 3


@dataclass(frozen=True)
class Account:
    """One item in stock, or one user's credit, as its service tells it."""

    put_in: int
    available: int
    held: int
    used: int  # sold, or spent
    price: int = 0  # of one piece; users have none


@dataclass(frozen=True)
class Order:
    """One order, as the order store tells it."""

    user_id: str
    items: tuple[tuple[str, int], ...]  # item, quantity
    total_cost: int
    paid: bool


@dataclass(frozen=True)
class Books:
    """Everything that was put in and what became of it. None: its service doesn't know it."""

    items: Mapping[str, Account | None]
    users: Mapping[str, Account | None]
    orders: Mapping[str, Order | None]

    def paid(self) -> Iterator[Order]:
        """The orders that are paid."""
        return (order for order in self.orders.values() if order and order.paid)

    def held(self) -> int:
        """Units, of goods and of credit, that no verdict has reached yet."""
        accounts = (*self.items.values(), *self.users.values())
        return sum(account.held for account in accounts if account)

    def unexplained_items(self) -> int:
        """Pieces that are gone or too many, and pieces sold that nobody's paid order has."""
        return _unexplained(self.items, _pieces(self))

    def unexplained_credits(self) -> int:
        """Credit that is gone or too much, and credit spent for no paid order, or not spent."""
        return _unexplained(self.users, _charges(self))


class Outcome(StrEnum):
    """What an answer promises. Only the books know what became of an unknown one."""

    PAID = "200, paid"
    REFUSED = "4xx, refused"
    AWAY = "503, outcome unknown"
    ERROR = "any other answer"
    NO_ANSWER = "no answer"


class Kind(StrEnum):
    """The ways in which books can be wrong."""

    MISSING = "its service doesn't know it"
    NOT_PAID = "was answered 200 and isn't paid"
    PAID = "was refused and is paid"
    REFUSED_PAID = "was refused after it had been answered 200"
    NO_REASON = "was refused though there was enough of everything"
    CART = "doesn't have what was put in"
    ANSWER = "was answered by something that is not in the contract"
    TOTAL = "its total is not what its items cost"
    SOLD = "pieces sold are not the pieces of its paid orders"
    SPENT = "credit spent is not the total of the user's paid orders"
    BALANCE = "put in is not available + held + used"
    NEGATIVE = "is below zero"
    HELD = "is still held"
    SALES = "not as many orders were paid as could be"


@dataclass(frozen=True)
class Discrepancy:
    """One thing that is wrong: what kind, about whom, and the numbers."""

    kind: Kind
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.kind} ({self.detail})"


def outcome(status: int | None) -> Outcome:
    """What the status of a checkout's answer promises; None: there was no answer."""
    if status is None:
        return Outcome.NO_ANSWER
    if status == 200:
        return Outcome.PAID
    if 400 <= status < 500:
        return Outcome.REFUSED
    return Outcome.AWAY if status == 503 else Outcome.ERROR


def judge(
    answers: Mapping[str, int | None], books: Books, could_sell: int | None
) -> list[Discrepancy]:
    """All discrepancies between answers (order id to status), stock, credit and orders.

    `could_sell` orders can be paid, and as many have to be: the last piece is sold too. Each
    checkout whose outcome was unknown, and which then wasn't paid, excuses one that is missing.
    None: nobody can say how many.
    """
    return [
        *_judge_orders(answers, books),
        *_judge_accounts("item", books.items, _pieces(books), Kind.SOLD),
        *_judge_accounts("user", books.users, _charges(books), Kind.SPENT),
        *_judge_sales(answers, books, could_sell),
    ]


def _judge_orders(answers: Mapping[str, int | None], books: Books) -> Iterator[Discrepancy]:
    for order_id, order in books.orders.items():
        subject = f"order {order_id}"
        if order is None:
            yield Discrepancy(Kind.MISSING, subject, "not found")
            continue
        status = answers.get(order_id)
        promised = outcome(status)
        state = f"answer {status}, paid: {order.paid}"
        if promised is Outcome.PAID and not order.paid:
            yield Discrepancy(Kind.NOT_PAID, subject, state)
        if promised is Outcome.REFUSED and order.paid:
            yield Discrepancy(Kind.PAID, subject, state)
        if promised is Outcome.ERROR:
            yield Discrepancy(Kind.ANSWER, subject, state)
        cost = _cost(order, books.items)
        if order.total_cost != cost:
            yield Discrepancy(Kind.TOTAL, subject, f"{order.total_cost}, not {cost}")


def _judge_accounts(
    noun: str, accounts: Mapping[str, Account | None], used: Counter[str], wrong_use: Kind
) -> Iterator[Discrepancy]:
    for account_id in accounts.keys() | used.keys():
        subject = f"{noun} {account_id}"
        account = accounts.get(account_id)
        if account is None:
            yield Discrepancy(Kind.MISSING, subject, "not found")
            continue
        if account.used != used[account_id]:
            yield Discrepancy(wrong_use, subject, f"{account.used}, not {used[account_id]}")
        present = account.available + account.held + account.used
        if present != account.put_in:
            yield Discrepancy(Kind.BALANCE, subject, f"{account.put_in} in, {present} there")
        if min(account.available, account.held, account.used) < 0:
            yield Discrepancy(Kind.NEGATIVE, subject, str(account))
        if account.held > 0:
            yield Discrepancy(Kind.HELD, subject, f"{account.held} held")


def _judge_sales(
    answers: Mapping[str, int | None], books: Books, could_sell: int | None
) -> Iterator[Discrepancy]:
    if could_sell is None:
        return
    paid = sum(1 for _ in books.paid())
    excused = sum(
        1
        for order_id, order in books.orders.items()
        if not (order and order.paid)
        and outcome(answers.get(order_id)) not in (Outcome.PAID, Outcome.REFUSED)
    )
    if not could_sell - excused <= paid <= could_sell:
        detail = f"{paid} paid, {could_sell} could be, {excused} excused by unknown outcomes"
        yield Discrepancy(Kind.SALES, "the sale", detail)


def _unexplained(accounts: Mapping[str, Account | None], used: Counter[str]) -> int:
    units = 0
    for account_id, account in accounts.items():
        if account:
            present = account.available + account.held + account.used
            units += abs(account.put_in - present) + abs(account.used - used[account_id])
    return units


def _pieces(books: Books) -> Counter[str]:
    """How many pieces of each item the paid orders have."""
    pieces: Counter[str] = Counter()
    for order in books.paid():
        for item_id, quantity in order.items:
            pieces[item_id] += quantity
    return pieces


def _charges(books: Books) -> Counter[str]:
    """What each user owes for his paid orders."""
    charges: Counter[str] = Counter()
    for order in books.paid():
        charges[order.user_id] += order.total_cost
    return charges


def _cost(order: Order, items: Mapping[str, Account | None]) -> int:
    prices = {item_id: item.price for item_id, item in items.items() if item}
    return sum(prices.get(item_id, 0) * quantity for item_id, quantity in order.items)
