"""The order store: what an order is, and each thing that can be done to one.

Keys, all under the hash tag `{orders}`:

    order:<id>  hash    user, lines ("item:quantity:cost,…"), total, version, content, paid_at
                        (the version it was paid at), paid_before (those of earlier lives),
                        cancelled (1, or it isn't there)
    before:users, before:items
                hash    what the earlier lives of orders cost each user, and sold of each item
    clock       string  the highest TIME seen, in ms
    idem:<key>  list    fingerprint of a request, then its first answer

and for people alone, so that no rule rests on them:

    history:<id>  list  the last decisions about an order, and why; expires
    user:<id>   zset    a user's orders, by a number that grows with each that is written
    numbers     string  the last such number
    listed      string  all orders are in those lists (see `listing.py`)
    actions     stream  what operators have done (see `actions.py`)
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.orders.records import (
    CLOCK,
    NUMBERS,
    PREFIX,
    Decision,
    Order,
    Proposal,
    Run,
    decision_of,
    history_key,
    one,
    order_key,
    order_of,
    split,
    user_key,
)
from recoup import reasons, tracing
from recoup.bounds import LINES_MAX
from recoup.scripts import Call
from recoup.settings import AMOUNT_MAX, Settings

LUA = Path(__file__).with_name("lua")
BEFORE = (PREFIX + "before:users", PREFIX + "before:items")

CLOCKED = {"read", "decide"}
"""The scripts whose answer ends with the store's clock, in ms."""

INIT_STEP = 500
"""Orders that one script writes anew: about 5 ms, in which a checkout has to wait."""

HISTORY_MOST = 20
"""Decisions that an order's history keeps: more tries than one checkout makes (12), and a page."""

Idempotency = tuple[str, str]
"""An idempotency key, and the fingerprint of the request it came with."""

Proposed = tuple[str, Proposal, str, str]
"""A tid, what is proposed for it, who proposes it, and why."""


class OrderStore:
    """Orders on one Redis database, reached through `run` (which may gather the calls of many).

    Every method raises Unanswered when the database doesn't answer, and ResponseError when the
    order's record can't be read.
    """

    def __init__(self, run: Run, settings: Settings) -> None:
        self._run = run
        self._kept_s = settings.idempotency_kept_s
        self._history = (HISTORY_MOST, settings.history_kept_s)

    @tracing.step("read")
    def read(self, order_id: str) -> Order | None:
        """The order, or None if there is none."""
        fields = one(self._run, Call("read", (order_key(order_id), CLOCK)))
        return order_of(order_id, *fields) if fields[0] else None

    def propose(self, tid: str, proposal: Proposal, by: str = "", why: str = "") -> Decision:
        """The verdict on a tid: the one there is, else the one proposed (empty: just ask).

        `by`, `why`: for the order's history, if this is what decides.
        """
        (decision,) = self.propose_all([(tid, proposal, by, why)])
        if isinstance(decision, Exception):
            raise decision
        return decision

    def propose_all(self, proposals: Sequence[Proposed]) -> list[Decision | Exception]:
        """As `propose`, for many; in place of a decision the exception that it ended with."""
        return [
            result if isinstance(result, Exception) else decision_of(*result)
            for result in self._run([self._decide(*each) for each in proposals])
        ]

    def _decide(self, tid: str, proposal: Proposal, by: str, why: str) -> Call:
        order_id, version = split(tid)
        keys = (order_key(order_id), CLOCK)
        if not proposal:
            return Call("decide", keys, (version, proposal))
        past = (by, why, *self._history)
        return Call("decide", (*keys, history_key(order_id)), (version, proposal, *past))

    def create(self, order_id: str, user_id: str, idempotency: Idempotency | None) -> str | None:
        """Creates an empty order. Returns its id: that of the first one under the same key.

        None: the key belongs to another request.
        """
        keys = (order_key(order_id), user_key(user_id), NUMBERS)
        word, *rest = self._keyed("create_order", keys, (order_id, user_id), idempotency)
        return rest[0] if word == "ok" else None

    def add_item(
        self, order_id: str, item_id: str, quantity: int, cost: int, idempotency: Idempotency | None
    ) -> Order | str:
        """Adds pieces of an item. Returns the order as it is then, or why not, as one word:
        not_found, paid, cancelled, too_much, too_long, key_reused."""
        arguments = (item_id, quantity, cost, AMOUNT_MAX, LINES_MAX)
        word, *fields = self._keyed("add_item", (order_key(order_id),), arguments, idempotency)
        return order_of(order_id, *fields) if word == "ok" else str(word)

    def remove_item(self, order_id: str, item_id: str) -> Order | str:
        """Removes all pieces of an item. Returns the order as it is then, or why not, as one word:
        not_found, paid, cancelled, no_item."""
        word, *fields = one(self._run, Call("remove_item", (order_key(order_id),), (item_id,)))
        return order_of(order_id, *fields) if word == "ok" else str(word)

    def cancel(self, order_id: str, by: str, idempotency: Idempotency | None) -> Order | str:
        """Cancels an order that isn't paid: nothing of it will ever be, unless it is written anew.
        Doing it twice changes nothing. Returns the order as it is then, or why not, as one word:
        not_found, paid, key_reused."""
        keys = (order_key(order_id), CLOCK, history_key(order_id))
        arguments = (by, reasons.CANCELLED, *self._history)
        word, *fields = self._keyed("cancel_order", keys, arguments, idempotency)
        return order_of(order_id, *fields) if word == "ok" else str(word)

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
            answer = one(self._run, Call("recall", (_idempotency_key(key),), (fingerprint,)))
        for first in range(0, 0 if answer else count, INIT_STEP):
            last = min(first + INIT_STEP, count) - 1
            seed = random.getrandbits(31)
            arguments = (order_key(""), user_key(""), first, last, items, users, price, seed)
            remember = idempotency if last + 1 == count else None
            answer = self._keyed("init_orders", (*BEFORE, NUMBERS), arguments, remember)
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
        return one(self._run, Call(script, keys, (*arguments, fingerprint, self._kept_s)))


def _idempotency_key(key: str) -> str:
    return f"{PREFIX}idem:{key}"
