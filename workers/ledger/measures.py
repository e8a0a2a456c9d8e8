"""What is worth watching of a party, at one instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MEASURED_LEGS = 2_000
"""Legs that one measurement looks at: about 2 ms, in which others wait, and more than are held
unless many wait anyway."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums over all accounts of a party."""

    put_in: int
    available: int
    held: int
    used: int

    @property
    def imbalance(self) -> int:
        """Always 0: each script that moves something writes both sides."""
        return self.put_in - self.available - self.held - self.used


@dataclass(frozen=True, slots=True)
class Measures:
    """How a party stands."""

    legs_due: int
    """Held legs that aren't parked, whenever they are due."""
    legs_parked: int
    legs_overdue: int
    """Those past their deadline; of no more legs than MEASURED_LEGS, so it may be more."""
    oldest_overdue_ms: int
    totals: Totals | None
    """None: not known, since nothing was put in yet, or the accounts are older than the totals."""
    parked_for: Mapping[str, int]
    """Why legs are parked, and how many of the MEASURED_LEGS that have been for longest."""
    clock_ms: int


def measures(answer: Sequence[str | int]) -> Measures:
    """What measure.lua tells."""
    clock_ms, due, parked, overdue, oldest_ms, *rest = answer
    totals, reasons = rest[:4], rest[4:]
    return Measures(
        int(due),
        int(parked),
        int(overdue),
        int(oldest_ms),
        Totals(*map(int, totals)) if totals[0] else None,
        {str(why): int(n) for why, n in zip(reasons[::2], reasons[1::2], strict=True)},
        int(clock_ms),
    )
