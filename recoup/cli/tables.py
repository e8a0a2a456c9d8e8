"""Overviews and legs, as tables for people and as documents for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from recoup.operate.facts import summary
from recoup.operate.headline import Headline, Level
from recoup.operate.overview import Overview, PartyView, Seen
from recoup.operate.records import Action, Leg
from recoup.operate.waiting import Waiting
from recoup.operate.wording import brief, clock, count

MARKS = {Level.FINE: "", Level.WATCH: "", Level.ACT: "! ", Level.WRONG: "!! "}
"""What a headline begins with, so that it shows without colours too."""

KINDS = {False: "wait", True: "parked"}

NOTHING = "-"
"""What isn't known, or doesn't apply. Never 0."""


def plain(*columns: str) -> Table:
    """A table of words, which programs can read too."""
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


# --- status ------------------------------------------------------------------------------------


def overview(now: Overview) -> Table:
    """A row for everyone: whether he answers, and what he says."""
    table = plain("WHO", "STATE", "HELD", "OVERDUE", "PARKED", "UNITS HELD", "SWEPT", "AS OF")
    for name, party in now.parties.items():
        table.add_row(name, _state(party, _durability(party.view)), *_figures(party), _as_of(party))
    blank = [""] * 5
    table.add_row("orders", _state(now.orders, "ok"), *blank, _as_of(now.orders))
    gateway = now.gateway.view
    ready = "ok" if gateway and not gateway.problems else "ready, not all ok"
    said = ready if gateway and gateway.ready else "not ready"
    table.add_row("gateway", _state(now.gateway, said), *blank, _as_of(now.gateway))
    broker = now.broker.view
    said = f"ok, {count(sum(broker.queued.values()), 'message')}" if broker else ""
    table.add_row("broker", _state(now.broker, said), *blank, _as_of(now.broker))
    at_work = broker.workers if broker and now.broker.answers else ()
    for name in now.parties:
        worker = f"{name}-worker"
        word = "ok" if worker in at_work else "unseen" if now.broker.answers else "not known"
        table.add_row(worker, word, *blank, _as_of(now.broker))
    return table


def _state(seen: Seen[Any], word: str) -> str:
    return word if seen.answers else "unreachable"


def _durability(view: PartyView | None) -> str:
    return "ok, durable" if view and view.durable else "ok, NOT durable"


def _figures(party: Seen[PartyView]) -> list[str]:
    view = party.view
    if view is None:
        return [NOTHING] * 5
    held = f"{view.books.held:,}" if view.books else NOTHING
    known = party.answers and view.swept_ago_ms is not None
    swept = f"{brief(view.swept_ago_ms or 0)} ago" if known else NOTHING
    return [f"{view.legs_due:,}", f"{view.legs_overdue:,}", f"{view.legs_parked:,}", held, swept]


def _as_of(seen: Seen[Any]) -> str:
    return clock(seen.at_s * 1000) if seen.at_s else "never"


def overview_document(now: Overview, found: Headline) -> dict[str, Any]:
    """Everything that `recoup status` says."""
    others: dict[str, Seen[Any]] = {"orders": now.orders, "gateway": now.gateway}
    others["broker"] = now.broker
    return {
        **asdict(found),
        "summary": summary(now),
        "as_of_s": now.at_s,
        "parties": {name: _seen(seen) for name, seen in now.parties.items()},
        **{name: _seen(seen) for name, seen in others.items()},
    }


def _seen(seen: Seen[Any]) -> dict[str, Any]:
    document = {"answers": seen.answers, **asdict(seen)}
    if isinstance(seen.view, PartyView):
        books = seen.view.books
        document["view"]["swept_ago_ms"] = seen.view.swept_ago_ms
        document["view"]["imbalance"] = books.imbalance if books else None
    return document


# --- pending -----------------------------------------------------------------------------------


def legs(found: Iterable[Leg]) -> Table:
    """A row for each leg."""
    table = plain("PARTY", "TID", "UNITS", "HELD FOR", "TRIES", "NEXT TRY", "WHY")
    for leg in found:
        row = (leg.party, leg.tid, f"{leg.units:,}", brief(leg.held_for_ms), str(leg.tries))
        table.add_row(*row, _next(leg), leg.why)
    return table


def causes(found: Waiting) -> Table:
    """A row for each cause: 209 legs of one cause are one row."""
    table = plain("CAUSE", "PARTY", "LEGS", "UNITS", "OLDEST", "TRIES", "NEXT TRY")
    for each in found.causes:
        tries = sorted({each.tries_least, each.tries_most})
        soon = "parked" if each.parked else _within(each.next_try_in_ms)
        row = (each.why, each.party, f"{each.legs:,}", f"{each.units:,}", brief(each.held_for_ms))
        table.add_row(*row, "-".join(map(str, tries)), soon)
    return table


def parties(found: Waiting) -> Table:
    """A row for each party."""
    table = plain("PARTY", "WAITING", "PARKED", "UNITS", "OLDEST")
    for party, kinds in found.counts.items():
        of_party = [each for each in found.causes if each.party == party]
        oldest_ms = max((each.held_for_ms for each in of_party), default=0)
        counted = [f"{kinds[p].matched:,}" if p in kinds else NOTHING for p in (False, True)]
        units = f"{sum(each.units for each in of_party):,}"
        table.add_row(party, *counted, units, brief(oldest_ms) if of_party else NOTHING)
    return table


def totals(found: Waiting) -> list[str]:
    """A line for each party: how many there are in all, and what wasn't seen of them."""
    lines = []
    for party, kinds in found.counts.items():
        words = [f"{each.total:,} {KINDS[parked]}" for parked, each in kinds.items()]
        unseen = sum(each.total - each.looked_at for each in kinds.values())
        more = sum(each.matched for each in kinds.values())
        more -= sum(leg.party == party for leg in found.legs)
        words += [f"{more:,} more fit than are listed"] if more > 0 else []
        words += [f"{unseen:,} were not looked at"] if unseen > 0 else []
        lines.append(f"{party}: {', '.join(words)}")
    return lines


def _next(leg: Leg) -> str:
    if leg.parked:
        return "parked"
    if leg.next_try_in_ms is not None and leg.next_try_in_ms > 0:
        return brief(leg.next_try_in_ms)
    return "now" if leg.overdue else brief(leg.due_in_ms or 0)


def _within(next_try_in_ms: int | None) -> str:
    if next_try_in_ms is None:
        return NOTHING
    return f"<= {brief(next_try_in_ms)}" if next_try_in_ms > 0 else "now"


def pending_document(found: Waiting) -> dict[str, Any]:
    """Everything that `recoup pending` says."""
    return {
        "as_of_s": found.at_s,
        "legs": [{**asdict(leg), "why": leg.why, "overdue": leg.overdue} for leg in found.legs],
        "causes": [{**asdict(each), "why": each.why} for each in found.causes],
        "totals": {
            party: {"parked" if parked else "held": each.total for parked, each in kinds.items()}
            for party, kinds in found.counts.items()
        },
        "matched": found.matched,
        "all_seen": found.all_seen,
        "away": list(found.away),
    }


# --- log ---------------------------------------------------------------------------------------


def actions(done: Sequence[Action]) -> Table:
    """A row for each entry of the actions log."""
    table = plain("WHEN", "WHO", "VERB", "TARGET", "LEGS", "REASON", "RESULT")
    for each in done:
        row = (clock(each.at_ms), each.who, each.verb, each.target, f"{each.count:,}")
        table.add_row(*row, each.reason or NOTHING, each.result)
    return table
