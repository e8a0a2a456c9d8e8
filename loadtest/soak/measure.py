"""What is measured: memory of each process, keys of each database, how long checkouts take."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field

import psutil

from loadtest.instance import Instance
from loadtest.soak.trend import Tolerance, Trend, percentile, trend

MB = 1024 * 1024

STORES = ("orders", "stock", "payment", "broker")

MEMORY = Tolerance(part=0.03, least=2.0)
"""MB. Allocators take memory in steps of this size and give it back when they like."""

KEYS = Tolerance(part=0.05, least=100)
"""Legs live for a minute; how many there are follows the load, which stutters a little."""

MEDIAN = Tolerance(part=0.25, least=3.0)
SLOWEST = Tolerance(part=0.75, least=30.0)
"""ms. A machine that does other things too moves these; a leak that slows each checkout down would
move them more, sooner or later."""


@dataclass(slots=True)
class Series:
    """One thing measured again and again, each time with when."""

    unit: str
    tolerance: Tolerance
    times_s: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, at_s: float, value: float) -> None:
        """One more measurement."""
        self.times_s.append(round(at_s, 2))
        self.values.append(round(value, 3))

    def trend(self, from_s: float, to_s: float) -> Trend:
        """How it went between two times. Raises ValueError if there are too few points to tell."""
        within = [
            (at_s, value)
            for at_s, value in zip(self.times_s, self.values, strict=True)
            if from_s <= at_s <= to_s
        ]
        return trend([at_s for at_s, _ in within], [value for _, value in within], self.tolerance)


class Measurements:
    """All series of a run, by name."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._databases = {store: instance.database(store) for store in STORES}
        self._began_s = time.monotonic()
        self.pids: dict[str, set[int]] = {}
        """Every id that a process has had: more than one means that it has died."""
        self.series: dict[str, Series] = {}

    def now_s(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began_s

    def keys(self) -> dict[str, int]:
        """How many keys each database has."""
        return {store: int(client.dbsize()) for store, client in self._databases.items()}

    def take(self, took_ms: list[float]) -> None:
        """Measures everything once; `took_ms`: what checkouts took since the last time."""
        at_s = self.now_s()
        for name, state in self._instance.supervisor.states().items():
            self.pids.setdefault(name, set()).add(state.pid)
            self._add(f"{name} memory", "MB", MEMORY, at_s, memory_bytes(state.pid) / MB)
        for store, count in self.keys().items():
            name = store if store == "broker" else f"{store}-db"
            self._add(f"{name} keys", "keys", KEYS, at_s, count)
        if took_ms:
            self._add("checkout median", "ms", MEDIAN, at_s, percentile(took_ms, 0.5))
            self._add("checkout p99", "ms", SLOWEST, at_s, percentile(took_ms, 0.99))

    def _add(self, name: str, unit: str, tolerance: Tolerance, at_s: float, value: float) -> None:
        self.series.setdefault(name, Series(unit, tolerance)).add(at_s, value)

    def trends(self, from_s: float, to_s: float) -> dict[str, Trend]:
        """How each series went between two times. Raises ValueError."""
        return {name: series.trend(from_s, to_s) for name, series in self.series.items()}


def memory_bytes(pid: int) -> int:
    """What a process and its children have in memory."""
    total = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += each.memory_info().rss
    return total
