"""What has been seen of each tid, and what must always hold of it: I1 to I4, and I6."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.orders.records import Decision, Order, split
from gateway.orders.store import OrderStore
from tests.integration.books import Books
from tests.integration.machines.contents import Contents, contents

NEXT_STATES = {
    "held": {"held", "committed", "returned"},
    "committed": {"committed", "gone"},
    "returned": {"returned", "gone"},
    "gone": {"gone"},
}
"""What may become of a leg. One that is gone never comes back: it is held once."""

ALLOWED: dict[str, set[str | None]] = {
    "": {None, "held"},
    "commit": {"held", "committed"},
    "abort": {None, "held", "returned"},
}
"""What a leg may be or have been at last, by the verdict on its tid."""

Lines = dict[tuple[str, str], int]
"""(account id, its generation) -> amount."""


@dataclass
class SeenLeg:
    """A leg as it was when it was held, and what has become of it. `last`: before it was gone."""

    held_at_ms: str
    lines: Lines
    state: str = "held"
    last: str = "held"


@dataclass
class History:
    """What has been seen of the stores."""

    parties: Mapping[str, Books]
    store: OrderStore
    put_in: dict[tuple[str, str], int] = field(default_factory=dict)
    """What customers have put into each account, since it was last written anew."""
    tids: set[str] = field(default_factory=set)
    verdicts: dict[str, str] = field(default_factory=dict)
    paid: set[str] = field(default_factory=set)
    legs: dict[tuple[str, str], SeenLeg] = field(default_factory=dict)

    def held(self, party: str) -> set[str]:
        """The tids that a party holds something for."""
        return {
            tid for (name, tid), leg in self.legs.items() if name == party and leg.state == "held"
        }

    def told(self, tid: str, verdict: str) -> None:
        """Someone was told this verdict; empty: that there is none yet."""
        assert self.verdicts.get(tid, "") in ("", verdict), (tid, "was decided before")
        self.verdicts[tid] = verdict

    def look(self) -> None:
        """Looks at everything, and raises AssertionError if it isn't as it must be."""
        seen = {name: contents(books.client, books.key("")) for name, books in self.parties.items()}
        for party, all in seen.items():
            self._look_at_legs(party, all)
        self._look_at_verdicts()
        for party, all in seen.items():
            self._look_at_accounts(party, all)

    # --- I1, I6 ---

    def _look_at_legs(self, party: str, all: Contents) -> None:
        due, parked, reasons = (all.get(name, ({}, 0))[0] for name in ("due", "parked", "reasons"))
        assert not due.keys() & parked.keys()
        found = {key[4:]: leg for key, (leg, _) in all.items() if key.startswith("leg:")}
        assert found.keys() <= self.tids
        for tid, leg in found.items():
            seen = self.legs.setdefault((party, tid), SeenLeg(leg["held_at_ms"], lines(leg)))
            assert leg["state"] in NEXT_STATES[seen.state], (party, tid, "is held once")
            assert (leg["held_at_ms"], lines(leg)) == (seen.held_at_ms, seen.lines)
            seen.state = seen.last = leg["state"]
            if seen.state == "held":
                assert tid in due or (tid in parked and reasons[tid]), (party, tid, "is forgotten")
        for (name, tid), seen in self.legs.items():
            if name == party and tid not in found:
                assert seen.state != "held", (party, tid, "is gone")
                seen.state = "gone"

    # --- I1, I2 ---

    def _look_at_verdicts(self) -> None:
        decisions = self.store.propose_all([(tid, "", "", "") for tid in sorted(self.tids)])
        for tid, decision in zip(sorted(self.tids), decisions, strict=True):
            assert isinstance(decision, Decision)
            now = decision.verdict
            self.told(tid, now)
            for party in self.parties:
                leg = self.legs.get((party, tid))
                assert (leg.last if leg else None) in ALLOWED[now], (party, tid, now)
            if now == "commit" and tid not in self.paid:
                self.paid.add(tid)
                self._look_at_paid(tid)

    def _look_at_paid(self, tid: str) -> None:
        """What was just paid is what the order says."""
        order = self.store.read(split(tid)[0])
        assert isinstance(order, Order)
        assert order.tid == tid
        assert not order.cancelled
        assert amounts(self.legs["payment", tid].lines) == {order.user_id: order.total_cost}
        pieces = {line.item_id: line.quantity for line in order.lines}
        assert amounts(self.legs["stock", tid].lines) == pieces

    # --- I3, I4 ---

    def _look_at_accounts(self, party: str, all: Contents) -> None:
        """Each account, in its present generation."""
        held: Counter[tuple[str, str]] = Counter()
        paid: Counter[tuple[str, str]] = Counter()
        used_or_held: Counter[tuple[str, str]] = Counter()
        for (name, tid), leg in self.legs.items():
            if name != party:
                continue
            if leg.state == "held":
                held.update(leg.lines)
            if self.verdicts[tid] == "commit":
                paid.update(leg.lines)
                if leg.state == "held":
                    used_or_held.update(leg.lines)
        for key, (account, _) in all.items():
            if not key.startswith("account:"):
                continue
            account_id = key.removeprefix("account:")
            now = (account_id, account["generation"])
            numbers = {name: int(account[name]) for name in ("available", "held", "used")}
            assert min(numbers.values()) >= 0
            assert sum(numbers.values()) == int(account["put_in"])
            assert int(account["put_in"]) == self.put_in[party, account_id]
            assert numbers["held"] == held[now]
            assert numbers["used"] + used_or_held[now] == paid[now], (party, now, "was paid")


def lines(leg: dict[str, Any]) -> Lines:
    parts = (line.split(":") for line in leg["lines"].split(","))
    return {(account_id, generation): int(amount) for account_id, amount, generation in parts}


def amounts(lines: Lines) -> dict[str, int]:
    return {account_id: amount for (account_id, _), amount in lines.items()}
