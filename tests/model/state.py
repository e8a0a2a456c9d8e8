"""One state of the model: everything there is at one moment, as a value."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from tests.model.process import Turn
from tests.model.redis import Store

ORDERS = 0
"""The place of the order store among the stores: see `System.stores`."""

BEGINNING_MS = 10_000
STEP_MS = 1_000
"""All that the clocks of the model show: the beginning, and whole steps after it."""


class Checkout(NamedTuple):
    """A request in a gateway. One that is never taken up again has died."""

    order_id: str
    turn: Turn | None = None
    over: bool = False
    rivals: str = ""
    """While an abort may become a 4xx: 'begun' if others had begun to check the order out when the
    order store gave its last word on it; 'paid' if one of them has paid since."""
    told: bool = False
    """The customer has meanwhile been told, by another request, that the order is not paid."""


class Worker(NamedTuple):
    """A process that is about to settle a party's leg."""

    party: str
    tid: str
    turn: Turn


class Chain(NamedTuple):
    """A task that tries to settle a leg. With no turn, it waits for its next try."""

    tid: str
    due_ms: int
    turn: Turn | None = None
    claimed: bool = False
    """Whether the due time comes from a claim of its own."""


class State(NamedTuple):
    """Everything there is."""

    stores: tuple[Store, ...]
    clocks: tuple[int, ...]
    checkouts: tuple[Checkout, ...]
    workers: tuple[Worker, ...]
    sent: int
    """The messages under way, a bit each: see `network.py`."""
    expired: frozenset[tuple[str, str]]
    """The legs, as party and tid, that were settled long ago and are forgotten."""
    left: tuple[int, ...]
    """How often each event may still happen, then the order store's failures, then setbacks."""
    chains: tuple[Chain | None, ...] = ()
    sweep: Turn | None = None

    def time_ms(self, store: int) -> int:
        return BEGINNING_MS + STEP_MS * self.clocks[store]


class Leg(NamedTuple):
    """A leg as it stands in the database."""

    state: str
    lines: tuple[tuple[str, int, int], ...]
    """Account, amount, generation."""
    deadline_ms: int


class Account(NamedTuple):
    """An account as it stands in the database."""

    available: int
    held: int
    used: int
    put_in: int
    generation: int


class Order(NamedTuple):
    """An order as it stands in the database."""

    user: str
    lines: tuple[tuple[str, int], ...]
    total: int
    version: int
    content: str
    paid_at: int
    cancelled: bool


class View:
    """What stands in a database, read without the project's code."""

    def __init__(self, store: Store) -> None:
        self.legs: dict[str, Leg] = {}
        self.accounts: dict[str, Account] = {}
        self.orders: dict[str, Order] = {}
        self.due: dict[str, int] = {}
        self.parked: set[str] = set()
        self.reasons: dict[str, str] = {}
        self.totals: dict[str, int] = {}
        for key, _, contents, _ in store.contents:
            kind, _, name = key.partition("}:")[2].partition(":")
            if kind == "leg":
                self.legs[name] = _leg(dict(contents))
            elif kind == "account":
                fields = dict(contents)
                self.accounts[name] = Account(*(int(fields[each]) for each in Account._fields))
            elif kind == "order":
                self.orders[name] = _order(dict(contents))
            elif kind == "due":
                self.due = {tid: int(due_ms) for tid, due_ms in contents}
            elif kind == "parked":
                self.parked = {tid for tid, _ in contents}
            elif kind == "totals":
                self.totals = {name: int(amount) for name, amount in contents}
            elif kind == "reasons":
                self.reasons = dict(contents)
        self.held = [tid for tid, leg in self.legs.items() if leg.state == "held"]


def _leg(fields: dict[str, str]) -> Leg:
    parts = [line.split(":") for line in fields.get("lines", "").split(",") if line]
    lines = tuple((account, int(amount), int(generation)) for account, amount, generation in parts)
    return Leg(fields.get("state", ""), lines, int(fields.get("deadline_ms", 0)))


def _order(fields: dict[str, str]) -> Order:
    parts = [line.split(":") for line in fields["lines"].split(",") if line]
    lines = tuple((item, int(pieces)) for item, pieces, _ in parts)
    version, paid_at = int(fields["version"]), int(fields.get("paid_at", 0))
    return Order(
        user=fields["user"],
        lines=lines,
        total=int(fields["total"]),
        version=version,
        content=fields["content"],
        paid_at=paid_at,
        cancelled="cancelled" in fields,
    )


@functools.cache
def view(store: Store) -> View:
    return View(store)


def replaced(values: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    """The same values, but for one."""
    return (*values[:place], value, *values[place + 1 :])
