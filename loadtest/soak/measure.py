"""What is measured: memory of each process, keys of each database, how long checkouts take."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import psutil

from loadtest.instance import Instance
from loadtest.soak.trend import Tolerance, Trend, percentile, trend

MB = 1024 * 1024

CHECKOUT = "checkout"
"""Begins the names of what is measured of checkouts."""

MEMORY = Tolerance(part=0.03, least=2.0)
"""MB. Allocators take memory in steps of this size and give it back when they like."""

KEYS = Tolerance(part=0.05, least=100)
"""Legs live for a minute; how many there are follows the load, which stutters a little."""

OTHERS = "cores used by others"
ANY = Tolerance(part=0.0, least=float("inf"))

OTHERS_MOST = 0.25
"""Cores. While others use more, how long a checkout takes says nothing about this system."""

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
        stores = ("orders", *instance.settings.parties, "broker")
        self._databases = {store: instance.database(store) for store in stores}
        self._began_s = time.monotonic()
        self.pids: dict[str, set[int]] = {}
        """Every id that a process has had: more than one means that it has died."""
        self.series: dict[str, Series] = {}
        self._cpu = Cpu()

    def now_s(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began_s

    def keys(self) -> dict[str, int]:
        """How many keys each database has."""
        return {store: int(client.dbsize()) for store, client in self._databases.items()}

    def take(self, took_ms: list[float]) -> None:
        """Measures everything once; `took_ms`: what checkouts took since the last time."""
        at_s = self.now_s()
        states = self._instance.supervisor.states()
        others = self._cpu.others([state.pid for state in states.values()])
        self._add(OTHERS, "cores", ANY, at_s, others)
        for name, state in states.items():
            self.pids.setdefault(name, set()).add(state.pid)
            self._add(f"{name} memory", "MB", MEMORY, at_s, memory_bytes(state.pid) / MB)
        for store, count in self.keys().items():
            name = store if store == "broker" else f"{store}-db"
            self._add(f"{name} keys", "keys", KEYS, at_s, count)
        if took_ms and others <= OTHERS_MOST:
            self._add(f"{CHECKOUT} median", "ms", MEDIAN, at_s, percentile(took_ms, 0.5))
            self._add(f"{CHECKOUT} p99", "ms", SLOWEST, at_s, percentile(took_ms, 0.99))

    def _add(self, name: str, unit: str, tolerance: Tolerance, at_s: float, value: float) -> None:
        self.series.setdefault(name, Series(unit, tolerance)).add(at_s, value)

    def trends(self, from_s: float, to_s: float) -> dict[str, Trend]:
        """How each series went between two times, but for those of which there are too few points
        to tell."""
        trends = {}
        for name, series in self.series.items():
            with contextlib.suppress(ValueError):
                trends[name] = series.trend(from_s, to_s)
        return trends


class Cpu:
    """Who uses this machine's cores: this run, or others."""

    def __init__(self) -> None:
        self._last = time.monotonic(), busy_s(), 0.0

    def others(self, pids: Iterable[int]) -> float:
        """How many cores others have used since the last call. `pids`: what belongs to the run,
        beside this process, with all children."""
        now = time.monotonic(), busy_s(), sum(map(used_s, {*pids, os.getpid()}))
        took_s, busy, own = (after - before for after, before in zip(now, self._last, strict=True))
        first, self._last = not self._last[2], now
        return 0.0 if first or took_s <= 0 else max(0.0, busy - own) / took_s


def busy_s() -> float:
    """The time that all cores together have worked for anybody."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


def used_s(pid: int) -> float:
    """The time that a process and its children have had a core."""
    total = 0.0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=pid != os.getpid())):
            with contextlib.suppress(psutil.Error):
                times = each.cpu_times()
                total += times.user + times.system
    return total


def memory_bytes(pid: int) -> int:
    """What a process and its children have in memory."""
    total = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += each.memory_info().rss
    return total
