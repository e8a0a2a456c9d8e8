"""The metrics that docs/metrics.md promises: what rules use, and processes export."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from recoup.processes import ROOT

PAGE = ROOT / "docs" / "metrics.md"

ROW = re.compile(r"\| `(\w+)` \| (counter|gauge|histogram) \|([^|]*)\|([^|]*)\| .+ \|")


@dataclass(frozen=True, slots=True)
class Documented:
    """One line of the table."""

    name: str
    type: str
    labels: frozenset[str]
    told_by: frozenset[str]

    def series(self) -> dict[str, frozenset[str]]:
        """Each series by its name, and its labels."""
        if self.type != "histogram":
            return {self.name: self.labels}
        return {
            f"{self.name}_bucket": self.labels | {"le"},
            f"{self.name}_sum": self.labels,
            f"{self.name}_count": self.labels,
        }


def documented() -> list[Documented]:
    """The whole table."""
    return [
        Documented(name, kind, frozenset(re.findall(r"`(\w+)`", labels)), words(told_by))
        for name, kind, labels, told_by in ROW.findall(PAGE.read_text())
    ]


def words(cell: str) -> frozenset[str]:
    """The words in a cell, between commas."""
    return frozenset(cell.strip().split(", "))


def series(metrics: Iterable[Documented]) -> dict[str, frozenset[str]]:
    """All series of these metrics, and their labels."""
    return {name: labels for each in metrics for name, labels in each.series().items()}
