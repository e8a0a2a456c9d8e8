"""What happened in one attempt to check an order out, put in order. Pure.

Each moment is by the clock of the store that was there; clocks that disagree may swap neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from recoup.operate.records import Attempt, Leg

OUTCOMES = {"committed": ("kept what was held", "fine"), "returned": ("gave back", "unknown")}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, or is to happen."""

    at_ms: float
    what: str
    detail: str = ""
    level: str = "unknown"
    happened: bool = True
    folded: tuple[tuple[float, str], ...] = ()
    """Tries that didn't settle the leg: when, and why not."""


def timeline(attempt: Attempt, at_s: float, deadline_ms: int) -> list[Event]:
    """The events of an attempt, as they were known at `at_s`. `deadline_ms`: how long before its
    deadline a checkout reads its order."""
    events = []
    deadlines = [leg.deadline_in_ms for leg in attempt.legs if leg.deadline_in_ms is not None]
    if deadlines:
        ends_ms = at_s * 1000 + max(deadlines)
        events.append(Event(ends_ms - deadline_ms, "order read", "stock and payment are asked"))
        if attempt.waits:
            passed = max(deadlines) <= 0
            events.append(Event(ends_ms, "deadline", _deadline(passed), "watch", happened=passed))
    events += [event for leg in attempt.legs for event in _of_leg(leg, at_s * 1000)]
    if attempt.decision:
        said = attempt.decision
        level = "fine" if said.verdict == "commit" else "unknown"
        detail = f"proposed by {said.by}" + (f": {said.why}" if said.why else "")
        events.append(Event(said.at_ms, f"verdict {said.verdict}", detail, level))
    return sorted(events, key=lambda event: event.at_ms)


def _deadline(passed: bool) -> str:
    return (
        "from now on whoever finds a leg may decide" if passed else "until then the gateway decides"
    )


def _of_leg(leg: Leg, now_ms: float) -> Iterator[Event]:
    if leg.held_at_ms:
        amount = f"it holds {leg.units:,}" if leg.state == "held" else f"it held {leg.units:,}"
        yield Event(leg.held_at_ms, f"{leg.party} said yes", amount, "fine")
    if leg.recent_tries:
        tries = tuple((each.at_ms, each.cause) for each in leg.recent_tries)
        forgotten = leg.tries - len(tries)
        detail = leg.cause + (
            f" (earlier ones, {forgotten}, are forgotten)" if forgotten > 0 else ""
        )
        yield Event(tries[0][0], f"{leg.party} tried to settle it", detail, "watch", folded=tries)
    if leg.parked:
        yield Event(now_ms, f"{leg.party} has parked it", leg.cause, "act")
    elif leg.state == "held" and (leg.next_try_in_ms or leg.due_in_ms or 0) > 0:
        next_ms = leg.next_try_in_ms or leg.due_in_ms or 0
        yield Event(now_ms + next_ms, f"{leg.party} tries again", "", "watch", happened=False)
    elif leg.settled_at_ms:
        did, level = OUTCOMES.get(leg.state, (leg.state, "unknown"))
        yield Event(leg.settled_at_ms, f"{leg.party} {did}", f"{leg.units:,}, {leg.state}", level)
