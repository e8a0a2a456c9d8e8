"""What became of one fault, or of a storm of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from loadtest.chaos.answers import Unaccounted

TARGET_S = 10.0
"""Within this time after everything is ready, nothing is to be held any more."""


@dataclass(slots=True)
class Result:
    """What one fault, or a storm of them, has done."""

    name: str
    checkouts: Counter[str] = field(default_factory=Counter)
    ready_s: float | None = None
    """From the end of the fault until every process did its work; None: never."""
    converged_s: float | None = None
    """From then until nothing was held; None: never."""
    served: bool = False
    """Checkouts were paid again once every process did its work."""
    held: int = 0
    """Legs held in the end."""
    unaccounted: Unaccounted = field(default_factory=Unaccounted)
    discrepancies: list[str] = field(default_factory=list)
    missed: int = 0
    """Faults that found nothing to break."""

    @property
    def fine(self) -> bool:
        """Everything is back and at work, nothing is held, and all agrees."""
        agrees = not self.unaccounted and not self.discrepancies
        return agrees and self.served and self.converged_s is not None
