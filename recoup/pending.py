"""`recoup pending` and `recoup retry`: what waits to be settled, why, and "try it now".

Asked of the parties themselves, which know it with or without a broker; never of Celery.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum

from rich.console import Console
from rich.table import Table

from proto import ledger_pb2 as pb
from proto.ledger_pb2_grpc import LedgerStub
from recoup.errors import RecoupError
from recoup.rpc import ask, open_channel
from recoup.settings import Settings

LISTED_LEGS = 100
"""Of each party and kind: more than anyone reads."""

LIMIT_S = 3.0
WATCH_S = 15.0
"""How long a retry is watched: a sweep and a try take a second or two."""

POLL_S = 0.2

out = Console(highlight=False)
say = Console(stderr=True, highlight=False)


class Status(IntEnum):
    """How these commands end, as their exit status."""

    FINE = 0
    FOUND = 1
    CANNOT_TELL = 3


@dataclass(frozen=True, slots=True)
class Waiting:
    """One leg that isn't settled. Times in ms by its party's clock, relative to now."""

    party: str
    tid: str
    units: int
    tries: int
    why: str
    parked: bool
    held_for_ms: int
    due_in_ms: int

    @property
    def overdue(self) -> bool:
        """Somebody should have looked at it by now."""
        return not self.parked and self.due_in_ms < 0


def pending(settings: Settings, as_json: bool) -> Status:
    """Lists the legs that wait. FOUND if any is parked or overdue: the others are on their way."""
    legs: list[Waiting] = []
    totals: dict[str, dict[str, int]] = {}
    away = []
    for party in settings.parties:
        try:
            totals[party] = {}
            for parked in (False, True):
                reply = of_party(settings, party, parked)
                totals[party]["parked" if parked else "held"] = reply.total
                legs += [waiting(party, leg, reply.clock_ms) for leg in reply.legs]
        except RecoupError as error:
            del totals[party]
            away.append(party)
            say.print(f"{party} can't be asked: {error}. See its log; recoup up runs it.")
    if as_json:
        print(json.dumps({"legs": [asdict(leg) for leg in legs], "totals": totals, "away": away}))
    else:
        show(legs, totals)
    if away:
        return Status.CANNOT_TELL
    return Status.FOUND if any(leg.parked or leg.overdue for leg in legs) else Status.FINE


def retry(settings: Settings, tid: str, as_json: bool) -> Status:
    """Has every party try one tid at once, and tells what came of it."""
    asked: list[str] = []
    for party in settings.parties:
        try:
            reply = ask(stub(settings, party).Retry, pb.RetryRequest(tids=[tid]), LIMIT_S)
        except RecoupError as error:
            say.print(f"{party} can't be asked: {error}. Try again when it is back.")
            return Status.CANNOT_TELL
        if reply.due[0]:
            asked.append(party)
    outcomes = {party: watch(settings, party, tid) for party in asked}
    if as_json:
        print(json.dumps({"tid": tid, "outcomes": outcomes}))
    elif not asked:
        out.print(f"nothing of {tid} waits: it is settled, or nobody knows it")
    for party, outcome in outcomes.items() if not as_json else ():
        out.print(f"{party}: {outcome}", soft_wrap=True)
    settled = all(outcome in ("committed", "returned") for outcome in outcomes.values())
    return Status.FINE if settled else Status.FOUND


def watch(settings: Settings, party: str, tid: str) -> str:
    """What the try that was asked for has come to: a settled state, or why it still waits."""
    end_s = time.monotonic() + WATCH_S
    while True:
        (leg,) = ask(stub(settings, party).Status, pb.StatusRequest(tids=[tid]), LIMIT_S).legs
        if leg.state != pb.Leg.HELD and not leg.parked:
            return pb.Leg.State.Name(leg.state).lower()
        if leg.parked and not leg.due_ms:
            return f"parked again: {leg.parked}"
        if time.monotonic() > end_s:
            return f"still waits: {leg.cause or 'no try has ended yet'}"
        time.sleep(POLL_S)


def of_party(settings: Settings, party: str, parked: bool) -> pb.PendingReply:
    """A party's legs that wait, or are parked. Raises RecoupError."""
    request = pb.PendingRequest(parked=parked, limit=LISTED_LEGS)
    return ask(stub(settings, party).Pending, request, LIMIT_S)


def stub(settings: Settings, party: str) -> LedgerStub:
    """A client of a party."""
    return LedgerStub(open_channel(settings.address(party)))


def waiting(party: str, leg: pb.Leg, clock_ms: int) -> Waiting:
    """A leg as it is shown."""
    return Waiting(
        party=party,
        tid=leg.tid,
        units=sum(line.amount for line in leg.lines),
        tries=leg.tries,
        why=leg.parked or leg.cause or "under way",
        parked=bool(leg.parked) and not leg.due_ms,
        held_for_ms=clock_ms - leg.held_at_ms if leg.held_at_ms else 0,
        due_in_ms=leg.due_ms - clock_ms if leg.due_ms else 0,
    )


def show(legs: Sequence[Waiting], totals: dict[str, dict[str, int]]) -> None:
    """The legs as a table, and how many there are in all."""
    if legs:
        table = Table(box=None, pad_edge=False, padding=(0, 2))
        for column in ("PARTY", "TID", "UNITS", "HELD FOR", "TRIES", "NEXT LOOK", "WHY"):
            table.add_column(column, overflow="fold")
        for leg in legs:
            look = "parked" if leg.parked else f"{leg.due_in_ms / 1000:.0f} s"
            held_for = f"{leg.held_for_ms / 1000:.0f} s"
            table.add_row(
                leg.party, leg.tid, str(leg.units), held_for, str(leg.tries), look, leg.why
            )
        out.print(table)
    for party, counts in totals.items():
        out.print(f"{party}: {counts['held']} wait, {counts['parked']} parked")
    if any(leg.parked for leg in legs):
        say.print("What is parked doesn't heal by itself: recoup audit says what it means and")
        say.print("what to do; then: recoup retry TID")
