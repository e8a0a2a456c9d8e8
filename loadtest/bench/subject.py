"""One instance that is measured: started, waited for until it is steady, and audited in the end."""

from __future__ import annotations

import math
import time

from loadtest.audit import audited
from loadtest.bench.meters import Meters
from loadtest.bench.shop import Shop
from loadtest.client import CannotTell
from loadtest.instance import Instance
from loadtest.interrupt import pause

READY_TIMES, READY_LIMIT_S = 3, 60.0
BETWEEN_S = 0.3

QUIET_CORES, QUIET_LIMIT_S = 0.15, 60.0
"""What an instance uses at most once everything in it has started."""

AUDIT_LIMIT_S = 600.0


class Subject:
    """An instance, its shop and its meters."""

    def __init__(
        self, name: str, instance: Instance, others: int, ahead: int, counts: bool
    ) -> None:
        """`others` and `ahead`: as in `Shop`. `counts`: its processes have metrics."""
        self.name, self.instance, self.counts = name, instance, counts
        self.shop = Shop(instance.url, others, ahead)
        self.per_s = 0.0
        """What it can do, as its warm-up has shown."""

    def start(self) -> None:
        """Starts it, fills its shop, and waits until it is steadily ready. Raises CannotTell."""
        self.instance.start({})
        self.meters = Meters(self.instance)
        self.shop.open()
        self.shop.take(0)
        give_up_s, times = time.monotonic() + READY_LIMIT_S, 0
        while times < READY_TIMES:
            down = self.instance.not_ready()
            times = 0 if down else times + 1
            if time.monotonic() > give_up_s:
                raise CannotTell(f"{self.name} isn't ready: {', '.join(down) or 'on and off'}")
            pause(BETWEEN_S)
        give_up_s, cores = time.monotonic() + QUIET_LIMIT_S, math.inf
        while cores > QUIET_CORES:
            if time.monotonic() > give_up_s:
                raise CannotTell(f"{self.name} is never quiet: it uses {cores:.2f} cores")
            cores = sum(self.idle_cores(1.0).values())

    def idle_cores(self, seconds: float) -> dict[str, float]:
        """What each process uses while nobody asks for anything."""
        before = self.meters.cpu_s()
        pause(seconds)
        after = self.meters.cpu_s()
        return {name: (used - before[name]) / seconds for name, used in after.items()}

    def wrong(self) -> list[str]:
        """What is wrong with it after all that was done to it, in words. Raises CannotTell."""
        audit = audited(self.instance, AUDIT_LIMIT_S)
        found = [f"{name} of {self.name!r} died" for name in self.meters.died()]
        if not audit["balanced"]:
            found.append(f"the books of {self.name!r} don't balance: {audit['unaccounted']}")
        return found

    def stop(self) -> None:
        """Stops it."""
        self.shop.close()
        self.instance.stop()
