"""Why a leg waits and what happens next, and what a customer was told, in one sentence. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from recoup.operate.records import Decision, Leg
from recoup.operate.wording import duration

GATEWAY: Final = "gateway"
"""Who decides while a customer waits for the answer."""

REFUSALS: Final = ("not enough", "doesn't know the account")
"""What the gateway gives as why when the customer's own matter is at fault: answered 400."""

CHANGES: Final = ("cart was changed", "order was cancelled")
"""And when the order isn't any more what was to be checked out: answered 409."""


def explain(leg: Leg, parked_retry_s: int = 0) -> str:
    """One sentence about a leg. `parked_retry_s`: how often what is parked is tried again; 0: not
    known."""
    if leg.parked:
        again = f", and is tried every {duration(parked_retry_s * 1000)}" if parked_retry_s else ""
        return (
            f"parked: {leg.cause}. It doesn't heal by itself{again}; mend what it names, "
            f"then recoup retry {leg.tid}"
        )
    if leg.state == "none":
        return "it holds nothing, and never has or has forgotten it by now"
    if leg.state == "malformed":
        return "its record can't be read: recoup audit says what to do"
    if leg.state != "held":
        return f"{leg.state} {duration(leg.settled_ago_ms or 0)} ago, {_tries(leg)}"
    if leg.cause:
        return f"{leg.cause}{_for(leg)}; try {leg.tries}; {_next(leg)}"
    if leg.deadline_in_ms is not None and leg.deadline_in_ms > 0:
        return f"its checkout is under way, and has {duration(leg.deadline_in_ms)} left"
    late = duration(-(leg.deadline_in_ms or 0))
    return f"its deadline passed {late} ago, and no try has failed; {_next(leg)}"


def waits_for(leg: Leg) -> int | None:
    """For how long, in ms, tries have failed for the reason they fail now; None: that isn't known.
    The oldest tries are forgotten, so it may be longer."""
    since = None
    for each in reversed(leg.recent_tries):
        if each.cause != leg.cause:
            break
        since = each.ago_ms
    return since


def _for(leg: Leg) -> str:
    since = waits_for(leg)
    if since is None:
        return ""
    forgotten = leg.tries > len(leg.recent_tries)
    return f" for {'more than ' if forgotten else ''}{duration(since)}"


def _tries(leg: Leg) -> str:
    if not leg.tries:
        return "at once"
    return f"after {leg.tries} {'try' if leg.tries == 1 else 'tries'} of its own"


def _next(leg: Leg) -> str:
    if leg.next_try_in_ms is not None and leg.next_try_in_ms > 0:
        return f"next in {duration(leg.next_try_in_ms)}"
    if leg.due_in_ms is not None and leg.due_in_ms > 0:
        return f"if nobody settles it, the sweep looks in {duration(leg.due_in_ms)}"
    if leg.due_in_ms is not None:
        return "the sweep takes it with its next round"
    return "nobody will look at it: it isn't in the due index (recoup audit)"


def told(state: str, history: Sequence[Decision]) -> str:
    """What the customer was told of his last checkout, as far as an order's history says.

    `state`: of the order, now. The gateway answers by what it decides itself; who decides in its
    place does so because it has gone, or had given up.
    """
    if not history:
        return (
            "paid; what was answered is forgotten"
            if state == "paid"
            else "nothing yet, or forgotten"
        )
    last = history[-1]
    if last.verdict == "commit":
        if last.by == GATEWAY:
            return "200, paid"
        return f"no answer, or 503: {last.by} committed it. Asking again answers 200, charged once"
    if last.by != GATEWAY:
        return f"no answer, or 503: {last.by} aborted it ({last.why}). Asking again is safe"
    if any(word in last.why for word in REFUSALS):
        return f"400, not paid: {last.why}"
    if any(word in last.why for word in CHANGES):
        return f"409, not paid: {last.why}"
    return f"503, ask again: {last.why}"
