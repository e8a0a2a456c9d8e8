"""Reads all legs of a party, and holds each against its order, its peer, and the indexes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recoup.audit import kinds, orders, records
from recoup.audit.findings import Difference, Findings
from recoup.audit.records import Leg, Order, Unreadable
from recoup.audit.scratch import Scratch
from recoup.audit.stores import BATCH, Advance, Store
from recoup.settings import Settings

PEER_MISSING, PEER_UNREADABLE = "missing", "unreadable"


@dataclass(frozen=True, slots=True)
class Wrong:
    """A leg that doesn't agree; and how much of each account it makes look used too much."""

    difference: Difference
    explains: tuple[tuple[str, int], ...] = ()
    at: str = ""
    """The party whose accounts these are."""


class Legs:
    """The legs of all parties."""

    def __init__(
        self, stores: Mapping[str, Store], scratch: Scratch, findings: Findings, settings: Settings
    ) -> None:
        """`stores`: the orders' and each party's."""
        self._stores = stores
        self._scratch = scratch
        self._findings = findings
        # A peer's leg may be gone once it was settled that long ago. Half of it leaves room for
        # clocks that disagree.
        self._surely_kept_ms = settings.leg_kept_s * 1000 // 2

    def read(self, party: str, advance: Advance) -> None:
        """Reads all legs of a party: keeps what is held, and which look wrong."""
        for tids in self._stores[party].names("leg", advance):
            legs = self._legs(party, tids)
            held = {t: g for t, g in legs.items() if isinstance(g, Leg) and g.state == "held"}
            self._scratch.keep_held(party, {tid: leg.lines for tid, leg in held.items()})
            self._scratch.suspect(party, self._judge(party, legs))
            self._scratch.suspect(party, self._judge_places(party, list(held)))
            self._findings.checked["legs"] += len(legs)
            self._findings.checked["legs_held"] += len(held)

    def read_indexes(self, party: str) -> None:
        """Reads who is due and who is parked: those without a leg look wrong."""
        store = self._stores[party]
        (parked,) = store.read([("ZCARD", store.prefix + "parked")])
        self._findings.checked["legs_parked"] += parked if isinstance(parked, int) else 0
        for index in ("due", "parked"):
            try:
                for entries in store.members(index):
                    tids = [tid for tid, _ in entries]
                    self._scratch.suspect(party, self._judge_places(party, tids))
            except Unreadable as error:
                about = f"{party}'s {index}"
                self._findings.add(Difference(kinds.UNREADABLE, about, "", str(error)))

    def any_suspects(self) -> bool:
        """Whether something looks wrong so far."""
        return any(next(self._scratch.suspects(p, 1), None) for p in self._stores)

    def look_again(self, party: str) -> None:
        """Forgets the suspects that are right by now."""
        for tids in self._scratch.suspects(party, BATCH):
            self._scratch.acquit(party, set(tids) - self._wrong(party, tids).keys())

    def report(self, party: str) -> None:
        """Adds what is wrong with the suspects that are left."""
        for tids in self._scratch.suspects(party, BATCH):
            for tid, wrongs in self._wrong(party, tids).items():
                for wrong in wrongs:
                    self._scratch.explain(wrong.at, tid, wrong.explains)
                    kind = wrong.difference.kind
                    whose = "" if kind is kinds.LEGS_DISAGREE else wrong.difference.subject
                    if self._scratch.is_new(f"{kind.slug} {tid} {whose}"):
                        self._findings.add(wrong.difference)
                    if kind in kinds.CONTRADICTIONS and self._scratch.is_new(f"wrong {tid}"):
                        self._findings.contradicted += 1

    def _wrong(self, party: str, tids: Sequence[str]) -> dict[str, list[Wrong]]:
        found = self._judge(party, self._legs(party, tids))
        for tid, wrongs in self._judge_places(party, tids).items():
            found.setdefault(tid, []).extend(wrongs)
        return found

    def _legs(self, party: str, tids: Sequence[str]) -> dict[str, Leg | Unreadable | None]:
        store = self._stores[party]
        prefix = store.prefix + "leg:"
        answers = store.read([("HMGET", prefix + tid, *records.LEG) for tid in tids])
        legs: dict[str, Leg | Unreadable | None] = {}
        for tid, fields in zip(tids, answers, strict=True):
            try:
                records.split(tid)
                legs[tid] = records.leg(fields)
            except Unreadable as error:
                legs[tid] = error
        return legs

    # --- a leg against its order and its peers ---

    def _judge(
        self, party: str, legs: Mapping[str, Leg | Unreadable | None]
    ) -> dict[str, list[Wrong]]:
        """What is wrong with legs, which are read: then come their orders, and then their peers."""
        readable = {tid: leg for tid, leg in legs.items() if isinstance(leg, Leg)}
        ids = [records.split(tid)[0] for tid in readable]
        found_orders = dict(zip(readable, orders.fetch(self._stores["orders"], ids), strict=True))
        peers = self._peers(party, readable)
        now_ms = self._stores[party].now_ms()
        found: dict[str, list[Wrong]] = {}
        for tid, leg in legs.items():
            about = f"{party}'s leg"
            if isinstance(leg, Unreadable):
                difference = Difference(kinds.UNREADABLE, about, tid, str(leg))
                found[tid] = [Wrong(difference)]
            elif leg is not None:
                order = found_orders[tid]
                if not isinstance(order, Unreadable):
                    recent = now_ms - leg.held_at_ms < self._surely_kept_ms
                    wrong = _judge_one(party, tid, leg, order, peers[tid], recent)
                    if wrong:
                        found[tid] = [wrong]
        return found

    def _peers(self, party: str, legs: Mapping[str, Leg]) -> dict[str, dict[str, str]]:
        """For each tid the states of its peers' legs, by party."""
        states: dict[str, dict[str, str]] = {tid: {} for tid in legs}
        asked: dict[str, list[str]] = {}
        for tid, leg in legs.items():
            for name in leg.parties:
                if name != party and name in self._stores:
                    asked.setdefault(name, []).append(tid)
        for name, tids in asked.items():
            for tid, peer in self._legs(name, tids).items():
                if isinstance(peer, Unreadable):
                    states[tid][name] = PEER_UNREADABLE
                else:
                    states[tid][name] = peer.state if peer else PEER_MISSING
        return states

    # --- a leg and its place in the indexes ---

    def _judge_places(self, party: str, tids: Sequence[str]) -> dict[str, list[Wrong]]:
        """What is wrong with the places of legs; a leg and its places are read at one instant."""
        store = self._stores[party]
        groups = store.read_together(
            [
                (
                    ("HGET", f"{store.prefix}leg:{tid}", "state"),
                    ("ZSCORE", store.prefix + "due", tid),
                    ("ZSCORE", store.prefix + "parked", tid),
                    ("HGET", store.prefix + "reasons", tid),
                )
                for tid in tids
            ]
        )
        found = {}
        for tid, (state, *places) in zip(tids, groups, strict=True):
            if state in (None, *records.STATES):  # else the leg itself is what can't be read
                difference = _misplaced(party, tid, state, *places)
                if difference:
                    found[tid] = [Wrong(difference)]
        return found


def _judge_one(
    party: str, tid: str, leg: Leg, order: Order | None, peers: Mapping[str, str], recent: bool
) -> Wrong | None:
    """What is wrong with a leg; its order was read after it, and its peers after the order."""
    about = f"{party}'s leg"
    verdict = order.verdict(records.split(tid)[1]) if order else "ahead"
    says = {"": "its order says nothing yet", "ahead": "its order isn't there yet"}
    told = says.get(verdict, f"its order says {verdict}")
    if order is None or order.forgotten:
        told = "its order doesn't exist"
    lines = tuple((line.account_id, line.amount) for line in leg.lines)
    detail = f"{leg.state}, and {told}"
    if leg.state == "committed" and verdict != "commit":
        kind = kinds.COMMITTED_WITHOUT_COMMIT
        explains = lines
    elif leg.state == "returned" and verdict != "abort":
        kind = kinds.AHEAD_OF_ORDER if verdict == "ahead" else kinds.RETURNED_WITHOUT_ABORT
        undone = tuple((id, -amount) for id, amount in lines)
        explains = undone if verdict == "commit" else ()
    elif leg.state == "held" and verdict == "ahead":
        return Wrong(Difference(kinds.AHEAD_OF_ORDER, about, tid, detail))
    else:
        return _judge_missing(tid, order, peers) if verdict == "commit" and recent else None
    opposite = {"committed": "returned", "returned": "committed"}[leg.state]
    if opposite in peers.values():
        kind = kinds.LEGS_DISAGREE
        states = {party: leg.state, **peers}
        detail = ", ".join(f"{name} {state}" for name, state in sorted(states.items()))
        about, detail = "both legs", f"{detail}; {told}"
    return Wrong(Difference(kind, about, tid, detail), explains, party)


def _judge_missing(tid: str, order: Order | None, peers: Mapping[str, str]) -> Wrong | None:
    for name, state in peers.items():
        if state == PEER_MISSING:
            detail = "there is none, and its order says commit"
            asked: tuple[tuple[str, int], ...] = ()
            if order and f".{order.paid_at}" == tid[tid.rfind(".") :]:
                asked = tuple((id, -amount) for id, amount in order.asks(name).items())
            return Wrong(Difference(kinds.LEG_MISSING, f"{name}'s leg", tid, detail), asked, name)
    return None


def _misplaced(
    party: str, tid: str, state: str | None, due: Any, parked: Any, reason: Any
) -> Difference | None:
    """What is wrong with a leg's places: held legs are due or parked, and nobody else is."""
    about = f"{party}'s leg"
    if state == "held" and due is None and parked is None:
        return Difference(kinds.NOT_DUE, about, tid, "held, and neither due nor parked")
    if parked is not None and reason is None:
        return Difference(kinds.PARKED_WITHOUT_REASON, about, tid, "parked")
    listed = due is not None or parked is not None
    # A contradiction is parked, and is due now and then, though its leg isn't held.
    if listed and (state is None or (state != "held" and reason is None)):
        where = "due" if due is not None else "parked"
        detail = f"{where}, and {'there is no leg' if state is None else f'the leg is {state}'}"
        return Difference(kinds.DUE_WITHOUT_LEG, about, tid, detail)
    return None
