"""Which faults, in which order, and when: drawn from a seed alone, so that it can be had again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.chaos.faults import Fault

SINGLES_PART, STORM_PART = 0.66, 0.31
"""Of the whole time. The rest is for starting, and for what is left after the storm."""

SINGLES_LEAST = 3
"""So many are had alone, however slow the machine is."""

GAP_S = 3.0
"""Between two faults of a storm, on average: as long as a process takes to be back, so that
several are open at most times."""

PAIR_PART = 0.25
"""So many faults of a storm come with another one at the same moment."""

RECOVERS_S = 3.0
"""As long after its end a target isn't broken again: there would be nothing there to break."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault to come; `at_s` from the beginning of the storm."""

    fault: Fault
    at_s: float = 0.0

    @property
    def end_s(self) -> float:
        """When its targets may be broken again."""
        return self.at_s + self.fault.lasts_s + RECOVERS_S


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run will do: kinds of fault alone, for as long as `singles_s` (each takes
    its time, so a slow machine has fewer of them); then a storm of `storm_s`."""

    seed: int
    singles: tuple[Fault, ...]
    singles_s: float
    storm: tuple[Planned, ...]
    storm_s: float


def plan(seed: int, minutes: float, faults: Sequence[Fault]) -> Plan:
    """Draws a plan: an order of all kinds, a database first, and last those that are like another
    one; and a storm."""
    draw = random.Random(seed)
    order = sorted(faults, key=lambda fault: fault.name)
    draw.shuffle(order)
    first = next(filter(_breaks_store, order), order[0])
    order.sort(key=lambda fault: (fault != first, not fault.first))
    storm_s = minutes * 60 * STORM_PART
    storm = _storm(draw, storm_s, [fault for fault in order if fault.storms])
    return Plan(seed, tuple(order), minutes * 60 * SINGLES_PART, storm, storm_s)


def _breaks_store(fault: Fault) -> bool:
    return any(target.endswith("-db") and "->" not in target for target in fault.targets)


def _storm(draw: random.Random, storm_s: float, faults: Sequence[Fault]) -> tuple[Planned, ...]:
    """Faults at random times, some in pairs; none on a target that is broken at that time, and
    all over when the storm is."""
    times = [draw.uniform(0, storm_s) for _ in range(round(storm_s / GAP_S))]
    times += [time for time in times if draw.random() < PAIR_PART]
    planned: list[Planned] = []
    for at_s in sorted(times):
        broken = {target for each in planned if each.end_s > at_s for target in each.fault.targets}
        free = [
            fault
            for fault in faults
            if fault.targets.isdisjoint(broken) and at_s + fault.lasts_s < storm_s
        ]
        if free:
            planned.append(Planned(draw.choice(free), at_s))
    return tuple(planned)
