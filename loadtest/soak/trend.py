"""Whether a series of measurements grows: pure mathematics.

The slope is Theil and Sen's: the median of the slopes between all pairs of points, which a few
spikes don't move. Whether there is one at all is Mann and Kendall's test: how many more pairs rise
than fall, in standard deviations of what chance would give. A series grows if both say so: it rises
by more than what is tolerated, and not by chance.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

BY_CHANCE = 2.33
"""Standard deviations: one flat series in a hundred looks so by chance."""

POINTS_LEAST = 12
"""With fewer nothing can be told."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much a series may rise while it is watched: a part of its level, but at least so much.
    Below that nothing can be told from what the machine does by itself."""

    part: float
    least: float

    def of(self, level: float) -> float:
        """In the series' own units."""
        return max(self.part * level, self.least)


@dataclass(frozen=True, slots=True)
class Trend:
    """How a series went: its median, its rise from the first point to the last, what was
    tolerated, and whether it grows. `per_h`: the rise in an hour."""

    level: float
    rise: float
    tolerated: float
    per_h: float
    z: float
    grows: bool


def slope(times_s: Sequence[float], values: Sequence[float]) -> float:
    """By how much the values rise in a second."""
    pairs = itertools.combinations(zip(times_s, values, strict=True), 2)
    return statistics.median((v2 - v1) / (t2 - t1) for (t1, v1), (t2, v2) in pairs if t2 != t1)


def trend_z(values: Sequence[float]) -> float:
    """How far from chance the values rise (or fall, below zero), in standard deviations."""
    rises = sum((b > a) - (b < a) for a, b in itertools.combinations(values, 2))
    variance = _variance(len(values)) - sum(
        _variance(len(list(equal))) for _, equal in itertools.groupby(sorted(values))
    )
    if not rises or variance <= 0:
        return 0.0
    return (rises - math.copysign(1, rises)) / math.sqrt(variance)


def _variance(count: int) -> float:
    return count * (count - 1) * (2 * count + 5) / 18


def trend(times_s: Sequence[float], values: Sequence[float], tolerance: Tolerance) -> Trend:
    """How a series went. Raises ValueError if there are too few points to tell."""
    if len(values) < POINTS_LEAST:
        raise ValueError(f"{len(values)} points are too few to tell; {POINTS_LEAST} are needed")
    level, per_s, z = statistics.median(values), slope(times_s, values), trend_z(values)
    rise = per_s * (times_s[-1] - times_s[0])
    tolerated = tolerance.of(level)
    grows = rise > tolerated and z > BY_CHANCE
    return Trend(level, rise, tolerated, per_s * 3600, z, grows)


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which such a part of the others is."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
