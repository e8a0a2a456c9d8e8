"""What the ledger's scripts return, as messages of `proto/ledger.proto`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proto import ledger_pb2 as pb
from recoup import logs

log = logs.logger(__name__)

ANSWERS = {
    "yes": pb.Vote.YES,
    "returned": pb.Vote.RETURNED,
    "late": pb.Vote.LATE,
    "ahead": pb.Vote.AHEAD,
    "short": pb.Vote.SHORT,
    "short_for_now": pb.Vote.SHORT_FOR_NOW,
    "unknown": pb.Vote.UNKNOWN_ACCOUNT,
    "conflict": pb.Vote.CONFLICT,
}
SETTLED = {
    "settled": pb.SETTLED,
    "already": pb.ALREADY,
    "no_leg": pb.NO_LEG,
    "contradiction": pb.CONTRADICTION,
    "missing_account": pb.MISSING_ACCOUNT,
    "held_too_little": pb.HELD_TOO_LITTLE,
}
DIGITS_MOST = 15
"""Of a time in ms: for the next 30,000 years."""

STATES = {"held": pb.Leg.HELD, "committed": pb.Leg.COMMITTED, "returned": pb.Leg.RETURNED}


def vote(result: list[str] | None) -> pb.Vote:
    """What deduct.lua answers; None: it failed."""
    return pb.Vote(answer=ANSWERS[result[0]], account_id=result[1]) if result else pb.Vote()


def settled(result: list[str] | None) -> pb.Settled.ValueType:
    """What settle.lua answers; None: it failed."""
    return SETTLED[result[0]] if result else pb.FAILED


def leg(tid: str, result: list[Any] | None) -> pb.Leg:
    """The leg that status.lua describes; MALFORMED if its record can't be read."""
    if result is None:
        return pb.Leg(tid=tid, state=pb.Leg.MALFORMED)
    pairs, due_ms, parked, _ = result
    leg = pb.Leg(tid=tid, due_ms=int(float(due_ms or 0)), parked=parked)
    if not pairs:
        leg.state = pb.Leg.MALFORMED if pairs is None else pb.Leg.NONE
        return leg
    fields = dict(zip(pairs[::2], pairs[1::2], strict=True))
    try:
        leg.state = STATES[fields["state"]]
        for account_id, amount in lines(fields["lines"]):
            leg.lines.add(account_id=account_id, amount=amount)
        leg.parties[:] = fields["parties"].split(",")
        leg.cause = fields.get("cause", "")
        leg.recent_tries.extend(_tries(fields.get("recent_tries", "")))
        for name in ("deadline_ms", "held_at_ms", "settled_at_ms", "tries", "next_try_ms"):
            setattr(leg, name, int(fields.get(name, 0)))
    except (KeyError, ValueError):
        log.exception("the record of leg %s can't be read", tid, tid=tid)
        leg.state = pb.Leg.MALFORMED
    return leg


def lines(text: str) -> Iterator[tuple[str, int]]:
    """The lines of a leg as its record has them: account and amount. Raises ValueError."""
    for line in filter(None, text.split(",")):
        account_id, amount, _ = line.split(":")
        yield account_id, int(amount)


def _tries(text: str) -> Iterator[pb.Try]:
    """The tries that a leg remembers, "at_ms cause" a line each. They are there to be shown: what
    can't be read is left out, and the leg is as good without it."""
    for line in text.split("\n"):
        at_ms, _, cause = line.partition(" ")
        if is_whole(at_ms):
            yield pb.Try(at_ms=int(at_ms), cause=cause)


def is_whole(text: str) -> bool:
    """Whether it is a time in ms, or a count, as our records have them."""
    return text.isdecimal() and len(text) <= DIGITS_MOST
