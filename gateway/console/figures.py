"""The last hour in figures: how many checkouts, how answered, how long they took. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.console.record import SLOT_S, Slot, added_up, quantile_s
from gateway.problems import CHECKOUT_UNDONE, CLOCK_SKEW, PROBLEM_TYPES

NOW_SLOTS = 6
"""What is called "now" is the last minute: fewer checkouts than a minute's give no 99th part."""

ROW_SLOTS = 30
"""Five minutes: twelve rows tell an hour."""

PAID, REFUSED, UNDONE, NOT_SERVED = "paid", "refused", "undone", "not served"
KINDS: Final = (PAID, REFUSED, UNDONE, NOT_SERVED)
"""How a checkout can be answered, in a word: paid, or paid before; refused (4xx) for good reason;
undone, since somebody didn't answer; not served at all (503, 500)."""


def kind_of(outcome: str) -> str:
    """The kind of an outcome, as `recoup_checkouts_total` names it."""
    if outcome in ("paid", "already-paid"):
        return PAID
    if outcome in (CHECKOUT_UNDONE.slug, CLOCK_SKEW.slug):
        return UNDONE
    problem = PROBLEM_TYPES.get(outcome)
    return REFUSED if problem and problem.status < 500 else NOT_SERVED


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted in some slots together."""

    at_s: int
    for_s: int
    kinds: dict[str, int]
    p50_ms: float | None
    p99_ms: float | None
    waiting: dict[str, int]
    """The most legs that waited past their deadline, by party that could be asked."""
    away: tuple[str, ...]
    """Stores that didn't answer somewhere in it."""

    @property
    def answered(self) -> int:
        """Checkouts that were answered, in any way."""
        return sum(self.kinds.values())

    @property
    def rate(self) -> float:
        """The same, a second."""
        return self.answered / self.for_s

    def part(self, kind: str) -> float | None:
        """Which part of the answers were of this kind; None without any."""
        return self.kinds[kind] / self.answered if self.answered else None


def figures(slots: Sequence[Slot]) -> Figures:
    """These slots, at least one, added up."""
    kinds = dict.fromkeys(KINDS, 0)
    for outcome, count in added_up(slot.outcomes for slot in slots).items():
        kinds[kind_of(outcome)] += count
    took = added_up(slot.took for slot in slots)
    waiting: Counter[str] = Counter()
    for slot in slots:
        waiting |= Counter(slot.waiting)
    return Figures(
        at_s=slots[0].at_s,
        for_s=SLOT_S * len(slots),
        kinds=kinds,
        p50_ms=_ms(quantile_s(took, 0.5)),
        p99_ms=_ms(quantile_s(took, 0.99)),
        waiting={party: waiting[party] for slot in slots for party in slot.waiting},
        away=tuple(sorted({store for slot in slots for store in slot.away})),
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


@dataclass(frozen=True, slots=True)
class Peak:
    """The most that a chart shows, and when; 0 if nothing."""

    most: float
    at_s: int


@dataclass(frozen=True, slots=True)
class Hour:
    """The last hour, as the overview shows it."""

    now: Figures
    rows: tuple[Figures, ...]
    """Five minutes each, the latest first."""
    charts: dict[str, dict[str, Any]]
    peaks: dict[str, Peak]
    """By chart."""
    away: tuple[str, ...]
    """Stores that didn't answer somewhere in it."""


def hour(slots: Sequence[Slot], parties: Sequence[str]) -> Hour:
    """All slots of an hour, told in all the ways that the overview needs."""
    each = [figures([slot]) for slot in slots]
    rates = {
        kind: [round(one.kinds[kind] / SLOT_S, 2) for one in each]
        for kind in KINDS
        if kind == PAID or any(one.kinds[kind] for one in each)
    }
    took = {
        "p50": [_rounded(one.p50_ms) for one in each],
        "p99": [_rounded(one.p99_ms) for one in each],
    }
    waiting = {party: [one.waiting.get(party) for one in each] for party in parties}
    common = {"x": [slot.at_s for slot in slots], "away": list(_spans(each))}
    return Hour(
        now=figures(slots[-NOW_SLOTS:]),
        rows=tuple(
            figures(slots[first : first + ROW_SLOTS])
            for first in reversed(range(0, len(slots), ROW_SLOTS))
        ),
        charts={
            "rate": common | {"unit": "/s", "series": _series(rates, KINDS)},
            # From a few ms to the deadline: on an even scale one outage would flatten the hour.
            "took": common | {"unit": " ms", "log": True, "series": _series(took, tuple(took))},
            "waiting": common | {"unit": "", "series": _series(waiting, parties)},
        },
        peaks={
            "rate": _peak((one.rate, one.at_s) for one in each),
            "took": _peak((one.p99_ms or 0.0, one.at_s) for one in each),
            "waiting": _peak((sum(one.waiting.values()), one.at_s) for one in each),
        },
        away=tuple(sorted({store for one in each for store in one.away})),
    )


def _peak(values: Iterable[tuple[float, int]]) -> Peak:
    """The largest; of equals the latest."""
    return Peak(*max(values))


def _series(lines: Mapping[str, list[Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """Lines of a chart, each in the colour that its name has on the page, whoever else is there."""
    return [
        {"name": name, "colour": names.index(name) + 1, "values": values}
        for name, values in lines.items()
    ]


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)


def _spans(each: Sequence[Figures]) -> Iterator[tuple[int, int]]:
    """From when to when some store was away, in s."""
    began: int | None = None
    for one in each:
        if one.away and began is None:
            began = one.at_s
        if not one.away and began is not None:
            yield began, one.at_s
            began = None
    if began is not None:
        yield began, each[-1].at_s + SLOT_S
