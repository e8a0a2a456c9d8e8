"""How the console's templates write numbers, times and names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint

from gateway.console.figures import Hour
from recoup import pages as addresses
from recoup.bounds import is_tid
from recoup.operate.records import ITEMS, NOUNS, USED, USERS, Attempt, Leg
from recoup.operate.waiting import Cause
from recoup.operate.wording import brief, clock, count, duration
from recoup.settings import Settings

NONE = "\N{EN DASH}"
BOOKS = {ITEMS: "stock", USERS: "money"}
UNIT = {ITEMS: "piece", USERS: "credit"}
UNITS = {ITEMS: "pieces", USERS: "credits"}


def register(pages: Blueprint, settings: Settings) -> None:
    """Gives the templates their filters."""
    for name, function in {**FILTERS, "flower": flower(settings)}.items():
        pages.add_app_template_filter(function, name)
    pages.add_app_template_test(never_begun, "never_begun")


def number(of: int) -> str:
    """A whole number, with a sign that is one."""
    return f"{of:,}".replace("-", "\N{MINUS SIGN}")


def rate(of: float) -> str:
    """How many in a second: with a decimal while they are few."""
    return f"{of:,.0f}" if of >= 10 or not of else f"{of:.1f}"


def percent(part: float | None) -> str:
    """A part of 1. What isn't nothing is never written as 0, and what isn't all never as 100."""
    if part is None:
        return NONE
    if 0 < part < 0.01 or 0.99 < part < 1:
        return f"{'<' if part < 0.01 else '>'} {1 if part < 0.01 else 99} %"
    return f"{part:.0%}".replace("%", " %")


def ms(of: float | None) -> str:
    """How long a checkout took."""
    if of is None:
        return NONE
    return f"{of:.0f} ms" if of < 1_000 else f"{of / 1000:.1f} s"


def moment(at_s: float) -> str:
    """A moment, as the clock on the wall shows it."""
    return clock(at_s * 1000)


def moment_ms(at_s: float) -> str:
    """The same to the millisecond, where it matters what came first."""
    return f"{clock(at_s * 1000)}.{int(at_s * 1000) % 1000:03d}"


def next_try(leg: Leg) -> str:
    """When somebody tries again."""
    if leg.parked:
        return "parked"
    for in_ms in (leg.next_try_in_ms, leg.due_in_ms):
        if in_ms is not None and in_ms > 0:
            return f"in {duration(in_ms)}"
    return "next sweep" if leg.due_in_ms is not None else NONE


def tries(cause: Cause) -> str:
    """How often legs were tried, from and to."""
    least, most = cause.tries_least, cause.tries_most
    return number(most) if least == most else f"{number(least)}{NONE}{number(most)}"


def never_begun(attempt: Attempt) -> bool:
    """It is what a checkout would try next; nobody has."""
    return attempt.verdict == "undecided" and all(leg.state == "none" for leg in attempt.legs)


TREND_WORDS: dict[str, Callable[[float], str]] = {
    "rate": rate,
    "took": ms,
    "waiting": lambda legs: number(int(legs)),
}


def trend(hour: Hour, chart: str) -> str:
    """What a chart shows, in words: the most there was, and who was away."""
    peak = hour.peaks[chart]
    said = f"at most {TREND_WORDS[chart](peak.most)}, at {moment(peak.at_s)}"
    said = said if peak.most else "none"
    return (
        f"{said}; {' and '.join(hour.away)} unreachable for a while (shaded)" if hour.away else said
    )


def flower(settings: Settings) -> Callable[[Leg], str]:
    """Where Flower shows the task that tries a leg."""
    return lambda leg: addresses.compensation(settings, leg.tid, leg.party)


def with_(query: dict[str, Any], **others: Any) -> dict[str, Any]:
    """A query with some of it replaced."""
    return query | others


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number,
    "rate": rate,
    "percent": percent,
    "ms": ms,
    "moment": moment,
    "moment_ms": moment_ms,
    "duration": duration,
    "brief": brief,
    "count": count,
    "next_try": next_try,
    "trend": trend,
    "tries": tries,
    "is_tid": is_tid,
    "with": with_,
    "book": lambda party: BOOKS.get(party, party),
    "units": lambda party: UNITS.get(party, "units"),
    "unit": lambda party: UNIT.get(party, "unit"),
    "noun": lambda party: NOUNS.get(party, "account"),
    "used": lambda party: USED.get(party, "used"),
}
