"""A run as a picture: what was answered, what was held and what was broken, over time."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from loadtest.books import Outcome
from loadtest.chaos.load import HUNG_UP
from loadtest.chaos.timeline import INTERVAL_S, Span, Timeline

FILE = "chaos.png"

COLOURS = {
    Outcome.PAID: "#2f7d4f",
    Outcome.REFUSED: "#7d9fc4",
    Outcome.AWAY: "#e0a030",
    Outcome.NO_ANSWER: "#c0392b",
    Outcome.ERROR: "#000000",
    HUNG_UP: "#c9c9c9",
}
FAULT = "#8e44ad"
ROW_INCHES = 0.19
SHORTEST_PART = 0.006
"""A kill takes no time; it is drawn as if it took this part of its phase."""


def draw(folder: Path, timeline: Timeline, title: str) -> None:
    """Draws the phases one above the other."""
    phases = [timeline.within(phase) for phase in timeline.phases]
    if not phases:
        return
    heights = [
        height
        for phase in phases
        for height in (2.4, 1.3, ROW_INCHES * len({span.name for span in phase.faults}) + 0.3)
    ]
    figure, axes = plt.subplots(
        len(heights),
        1,
        figsize=(17, sum(heights) + 0.9 * len(phases) + 0.6),
        height_ratios=heights,
        layout="constrained",
        squeeze=False,
    )
    for number, phase in enumerate(phases):
        answers, held, faults = axes[3 * number : 3 * number + 3, 0]
        _draw_phase(phase, answers, held, faults)
    figure.suptitle(title, fontsize=13)
    figure.savefig(folder / FILE, dpi=100)
    plt.close(figure)


def _draw_phase(phase: Timeline, answers: Axes, held: Axes, faults: Axes) -> None:
    (span,) = phase.phases
    shortest_s = SHORTEST_PART * (span.ended_s - span.began_s)
    _draw_answers(phase, answers)
    _draw_held(phase, held)
    _draw_faults(phase.faults, faults, shortest_s)
    answers.set_title(
        f"{span.name}: {len(phase.faults)} faults, {span.ended_s - span.began_s:.0f} s",
        loc="left",
        fontweight="bold",
    )
    for axis in (answers, held, faults):
        axis.set_xlim(span.began_s, span.ended_s)
        axis.margins(x=0)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    for axis in (answers, held):
        axis.tick_params(labelbottom=False)
        for each in phase.faults:
            axis.axvspan(
                each.began_s,
                max(each.ended_s, each.began_s + shortest_s),
                color=FAULT,
                alpha=0.12,
                lw=0,
                zorder=0,
            )
    faults.set_xlabel("seconds since the beginning")


def _draw_answers(phase: Timeline, axis: Axes) -> None:
    times = [sample.at_s for sample in phase.samples]
    kinds = [kind for kind in COLOURS if any(sample.answers.get(kind) for sample in phase.samples)]
    rates = [
        [sample.answers.get(kind, 0) / INTERVAL_S for sample in phase.samples] for kind in kinds
    ]
    if times and kinds:
        axis.stackplot(
            times,
            rates,
            labels=list(map(str, kinds)),
            colors=[COLOURS[kind] for kind in kinds],
            step="post",
            lw=0,
        )
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
    axis.set_ylabel("checkouts/s")


def _draw_held(phase: Timeline, axis: Axes) -> None:
    known = [(sample.at_s, sample.held) for sample in phase.samples]
    nan = float("nan")
    axis.step(
        [at_s for at_s, _ in known],
        [nan if held is None else held for _, held in known],
        where="post",
        color="#1f4e79",
        lw=1.2,
    )
    axis.set_yscale("symlog", linthresh=10)
    axis.set_ylim(bottom=0)
    axis.set_ylabel("legs held")


def _draw_faults(spans: list[Span], axis: Axes, shortest_s: float) -> None:
    names = list(dict.fromkeys(span.name for span in sorted(spans, key=lambda span: span.began_s)))
    for span in spans:
        lasts_s = max(shortest_s, span.ended_s - span.began_s)
        colour = "#bbbbbb" if span.missed else FAULT
        axis.barh(names.index(span.name), lasts_s, left=span.began_s, color=colour, height=0.7)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.grid(axis="y", lw=0.3)
