"""What was answered, what was held and what was broken, second by second."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

INTERVAL_S = 0.5


@dataclass(frozen=True, slots=True)
class Sample:
    """One interval's answers to checkouts, by kind, and the legs held at its end (None: a store
    didn't answer). Times are from the beginning of the run."""

    at_s: float
    answers: dict[str, int]
    held: int | None

    def per_s(self) -> float:
        """How many answers there were in a second."""
        return sum(self.answers.values()) / INTERVAL_S


@dataclass(slots=True)
class Span:
    """Something that went on from one time to another: a fault, a phase."""

    name: str
    began_s: float
    ended_s: float = 0.0
    missed: str = ""
    """Why nothing was broken; empty: it was."""


@dataclass(slots=True)
class Timeline:
    """All samples and spans of a run."""

    samples: list[Sample] = field(default_factory=list)
    faults: list[Span] = field(default_factory=list)
    phases: list[Span] = field(default_factory=list)

    def within(self, phase: Span) -> Timeline:
        """What happened in a phase."""
        return Timeline(
            [each for each in self.samples if phase.began_s <= each.at_s <= phase.ended_s],
            [each for each in self.faults if phase.began_s <= each.began_s <= phase.ended_s],
            [phase],
        )

    def as_json(self) -> dict[str, Any]:
        """All of it, plain."""
        return asdict(self)


class Sampler:
    """Fills a timeline, in a thread of its own, until it is stopped."""

    def __init__(
        self,
        timeline: Timeline,
        answers: Callable[[], Counter[str]],
        held: Callable[[], int | None],
        show: Callable[[Sample], None],
    ) -> None:
        """`answers` counts all so far; `show` is told each sample."""
        self._timeline = timeline
        self._answers, self._held, self._show = answers, held, show
        self._began_s = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def now_s(self) -> float:
        """Since the beginning of the run."""
        return time.monotonic() - self._began_s

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        before, due_s = self._answers(), time.monotonic()
        while not self._stopping.wait(max(0.0, due_s - time.monotonic())):
            due_s = max(due_s + INTERVAL_S, time.monotonic())
            counted, held = self._answers(), self._held()
            sample = Sample(round(self.now_s(), 2), dict(counted - before), held)
            before = counted
            self._timeline.samples.append(sample)
            self._show(sample)
