"""The story of one attempt to check out, gathered from everyone who knows a part of it: for people.

Who can't be asked leaves a gap that says so, and nothing else is missing for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gevent

from gateway.orders import history
from gateway.orders.records import Decision, Order, Run, split
from gateway.orders.store import OrderStore
from gateway.parties import Party
from gateway.roles import lines
from proto import ledger_pb2 as pb
from recoup.errors import RecoupError

LIMIT_S = 1.0
"""Of each of the two questions to a party: whoever is up answers in milliseconds."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a party knows of it."""

    party: str
    problem: str = ""
    """Why it could not be asked; then the rest says nothing."""
    clock_ms: int = 0
    leg: pb.Leg | None = None
    accounts: Sequence[tuple[str, pb.AccountResult]] = ()
    """Those that the leg is about; if there is none, what the order asks."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """What became of a tid."""

    tid: str
    decision: Decision
    order: Order | None
    past: tuple[history.Past, ...]
    parts: tuple[Part, ...]

    @property
    def is_known(self) -> bool:
        """Whether there is anything of it: a verdict, a leg, or an order that has come this far."""
        come_this_far = self.order is not None and split(self.tid)[1] <= self.order.version
        return bool(self.decision.verdict or any(part.leg for part in self.parts) or come_this_far)

    @property
    def away(self) -> str:
        """A party that could not be asked; empty: all were."""
        return next((part.party for part in self.parts if part.problem), "")


def tell(tid: str, run: Run, store: OrderStore, parties: Sequence[Party]) -> Transaction:
    """The story of a tid. Raises Unanswered when the order store is away: without it nobody knows
    what was decided."""
    told = history.story(run, split(tid)[0])
    asked = [gevent.spawn(_part, party, tid, told.order) for party in parties]
    decision = store.propose(tid, "")
    parts = tuple(greenlet.get() for greenlet in asked)
    return Transaction(tid, decision, told.order, told.past, parts)


def _part(party: Party, tid: str, order: Order | None) -> Part:
    try:
        leg, clock_ms = party.leg(tid, LIMIT_S)
        asked = leg.lines if leg else lines(order, party.name) if order else ()
        ids = [line.account_id for line in asked]
        accounts = tuple(zip(ids, party.accounts(ids, LIMIT_S), strict=True)) if ids else ()
    except RecoupError as error:
        return Part(party.name, problem=str(error))
    return Part(party.name, clock_ms=clock_ms, leg=leg, accounts=accounts)
