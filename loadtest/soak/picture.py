"""A soak as a picture: memory, keys and latency over time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from loadtest.soak.measure import Series
from loadtest.soak.run import Result

FILE = "soak.png"

PANELS = (
    ("memory", "MB", "memory of each process, its children included"),
    ("keys", "keys", "keys of each database"),
    ("checkout", "ms", "how long a checkout takes, while others leave the machine alone"),
    ("cores", "cores", "cores that others use"),
)
COLOURS = plt.get_cmap("tab20").colors  # type: ignore[attr-defined]


def draw(folder: Path, result: Result, series: Mapping[str, Series], title: str) -> None:
    """Draws a panel for each unit. What is judged lies between the two dotted lines."""
    figure, axes = plt.subplots(
        len(PANELS),
        1,
        figsize=(15, 16),
        height_ratios=(3, 2, 2, 1),
        sharex=True,
        layout="constrained",
    )
    for axis, (word, unit, meaning) in zip(axes, PANELS, strict=True):
        shown = {name: each for name, each in series.items() if word in name}
        _draw(axis, shown, result)
        axis.set_title(meaning, loc="left", fontweight="bold")
        axis.set_ylabel(unit)
    axes[-1].set_xlabel("seconds since the beginning")
    figure.suptitle(title, fontsize=13)
    figure.savefig(folder / FILE, dpi=100)
    plt.close(figure)


def _draw(axis: Axes, shown: Mapping[str, Series], result: Result) -> None:
    by_level = sorted(shown.items(), key=lambda named: -max(named[1].values))
    for number, (name, each) in enumerate(by_level):
        trend = result.trends.get(name)
        grows, label = bool(trend and trend.grows), name
        if trend and math.isfinite(trend.tolerated):
            word = "grows" if grows else "flat"
            label = f"{name}: {trend.level:,.1f}, {trend.rise:+,.1f} ({word})"
        colour = COLOURS[number % len(COLOURS)]
        axis.plot(each.times_s, each.values, label=label, color=colour, lw=2.5 if grows else 1.3)
    for at_s in (result.began_s, result.ended_s):
        axis.axvline(at_s, color="#666666", ls=":", lw=1)
    axis.set_ylim(bottom=0)
    axis.margins(x=0)
    axis.grid(lw=0.3)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
