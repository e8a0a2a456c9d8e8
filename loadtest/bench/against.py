"""This bench beside an earlier one: how often today's figure has the old one's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

SHOWN = ("per_s", "final_per_s", "p50_ms", "p99_ms", "cpu_ms", "settled_s", "redis", "grpc_calls")
SHOWN_OF_BARE = ("per_s of bare", "cpu_ms of bare")
"""The figures that the table shows; the file has all of them."""

MORE_IS_BETTER = ("per_s",)


@dataclass(frozen=True, slots=True)
class Change:
    """One figure, then and now. `apart`: the rounds of the two don't overlap."""

    name: str
    old: float
    new: float
    apart: bool

    @property
    def ratio(self) -> float | None:
        """The old one in the new one; None if the old one is nothing."""
        return self.new / self.old if self.old else None

    @property
    def better(self) -> bool | None:
        """Whether it is better; None: no more than chance."""
        if not self.apart or self.old == self.new:
            return None
        number = self.name.rpartition(": ")[2].removesuffix(" of bare")
        return (self.new > self.old) == number.endswith(MORE_IS_BETTER)


def read(path: Path) -> dict[str, Any]:
    """An earlier bench's file. Raises ValueError if it is none, or no result."""
    try:
        report = json.loads(path.read_text())
        kinds = {"figures": dict, "machine": dict, "plan": dict, "balanced": bool}
        if not all(isinstance(report[name], kind) for name, kind in kinds.items()):
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not what a bench has written: {error!r}") from error
    if not report["balanced"]:
        raise ValueError(f"{path} is no result to compare with: its books didn't balance")
    return dict(report)


def doubts(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Why the two may not be comparable, in words."""
    for what, part in (("on another machine", "machine"), ("by another plan", "plan")):
        names = {*old[part], *new[part]}
        differs = sorted(name for name in names if old[part].get(name) != new[part].get(name))
        if differs:
            yield f"the earlier bench ran {what}: {', '.join(differs)} differ"


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Of all figures that both have, in the order of the new ones."""
    return list(_changes(old["figures"], new["figures"]))


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name, now in new.items():
        if then := old.get(name):
            apart = now["least"] > then["most"] or now["most"] < then["least"]
            yield Change(name, then["median"], now["median"], apart)


def table(found: list[Change]) -> Table:
    """Those that matter most, with their ratio; coloured where it isn't chance."""
    shown = Table("", "old", "new", "new / old", title="Against the earlier bench")
    for column in shown.columns[1:]:
        column.justify = "right"
    for change in found:
        if change.name.rpartition(": ")[2] not in SHOWN + SHOWN_OF_BARE:
            continue
        shown.add_row(
            change.name,
            f"{change.old:,.2f}",
            f"{change.new:,.2f}",
            "" if change.ratio is None else f"{change.ratio:.2f}",
            style={True: "green", False: "red", None: ""}[change.better],
        )
    shown.caption = "coloured: the rounds of the two don't overlap"
    return shown
