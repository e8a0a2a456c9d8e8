"""The order store: what an order is, and each thing that can be done to one.

Keys, all under the hash tag `{orders}`:

    order:<id>  hash    user, lines ("item:quantity:cost,…"), total, version, content, paid_at
                        (the version it was paid at), paid_before (those of earlier lives)
    before:users, before:items
                hash    what the earlier lives of orders cost each user, and sold of each item
    clock       string  the highest TIME seen, in ms
    idem:<key>  list    fingerprint of a request, then its first answer
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from recoup import tracing
from recoup.bounds import LINES_MAX
from recoup.scripts import Call
from recoup.settings import AMOUNT_MAX, Settings

LUA = Path(__file__).with_name("lua")
PREFIX = "{orders}:"
CLOCK = PREFIX + "clock"
BEFORE = (PREFIX + "before:users", PREFIX + "before:items")

CLOCKED = {"read", "decide"}
"""The scripts whose answer ends with the store's clock, in ms."""

INIT_STEP = 500
"""Orders that one script writes anew: about 3 ms, in which a checkout has to wait."""

Verdict = Literal["commit", "abort", ""]
"""The verdict on a tid; empty: there is none yet."""

Proposal = Literal["commit", "abort", "close", ""]
"""A verdict to propose; empty: just ask. `close` is an abort that also ends every other checkout
of the order that has begun, so that "not paid" stays true of all of them."""

Run = Callable[[Sequence[Call]], Sequence[Any]]
"""Runs scripts, each on its own; gives what each returned, or the exception it ended with."""

Idempotency = tuple[str, str]
"""An idempotency key, and the fingerprint of the request it came with."""


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

    @property
    def tid(self) -> str:
        """The attempt that paid the order, or the one that a checkout of it makes now."""
        return f"{self.order_id}.{self.version if self.paid_at is None else self.paid_at}"


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on a tid, and where its order stands now."""

    verdict: Verdict
    ahead: bool
    paid_at: int | None
    content: int | None
    version: int
    clock_ms: int


def split(tid: str) -> tuple[str, int]:
    """Order id and version of a tid."""
    order_id, _, version = tid.rpartition(".")
    return order_id, int(version)


class OrderStore:
    """Orders on one Redis database, reached through `run` (which may gather the calls of many).

    Every method raises Unanswered when the database doesn't answer, and ResponseError when the
    order's record can't be read.
    """

    def __init__(self, run: Run, settings: Settings) -> None:
        self._run = run
        self._kept_s = settings.idempotency_kept_s

    @tracing.step("read")
    def read(self, order_id: str) -> Order | None:
        """The order, or None if there is none."""
        result = self._one(Call("read", (_key(order_id), CLOCK)))
        user, lines, total, version, content, paid_at, clock_ms = result
        if not user:
            return None
        return _order(order_id, user, lines, total, version, content, paid_at, clock_ms)

    def propose(self, tid: str, proposal: Proposal) -> Decision:
        """The verdict on a tid: the one there is, else the one proposed (empty: just ask)."""
        (decision,) = self.propose_all([(tid, proposal)])
        if isinstance(decision, Exception):
            raise decision
        return decision

    def propose_all(self, proposals: Sequence[tuple[str, Proposal]]) -> list[Decision | Exception]:
        """As `propose`, for many; in place of a decision the exception that it ended with."""
        calls = []
        for tid, proposal in proposals:
            order_id, version = split(tid)
            calls.append(Call("decide", (_key(order_id), CLOCK), (version, proposal)))
        return [
            result if isinstance(result, Exception) else _decision(*result)
            for result in self._run(calls)
        ]

    def create(self, order_id: str, user_id: str, idempotency: Idempotency | None) -> str | None:
        """Creates an empty order. Returns its id: that of the first one under the same key.

        None: the key belongs to another request.
        """
        word, *rest = self._keyed(
            "create_order", (_key(order_id),), (order_id, user_id), idempotency
        )
        return rest[0] if word == "ok" else None

    def add_item(
        self, order_id: str, item_id: str, quantity: int, cost: int, idempotency: Idempotency | None
    ) -> Order | str:
        """Adds pieces of an item. Returns the order as it is then, or why not, as one word:
        not_found, paid, too_much, too_long, key_reused."""
        arguments = (item_id, quantity, cost, AMOUNT_MAX, LINES_MAX)
        word, *fields = self._keyed("add_item", (_key(order_id),), arguments, idempotency)
        if word != "ok":
            return str(word)
        user_id, lines, total, version, content = fields
        return _order(order_id, user_id, lines, total, version, content, paid_at="", clock_ms="0")

    def init(
        self, count: int, items: int, users: int, price: int, idempotency: Idempotency | None
    ) -> bool:
        """Writes orders "0" to "count-1" anew, in steps between which others get their turn.

        Its answer is remembered with the last step, so a repeat of an init that broke off begins
        again. False: the idempotency key belongs to another request.
        """
        answer = []
        if idempotency:
            key, fingerprint = idempotency
            answer = self._one(Call("recall", (_idempotency_key(key),), (fingerprint,)))
        for first in range(0, 0 if answer else count, INIT_STEP):
            last = min(first + INIT_STEP, count) - 1
            seed = random.getrandbits(31)
            arguments = (_key(""), first, last, items, users, price, seed)
            remember = idempotency if last + 1 == count else None
            answer = self._keyed("init_orders", BEFORE, arguments, remember)
        return bool(answer[0] == "ok")

    def _keyed(
        self,
        script: str,
        keys: tuple[str, ...],
        arguments: tuple[str | int, ...],
        idempotency: Idempotency | None,
    ) -> Any:
        idempotency_key, fingerprint = idempotency or ("", "")
        keys += (_idempotency_key(idempotency_key),) if idempotency_key else ()
        return self._one(Call(script, keys, (*arguments, fingerprint, self._kept_s)))

    def _one(self, call: Call) -> Any:
        (result,) = self._run([call])
        if isinstance(result, Exception):
            raise result
        return result


def _key(order_id: str) -> str:
    return f"{PREFIX}order:{order_id}"


def _idempotency_key(key: str) -> str:
    return f"{PREFIX}idem:{key}"


def _order(
    order_id: str,
    user_id: str,
    lines: str,
    total: str,
    version: str,
    content: str,
    paid_at: str,
    clock_ms: str,
) -> Order:
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
    )


def _decision(
    verdict: Verdict, ahead: str, paid_at: str, content: str, version: str, clock_ms: str
) -> Decision:
    return Decision(
        verdict=verdict,
        ahead=ahead == "1",
        paid_at=int(paid_at) if paid_at else None,
        content=int(content) if content else None,
        version=int(version),
        clock_ms=int(clock_ms),
    )
