"""What waits to be settled and what is parked, grouped by why; chosen by a filter."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from proto import ledger_pb2 as pb
from recoup.errors import RecoupError
from recoup.operate.clients import LIMIT_S, Clients, at_once, why
from recoup.operate.records import ITEMS, UNDER_WAY, USERS, Leg, leg_of
from recoup.rpc import ask

LISTED_LEGS = 100
"""Of each party and kind, unless more are asked for: more than anyone reads."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which legs: those that fit all of these. Empty, 0 and None: any."""

    party: str = ""
    cause: str = ""
    """A part of why it waits, or is parked."""
    older_than_ms: int = 0
    """Held for at least so long."""
    order_id: str = ""
    user_id: str = ""
    item_id: str = ""
    parked: bool | None = None

    def parties(self, parties: tuple[str, ...]) -> tuple[str, ...]:
        """Who has to be asked: a user is an account of payment, an item one of stock."""
        for account_id, owner in ((self.user_id, USERS), (self.item_id, ITEMS)):
            if account_id:
                parties = tuple(name for name in parties if name == owner)
        return tuple(name for name in parties if self.party in ("", name))

    def kinds(self) -> tuple[bool, ...]:
        """Whether to ask for those that wait (False), for those that are parked (True)."""
        return (False, True) if self.parked is None else (self.parked,)

    def request(self, parked: bool, limit: int) -> pb.PendingRequest:
        """The question to one party."""
        return pb.PendingRequest(
            parked=parked,
            limit=limit,
            cause=self.cause,
            order_id=self.order_id,
            account_id=self.user_id or self.item_id,
            held_for_ms=self.older_than_ms,
        )

    def __str__(self) -> str:
        """As it is typed on a command line; empty: everything."""
        words = {"party": self.party, "cause": self.cause, "order": self.order_id}
        words |= {"user": self.user_id, "item": self.item_id}
        typed = [f"--{name} {_quoted(word)}" for name, word in words.items() if word]
        if self.older_than_ms:
            typed.append(f"--older-than {self.older_than_ms / 1000:g}s")
        if self.parked is not None:
            typed.append("--parked" if self.parked else "--not-parked")
        return " ".join(typed)


EVERYTHING: Final = Filter()
"""Whatever waits, and whatever is parked."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Legs of one party that wait, or are parked, for the same reason."""

    party: str
    cause: str
    parked: bool
    legs: int
    units: int
    held_for_ms: int
    tries_least: int
    tries_most: int
    next_try_in_ms: int | None
    """The latest of their next tries; None: none is planned."""

    @property
    def why(self) -> str:
        """The cause in a few words."""
        return self.cause or UNDER_WAY


@dataclass(frozen=True, slots=True)
class Counts:
    """How many legs of a party wait, or are parked."""

    total: int
    looked_at: int
    """Of how many it was seen whether they fit: of the longest waiting ones."""
    matched: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits, as all parties say that can be asked."""

    at_s: float
    legs: tuple[Leg, ...]
    """The longest waiting first, within each party."""
    causes: tuple[Cause, ...]
    """The most frequent first."""
    counts: Mapping[str, Mapping[bool, Counts]]
    """By party, and by whether they are parked. Who can't be asked isn't in it."""
    away: Mapping[str, str]
    """Who can't be asked, and why. What waits there is not known."""

    @property
    def matched(self) -> int:
        """How many fit the filter, of those that were looked at."""
        return sum(each.matched for kinds in self.counts.values() for each in kinds.values())

    @property
    def all_seen(self) -> bool:
        """Whether every leg was looked at: then `matched` is exact."""
        kinds = [each for by_kind in self.counts.values() for each in by_kind.values()]
        return not self.away and all(each.looked_at >= each.total for each in kinds)


def waiting(clients: Clients, chosen: Filter = EVERYTHING, limit: int = LISTED_LEGS) -> Waiting:
    """Asks every party that the filter concerns. `limit`: the most legs of each party and kind."""
    asked = [
        (party, parked) for party in chosen.parties(clients.parties) for parked in chosen.kinds()
    ]
    questions = {
        f"{party} {parked}": functools.partial(
            ask, clients.party(party).Pending, chosen.request(parked, limit), LIMIT_S
        )
        for party, parked in asked
    }
    answers = at_once(questions)
    legs: list[Leg] = []
    causes: list[Cause] = []
    counts: dict[str, dict[bool, Counts]] = {}
    away: dict[str, str] = {}
    for (party, parked), answer in zip(asked, answers.values(), strict=True):
        if isinstance(answer, RecoupError):
            away[party] = why(answer)
            continue
        legs += [leg_of(party, each, answer.clock_ms) for each in answer.legs]
        causes += [_cause(party, parked, each, answer.clock_ms) for each in answer.causes]
        by_kind = counts.setdefault(party, {})
        by_kind[parked] = Counts(answer.total, answer.looked_at, answer.matched)
    known = {party: kinds for party, kinds in counts.items() if party not in away}
    causes.sort(key=lambda each: -each.legs)
    return Waiting(time.time(), tuple(legs), tuple(causes), known, away)


def _cause(party: str, parked: bool, cause: pb.Cause, clock_ms: int) -> Cause:
    return Cause(
        party=party,
        cause=cause.cause,
        parked=parked,
        legs=cause.legs,
        units=cause.units,
        held_for_ms=cause.held_for_ms,
        tries_least=cause.tries_least,
        tries_most=cause.tries_most,
        next_try_in_ms=cause.next_try_ms - clock_ms if cause.next_try_ms else None,
    )


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word else word
