"""What a run shows while it goes on: one line that moves, and a line for each thing done."""

from __future__ import annotations

import time

from rich.console import Console

from loadtest.chaos.result import Result
from loadtest.chaos.timeline import Sample

NAMES_SHOWN = 2


class Board:
    """Progress, on standard error."""

    def __init__(self, lasts_s: float) -> None:
        """`lasts_s`: how long the run will take, as planned."""
        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("")
        self._end_s = time.monotonic() + lasts_s
        self._now = ""
        self._waits = ""
        self.broken: set[str] = set()

    def __enter__(self) -> Board:
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def say(self, what: str) -> None:
        """What goes on now."""
        self._now, self._waits = what, ""

    def waits_for(self, what: str) -> None:
        """What it waits for."""
        self._waits = what

    def show(self, sample: Sample) -> None:
        """How it goes."""
        left_s = max(0.0, self._end_s - time.monotonic())
        held = "?" if sample.held is None else sample.held
        parts = [
            self._now,
            f"broken: {named(sorted(self.broken))}",
            f"{sample.per_s():.0f} checkouts/s",
            f"{held} legs held",
            f"{left_s // 60:.0f}:{left_s % 60:02.0f} left",
        ]
        if self._waits and not self.broken:
            parts.append(f"waits for {self._waits}")
        self._status.update(" · ".join(parts))

    def done(self, result: Result) -> None:
        """One fault, or the storm, has passed."""
        self._waits = ""
        ready, converged = seconds(result.ready_s), seconds(result.converged_s)
        word = "[green]agrees[/]" if result.fine else "[bold red]WRONG[/]"
        self._console.print(
            f"{word}  {result.name}: {result.checkouts.total()} checkouts, "
            f"ready after {ready}, converged after {converged}"
            + ("" if result.served else ", nobody served"),
            soft_wrap=True,
        )
        for discrepancy in result.discrepancies[:10]:
            self._console.print(f"    {discrepancy}", soft_wrap=True)


def named(names: list[str]) -> str:
    """Some names, short enough for a line that moves."""
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return (", ".join(names[:NAMES_SHOWN]) or "nothing") + more


def seconds(value: float | None) -> str:
    """A time, or that it never came."""
    return "never" if value is None else f"{value:.1f} s"
