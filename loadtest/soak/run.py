"""A run: load until the time is over, then a drain until every settled leg should be forgotten."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from loadtest.books import Verdict
from loadtest.client import CannotTell
from loadtest.instance import Instance
from loadtest.interrupt import pause
from loadtest.soak.load import Load
from loadtest.soak.measure import CHECKOUT, Measurements, Series
from loadtest.soak.trend import Trend

LEG_KEPT_S = 60
"""How long this instance remembers a settled leg: short, so that as many go as come."""

DRAIN_S = LEG_KEPT_S + 20.0
"""After as long without load, everything is settled and no leg is remembered."""

WARM_UP_PART, WARM_UP_LEAST_S = 0.3, LEG_KEPT_S + 15.0
"""What isn't judged: caches and pools fill, and the first legs are still remembered."""

EVERY_S = 4.0
PER_S = 40.0
"""A load that leaves a small machine room: this looks for what grows, not for what is fast."""

OWN_KEYS = 10
"""Keys that a store makes for itself when it is first used: a clock, an index."""

FILE = "soak.json"

console = Console(stderr=True, highlight=False)


@dataclass(slots=True)
class Result:
    """What a run has found."""

    began_s: float
    """From when on it is judged, by the run's own clock."""
    ended_s: float
    trends: dict[str, Trend]
    answers: dict[str, int]
    rounds: int
    unjudged: list[str] = field(default_factory=list)
    """Of what there were too few measurements: others used the machine."""
    left_keys: dict[str, int] = field(default_factory=dict)
    """Keys of a party that are too many after the drain: legs that nobody forgets."""
    died: list[str] = field(default_factory=list)
    """Processes that were started more than once."""

    def wrong(self) -> list[str]:
        """All that isn't as it should be, in words."""
        return [
            *(f"{name} grows" for name, trend in self.trends.items() if trend.grows),
            *(f"{party} keeps {count} legs" for party, count in self.left_keys.items()),
            *(f"{name} died" for name in self.died),
            *(
                f"{count} checkouts were answered {status}"
                for status, count in self.answers.items()
                if status != "200"
            ),
        ]

    def verdict(self) -> Verdict:
        """0 if nothing grows."""
        return Verdict.INCONSISTENT if self.wrong() else Verdict.CONSISTENT


def soak(instance: Instance, minutes: float) -> tuple[Result, dict[str, Series]]:
    """Loads an instance that is up, and judges it. Raises CannotTell if the time is too short."""
    load_s = minutes * 60 - DRAIN_S
    load = Load(instance.url, PER_S)
    load.prepare()
    measurements = Measurements(instance)
    before = measurements.keys()
    load.start()
    try:
        _watch(measurements, load_s, load.take_ms, "load")
    finally:
        load.stop()
    _watch(measurements, load_s + DRAIN_S, load.take_ms, "drain")
    began_s = max(WARM_UP_LEAST_S, WARM_UP_PART * load_s)
    trends = measurements.trends(began_s, load_s)
    unjudged = sorted(measurements.series.keys() - trends.keys())
    if not all(name.startswith(CHECKOUT) for name in unjudged):
        raise CannotTell(f"too few measurements of {', '.join(unjudged)}: give it more minutes")
    after = measurements.keys()
    left = {party: after[party] - before[party] for party in instance.settings.parties}
    result = Result(
        began_s=began_s,
        ended_s=load_s,
        trends=trends,
        answers=dict(load.answers),
        rounds=load.rounds,
        unjudged=unjudged,
        left_keys={party: count for party, count in left.items() if count > OWN_KEYS},
        died=[name for name, pids in measurements.pids.items() if len(pids) > 1],
    )
    return result, measurements.series


def _watch(
    measurements: Measurements, until_s: float, took_ms: Callable[[], list[float]], what: str
) -> None:
    """Measures every so often, until a time of the run."""
    due_s = measurements.now_s()
    with console.status(what) as status:
        while (now_s := measurements.now_s()) < until_s:
            if now_s >= due_s:
                measurements.take(took_ms())
                due_s += EVERY_S
                left_s = until_s - now_s
                status.update(f"{what} · {left_s // 60:.0f}:{left_s % 60:02.0f} left")
            pause(0.2)


def write(folder: Path, minutes: float, result: Result, series: dict[str, Series]) -> None:
    """Writes everything into a file."""
    report: dict[str, Any] = {
        "minutes": minutes,
        "cores": os.cpu_count(),
        "checkouts_per_s": PER_S,
        "leg_kept_s": LEG_KEPT_S,
        "verdict": int(result.verdict()),
        "wrong": result.wrong(),
        **asdict(result),
        "series": {name: asdict(each) for name, each in series.items()},
    }
    (folder / FILE).write_text(json.dumps(report, indent=1) + "\n")
