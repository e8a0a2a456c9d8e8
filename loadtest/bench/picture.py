"""A bench as a picture: throughput and latency by connections, CPU by process."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from loadtest.bench.figures import Figures, Spread
from loadtest.bench.plan import BARE, CHECKOUT, HEALTHZ
from loadtest.bench.report import processes

FILE = "bench.png"

COLOURS = {CHECKOUT: "#2f7d4f", BARE: "#7d7d7d", HEALTHZ: "#7d9fc4"}
TURNED_AWAY = "#e0a030"
PROCESS_COLOURS = plt.get_cmap("tab20").colors  # type: ignore[attr-defined]
THINNEST = 0.01
"""Processes with less than this part of the whole are drawn as one."""


def draw(folder: Path, figures: Figures, title: str) -> Path:
    """Draws it."""
    figure, ((speed, took), (cpu, others)) = plt.subplots(
        2, 2, figsize=(15, 11), layout="constrained"
    )
    _draw_speed(speed, figures)
    _draw_took(took, figures)
    _draw_cpu(cpu, figures)
    _draw_scenarios(others, figures)
    figure.suptitle(title, fontsize=13)
    figure.savefig(folder / FILE, dpi=100)
    plt.close(figure)
    return folder / FILE


def _points(figures: Figures, scenario: str, name: str) -> tuple[list[int], list[Spread]]:
    found = [(key[1], figures.of(key, name)) for key in figures.measured() if key[0] == scenario]
    return [at for at, each in found if each], [each for _, each in found if each]


def _draw_speed(axis: Axes, figures: Figures) -> None:
    for scenario, colour in COLOURS.items():
        _line(axis, figures, (scenario, "per_s"), colour, f"{scenario}, 200/s")
    _, turned_away = _points(figures, CHECKOUT, "unavailable_per_s")
    if any(each.most for each in turned_away):
        _line(axis, figures, (CHECKOUT, "unavailable_per_s"), TURNED_AWAY, "checkout, 503/s")
    axis.set_ylim(bottom=0)
    _finish(axis, figures, "answers a second, by connections")


def _draw_took(axis: Axes, figures: Figures) -> None:
    for scenario, colour in COLOURS.items():
        for name, style in (("p50", "-"), ("p99", "--")):
            _line(axis, figures, (scenario, f"{name}_ms"), colour, f"{scenario}, {name}", style)
    axis.set_yscale("log")
    _finish(axis, figures, "ms until the answer, by connections")


def _line(
    axis: Axes,
    figures: Figures,
    what: tuple[str, str],
    colour: str,
    label: str,
    style: str = "-",
) -> None:
    """A figure of a scenario, with its spread."""
    at, found = _points(figures, *what)
    if not at:
        return
    axis.plot(at, [each.median for each in found], style, color=colour, label=label, marker="o")
    least, most = [each.least for each in found], [each.most for each in found]
    axis.fill_between(at, least, most, color=colour, alpha=0.15, lw=0)


def _finish(axis: Axes, figures: Figures, title: str) -> None:
    axis.set_title(title, loc="left", fontweight="bold")
    axis.grid(lw=0.3)
    at = sorted({at for scenario, at in figures.measured() if scenario in COLOURS})
    if at:
        axis.set_xscale("log")
        axis.set_xticks(at, [f"{each:,}" for each in at])
        axis.minorticks_off()
        axis.legend(frameon=False, fontsize=9)


def _draw_cpu(axis: Axes, figures: Figures) -> None:
    """A bar for each number of connections, the bare route's beside the first."""
    keys = [key for key in figures.measured() if key[0] in (BARE, CHECKOUT)]
    keys.sort(key=lambda key: (key[0] != BARE, key[1]))
    labels = [("bare\n" if scenario == BARE else "") + f"{at:,}" for scenario, at in keys]
    bottom = [0.0] * len(keys)
    for number, name in enumerate(processes(figures, keys)):
        each = [figures.of(key, f"cpu {name} ms") for key in keys]
        heights = [found.median if found else 0.0 for found in each]
        label = name if max(heights, default=0.0) > THINNEST else None
        colour = PROCESS_COLOURS[number % len(PROCESS_COLOURS)]
        axis.bar(labels, heights, bottom=bottom, label=label, color=colour)
        bottom = [below + height for below, height in zip(bottom, heights, strict=True)]
    axis.set_title("CPU of one checkout, ms, by process", loc="left", fontweight="bold")
    axis.grid(lw=0.3, axis="y")
    axis.set_axisbelow(True)
    if keys:
        axis.legend(frameon=False, fontsize=9)


def _draw_scenarios(axis: Axes, figures: Figures) -> None:
    """Final answers of everything that was measured at one number of connections only."""
    keys = [key for key in figures.measured() if key[0] not in COLOURS]
    found = [(key[0], figures.of(key, "final_per_s")) for key in keys]
    shown = [(name, each) for name, each in found if each]
    for row, (name, each) in enumerate(shown):
        axis.barh(row, each.median, color=COLOURS[CHECKOUT])
        axis.plot((each.least, each.most), (row, row), color="black", lw=2)
        axis.text(0, row, f"  {name}: {each.median:,.0f}", va="center", color="white")
    axis.invert_yaxis()
    axis.set_yticks([])
    axis.set_title("final answers a second, other scenarios", loc="left", fontweight="bold")
    axis.grid(lw=0.3, axis="x")
