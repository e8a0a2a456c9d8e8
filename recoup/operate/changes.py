"""What changes of what waits, from one look at it to the next."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from proto import ledger_pb2 as pb
from recoup.bounds import ITEMS_MOST
from recoup.errors import RecoupError
from recoup.operate.clients import LIMIT_S, Clients
from recoup.operate.records import Leg, leg_of
from recoup.operate.waiting import EVERYTHING, Filter, Waiting, waiting
from recoup.rpc import ask

Legs = dict[tuple[str, str], Leg]
"""By party and tid."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that has happened to a leg, or to a party."""

    at_s: float
    what: str
    """waits, tried, parked, settled; away, back."""
    party: str
    tid: str
    """Empty: it is about the party."""
    detail: str

    def __str__(self) -> str:
        about = f"{self.tid} of {self.party}" if self.tid else self.party
        return f"{about} {self.what}" + (f": {self.detail}" if self.detail else "")


class Follower:
    """Looks again and again, and tells what has changed since the last time."""

    def __init__(self, clients: Clients, chosen: Filter = EVERYTHING) -> None:
        self._clients = clients
        self._chosen = chosen
        self._legs: Legs = {}
        self._away: Collection[str] = ()

    def look(self) -> list[Change]:
        """What has changed; the first time, all that is noteworthy. Raises nothing."""
        now = waiting(self._clients, self._chosen, ITEMS_MOST)
        changes = list(party_changes(self._away, now))
        before = {key: leg for key, leg in self._legs.items() if key[0] not in now.away}
        after = noteworthy(now)
        after |= self._left([key for key in before if key not in after])
        changes += leg_changes(now.at_s, before, after)
        self._away = tuple(now.away)
        unknown = {key: leg for key, leg in self._legs.items() if key[0] in now.away}
        self._legs = unknown | {k: leg for k, leg in after.items() if leg.state not in OVER}
        return changes

    def _left(self, keys: list[tuple[str, str]]) -> Legs:
        """Legs that aren't listed any more, as they are now: settled, or beyond those listed."""
        found: Legs = {}
        for party in {party for party, _ in keys}:
            tids = [tid for owner, tid in keys if owner == party]
            for first in range(0, len(tids), ITEMS_MOST):
                request = pb.StatusRequest(tids=tids[first : first + ITEMS_MOST])
                try:
                    reply = ask(self._clients.party(party).Status, request, LIMIT_S)
                except RecoupError:  # the next look tells that it is away
                    return found
                for leg in reply.legs:
                    found[party, leg.tid] = leg_of(party, leg, reply.clock_ms)
        return found


OVER = ("none", "committed", "returned")
"""The states of a leg that isn't held; none: it is forgotten by now."""


def noteworthy(now: Waiting) -> Legs:
    """The legs that don't just belong to a checkout that is under way."""
    return {
        (leg.party, leg.tid): leg
        for leg in now.legs
        if leg.cause or leg.parked or (leg.deadline_in_ms or 0) < 0
    }


def party_changes(away: Collection[str], now: Waiting) -> Iterator[Change]:
    """Who can't be asked any more, and who can again."""
    for party, problem in now.away.items():
        if party not in away:
            yield Change(now.at_s, "away", party, "", problem)
    for party in away:
        if party not in now.away:
            yield Change(now.at_s, "back", party, "", "")


def leg_changes(
    at_s: float, before: Mapping[tuple[str, str], Leg], after: Mapping[tuple[str, str], Leg]
) -> Iterator[Change]:
    """What has happened to legs of parties that could be asked both times."""
    for (party, tid), leg in after.items():
        earlier = before.get((party, tid))
        if leg.state in OVER and not leg.parked:
            yield Change(at_s, "settled", party, tid, leg.state)
        elif leg.parked and not (earlier and earlier.parked):
            yield Change(at_s, "parked", party, tid, leg.why)
        elif earlier is None:
            yield Change(at_s, "waits", party, tid, leg.why)
        elif last_try_ms(leg) > last_try_ms(earlier):
            yield Change(at_s, "tried", party, tid, f"{leg.why} (try {leg.tries})")


def last_try_ms(leg: Leg) -> int:
    """When a try last didn't settle it; 0: none has."""
    return leg.recent_tries[-1].at_ms if leg.recent_tries else 0
