"""What the order store keeps, and what it is to Python: orders, decisions, and their keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from recoup.scripts import Call

PREFIX = "{orders}:"
CLOCK = PREFIX + "clock"
NUMBERS = PREFIX + "numbers"

State = Literal["open", "paid", "cancelled"]

Verdict = Literal["commit", "abort", ""]
"""The verdict on a tid; empty: there is none yet."""

Proposal = Literal["commit", "abort", "close", ""]
"""A verdict to propose; empty: just ask. `close` is an abort that also ends every other checkout
of the order that has begun, so that "not paid" stays true of all of them."""

Run = Callable[[Sequence[Call]], Sequence[Any]]
"""Runs scripts, each on its own; gives what each returned, or the exception it ended with."""


@dataclass(frozen=True, slots=True)
class Line:
    """Pieces of one item in an order, and what they cost together."""

    item_id: str
    quantity: int
    cost: int


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it was when it was read, and the store's clock at that moment."""

    order_id: str
    user_id: str
    lines: tuple[Line, ...]
    total_cost: int
    version: int
    content: int
    paid_at: int | None
    clock_ms: int
    cancelled: bool = False

    @property
    def tid(self) -> str:
        """The attempt that paid the order, or the one that a checkout of it makes now."""
        return f"{self.order_id}.{self.version if self.paid_at is None else self.paid_at}"

    @property
    def state(self) -> State:
        """What can still be done with it: anything, or nothing."""
        if self.paid_at is not None:
            return "paid"
        return "cancelled" if self.cancelled else "open"


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on a tid, and where its order stands now."""

    verdict: Verdict
    ahead: bool
    paid_at: int | None
    content: int | None
    version: int
    clock_ms: int
    cancelled: bool = False


def split(tid: str) -> tuple[str, int]:
    """Order id and version of a tid."""
    order_id, _, version = tid.rpartition(".")
    return order_id, int(version)


def order_key(order_id: str) -> str:
    """Where an order is kept."""
    return f"{PREFIX}order:{order_id}"


def history_key(order_id: str) -> str:
    """Where is kept what was decided about an order."""
    return f"{PREFIX}history:{order_id}"


def user_key(user_id: str) -> str:
    """Where a user's orders are listed."""
    return f"{PREFIX}user:{user_id}"


def one(run: Run, call: Call) -> Any:
    """What one call returned. Raises what it ended with."""
    (result,) = run([call])
    if isinstance(result, Exception):
        raise result
    return result


def order_of(
    order_id: str,
    user_id: str,
    lines: str,
    total: str,
    version: str,
    content: str,
    paid_at: str = "",
    cancelled: str = "",
    clock_ms: str = "0",
) -> Order:
    """An order from the fields of its record, as scripts return them."""
    parts = (line.split(":") for line in lines.split(",") if line)
    return Order(
        order_id=order_id,
        user_id=user_id,
        lines=tuple(Line(item_id, int(quantity), int(cost)) for item_id, quantity, cost in parts),
        total_cost=int(total),
        version=int(version),
        content=int(content),
        paid_at=int(paid_at) if paid_at else None,
        clock_ms=int(clock_ms),
        cancelled=bool(cancelled),
    )


def decision_of(
    verdict: Verdict,
    ahead: str,
    paid_at: str,
    content: str,
    version: str,
    cancelled: str,
    clock_ms: str,
) -> Decision:
    """A decision from what the script returns."""
    return Decision(
        verdict=verdict,
        ahead=ahead == "1",
        paid_at=int(paid_at) if paid_at else None,
        content=int(content) if content else None,
        version=int(version),
        clock_ms=int(clock_ms),
        cancelled=bool(cancelled),
    )
