"""What the figures should be, and whether they are. Medians of one bench, on any machine: nearly
all are ratios."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from loadtest.bench.figures import Figures, Spread
from loadtest.bench.plan import (
    BARE,
    CHECKOUT,
    CROWD,
    FEW,
    HOT,
    MILLION,
    REFUSED_90,
)

QUIET, BUSY, FLOOD = 4, (64, 256), 5000


@dataclass(frozen=True, slots=True)
class Target:
    """One of them. `value` is None if it wasn't measured."""

    name: str
    value: float | None
    limit: float
    at_least: bool

    @property
    def reached(self) -> bool | None:
        """Whether it is; None: can't tell."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def targets(figures: Figures, idle_cores: float | None, million: int) -> list[Target]:
    """All of them. `million`: how many orders there were in place of a million."""
    return list(_targets(figures, idle_cores, million))


def _targets(figures: Figures, idle_cores: float | None, million: int) -> Iterator[Target]:
    def least(name: str, value: Spread | None, limit: float) -> Target:
        return Target(name, value.median if value else None, limit, at_least=True)

    def most(name: str, value: Spread | None, limit: float) -> Target:
        return Target(name, value.median if value else None, limit, at_least=False)

    bare, crowd = (BARE, CROWD), (CHECKOUT, CROWD)
    quiet, flood = (CHECKOUT, QUIET), (CHECKOUT, FLOOD)
    yield least(
        f"new checkouts a second at {CROWD}, of the bare route's",
        figures.ratio(crowd, bare, "per_s"),
        0.30,
    )
    yield Target(
        "settled after the last answer, s (the slowest of all loads)",
        max(_medians(figures, "settled_s"), default=None),
        2.0,
        at_least=False,
    )
    yield most(
        f"p50 at {QUIET}, of the bare route's",
        figures.ratio(quiet, (BARE, QUIET), "p50_ms"),
        10.0,
    )
    for number in BUSY:
        key = (CHECKOUT, number)
        yield most(
            f"p99 at {number}, of p50",
            figures.derived(key, lambda each: each["p99_ms"] / each["p50_ms"]),
            4.0,
        )
        yield most(
            f"p50 at {number}, of connections / throughput",
            figures.derived(key, lambda each, n=number: each["p50_ms"] / 1000 * each["per_s"] / n),  # type: ignore[misc]
            1.2,
        )
    failed = figures.of(flood, "failed")
    yield Target(
        f"connections refused, reset or timed out at {FLOOD:,} (the most in a round)",
        failed.most if failed else None,
        0.0,
        at_least=False,
    )
    yield least(
        f"new checkouts a second at {FLOOD:,}, of those at {CROWD}",
        figures.ratio(flood, crowd, "per_s"),
        0.8,
    )
    yield most(
        f"CPU of a checkout at {CROWD}, settled, of a bare request's",
        figures.ratio(crowd, bare, "cpu_ms"),
        4.0,
    )
    yield least(
        f"with {million:,} orders, of that with 1,000",
        figures.ratio((MILLION, CROWD), (FEW, CROWD), "per_s"),
        0.9,
    )
    yield least(
        "all on one hot item, of that spread over many",
        figures.ratio((HOT, CROWD), crowd, "per_s"),
        0.8,
    )
    yield least(
        "final answers with 90 % refused, of that with all accepted",
        figures.ratio((REFUSED_90, CROWD), crowd, "final_per_s"),
        0.8,
    )
    yield Target("cores used when idle, all processes", idle_cores, 0.05, at_least=False)


def _medians(figures: Figures, name: str) -> Iterable[float]:
    for key in figures.measured():
        if found := figures.of(key, name):
            yield found.median
