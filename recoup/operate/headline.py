"""The first line of every page: is money wrong, does it grow, must someone act?

Pure. `RULES` is the table: the first that has something to say is the headline, the worst first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from recoup.operate import facts
from recoup.operate.overview import Overview
from recoup.operate.wording import count, duration

SWEEPS_MISSED = 10
"""A sweep that has missed so many of its turns has stopped; one that is only slow misses a few."""

SWEEP_LATE_LEAST_MS = 15_000
"""But not before this: a machine that was put to sleep, or a database that starts, is late once."""

LEASES_LATE = 3
"""A leg is settled within a sweep, a lease and a backoff after its deadline, once all answer. Past
this many leases and the longest backoff, something is wrong that nobody has said."""

CONTRADICTION = "contradiction"
"""How the reason of a leg begins that was settled against its verdict."""


class Level(StrEnum):
    """How much it matters."""

    FINE = "fine"
    WATCH = "watch"
    """Not as it should be; it heals by itself."""
    ACT = "act"
    """Somebody has to do something."""
    WRONG = "wrong"
    """Money, stock or orders are wrong."""


class Kind(StrEnum):
    """What is the matter: the anchor of the runbook's entry."""

    BOOKS_DIFFER = "books-differ"
    CONTRADICTION = "contradiction"
    STORE_UNREACHABLE = "store-unreachable"
    SWEEP_STOPPED = "sweep-stopped"
    NOT_DURABLE = "not-durable"
    GATEWAY_DOWN = "gateway-down"
    WAITING_TOO_LONG = "waiting-too-long"
    WAITING_GROWS = "waiting-grows"
    PARKED = "parked"
    WAITING = "waiting"
    NO_WORKERS = "no-workers"
    BROKER_DOWN = "broker-down"
    ALL_IS_WELL = "all-is-well"


@dataclass(frozen=True, slots=True)
class Headline:
    """One sentence about everything, and what to do."""

    kind: Kind
    level: Level
    sentence: str
    todo: str


Rule = Callable[[Overview, Overview | None], Headline | None]


def headline(now: Overview, earlier: Overview | None = None) -> Headline:
    """What matters most. `earlier`: an overview of some seconds ago, which shows what grows."""
    for rule in RULES:
        said = rule(now, earlier)
        if said:
            return said
    return Headline(
        Kind.ALL_IS_WELL,
        Level.FINE,
        "All is well: every store answers, nothing waits too long.",
        "Nothing to do.",
    )


# --- the rules, the worst first ------------------------------------------------------------


def _books_differ(now: Overview, _: Overview | None) -> Headline | None:
    wrong = {
        name: view.books.imbalance
        for name, view in facts.answering(now).items()
        if view.books and view.books.imbalance
    }
    if not wrong:
        return None
    where = ", ".join(f"{name} by {units:+,}" for name, units in wrong.items())
    return Headline(
        Kind.BOOKS_DIFFER,
        Level.WRONG,
        f"Money is wrong, stop and read: the books differ ({where}).",
        "Find out where: recoup audit. Correct nothing by hand before you know.",
    )


def _contradiction(now: Overview, _: Overview | None) -> Headline | None:
    legs = {
        name: sum(each.legs for each in view.parked if each.cause.startswith(CONTRADICTION))
        for name, view in facts.answering(now).items()
    }
    if not any(legs.values()):
        return None
    where = " and ".join(
        f"{count(number, 'leg')} of {name}" for name, number in legs.items() if number
    )
    return Headline(
        Kind.CONTRADICTION,
        Level.WRONG,
        f"Money may be wrong: {where} settled against the verdict.",
        "A database has lost what it acknowledged. See which: recoup pending --parked --cause "
        "contradiction; then recoup audit.",
    )


def _store_unreachable(now: Overview, _: Overview | None) -> Headline | None:
    if not now.stores_away:
        return None
    away = "; ".join(facts.away_since(now, name) for name in now.stores_away)
    waits = facts.waits(now)
    known = f" {waits[0].upper()}{waits[1:]}." if waits else ""
    until = " and ".join(now.stores_away)
    answer = "answers" if len(now.stores_away) == 1 else "answer"
    return Headline(
        Kind.STORE_UNREACHABLE,
        Level.ACT,
        f"{away[0].upper()}{away[1:]}.{known} No money is wrong.",
        f"Have it started again (its log says why it is away); what waits settles by itself when "
        f"{until} {answer}.",
    )


def _sweep_stopped(now: Overview, _: Overview | None) -> Headline | None:
    limit_ms = max(SWEEP_LATE_LEAST_MS, SWEEPS_MISSED * now.settings.sweep_interval_ms)
    stopped = {
        name: view.swept_ago_ms
        for name, view in facts.answering(now).items()
        if view.swept_ago_ms is not None and view.swept_ago_ms > limit_ms
    }
    if not stopped:
        return None
    where = ", ".join(f"{name} for {duration(ms)}" for name, ms in stopped.items())
    return Headline(
        Kind.SWEEP_STOPPED,
        Level.ACT,
        f"The sweep has stopped ({where}): what gets lost on its way isn't settled. "
        "No money is wrong.",
        f"Read its log, then start it again: {', '.join(stopped)}.",
    )


def _not_durable(now: Overview, _: Overview | None) -> Headline | None:
    names = [name for name, view in facts.answering(now).items() if not view.durable]
    if not names or not now.settings.durable:
        return None
    return Headline(
        Kind.NOT_DURABLE,
        Level.ACT,
        f"The database of {' and '.join(names)} may forget what it acknowledges when it is killed.",
        "Set appendfsync to always there: redis-cli config set appendfsync always.",
    )


def _gateway_down(now: Overview, _: Overview | None) -> Headline | None:
    if now.gateway.answers and now.gateway.view and now.gateway.view.ready:
        return None
    return Headline(
        Kind.GATEWAY_DOWN,
        Level.ACT,
        "The gateway doesn't answer, so nobody can check out. What had begun is settled without "
        "it. No money is wrong.",
        "Start it again; its log says why it is away.",
    )


def _waiting_too_long(now: Overview, _: Overview | None) -> Headline | None:
    settings = now.settings
    limit_ms = LEASES_LATE * settings.lease_ms + settings.backoff_max_ms
    if facts.oldest_overdue_ms(now) <= limit_ms:
        return None
    return Headline(
        Kind.WAITING_TOO_LONG,
        Level.ACT,
        f"Everyone answers, and yet {facts.waits(now)}. No money is wrong.",
        "See why: recoup pending --by cause.",
    )


def _waiting_grows(now: Overview, earlier: Overview | None) -> Headline | None:
    if not facts.growing(now, earlier) or earlier is None:
        return None
    more = facts.overdue(now) - facts.overdue(earlier)
    return Headline(
        Kind.WAITING_GROWS,
        Level.WATCH,
        f"Everyone answers, and yet what waits grows: {facts.waits(now)} ({more:+,} in "
        f"{duration((now.at_s - earlier.at_s) * 1000)}). No money is wrong.",
        "Watch it; if it goes on, see why: recoup pending --by cause.",
    )


def _parked(now: Overview, _: Overview | None) -> Headline | None:
    parked = {name: view for name, view in facts.answering(now).items() if view.legs_parked}
    if not parked:
        return None
    where = "; ".join(
        f"{count(view.legs_parked, 'leg')} of {name} parked"
        + (f" ({', '.join(each.cause for each in view.parked)})" if view.parked else "")
        for name, view in parked.items()
    )
    return Headline(
        Kind.PARKED,
        Level.ACT,
        f"{where}: that doesn't heal by itself. No money is wrong.",
        "See which: recoup pending --parked; what each means: recoup audit. Mend the record, then "
        "recoup retry.",
    )


def _waiting(now: Overview, _: Overview | None) -> Headline | None:
    waits = facts.waits(now)
    if not waits:
        return None
    return Headline(
        Kind.WAITING,
        Level.WATCH,
        f"{waits[0].upper()}{waits[1:]}. No money is wrong.",
        "Nothing to do: everyone answers, so it settles by itself within seconds.",
    )


def _broker_down(now: Overview, _: Overview | None) -> Headline | None:
    if now.broker.answers:
        return None
    return Headline(
        Kind.BROKER_DOWN,
        Level.WATCH,
        "The broker doesn't answer. Checkouts go on, and the sweeps settle what is due.",
        "Start it again when you can; nothing is lost meanwhile.",
    )


def _no_workers(now: Overview, _: Overview | None) -> Headline | None:
    wanted = [f"{name}-worker" for name in now.parties]
    missing = [name for name in wanted if now.broker.view and name not in now.broker.view.workers]
    if not missing:
        return None
    return Headline(
        Kind.NO_WORKERS,
        Level.WATCH,
        f"{' and '.join(missing)} can't be seen at work. Checkouts go on, and the sweeps settle "
        "what is due.",
        "Start them again when you can; nothing is lost meanwhile.",
    )


RULES: Sequence[Rule] = (
    _books_differ,
    _contradiction,
    _store_unreachable,
    _sweep_stopped,
    _not_durable,
    _gateway_down,
    _waiting_too_long,
    _parked,
    _waiting_grows,
    _broker_down,
    _no_workers,
    _waiting,
)
