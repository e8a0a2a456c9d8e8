"""`make soak`: steady load on an instance of its own, and whether anything grows.

python -m loadtest.soak --minutes 10 --data var/soak/now
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.table import Table

from loadtest.books import Verdict
from loadtest.command import judged, judged_as_json, need_matplotlib, out
from loadtest.instance import Instance
from loadtest.soak.run import FILE, LEG_KEPT_S, soak, write
from loadtest.soak.trend import Trend


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.soak",
        description="Steady load on an instance of its own, and whether anything grows.",
        epilog="Exit status: 0 nothing grows, 1 something does, 3 can't tell.",
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="%(default)s")
    parser.add_argument("--data", type=Path, required=True, help="a folder for all that it writes")
    parser.add_argument("--json", action="store_true", help="print the report, as JSON")
    chosen = parser.parse_args()
    need_matplotlib(parser)

    def work() -> Verdict:
        return carry_out(chosen.minutes, chosen.data)

    return judged_as_json(work, chosen.data / FILE) if chosen.json else judged(work)


def carry_out(minutes: float, folder: Path) -> Verdict:
    """Starts an instance, loads it, and reports. Leaves no process behind."""
    from loadtest.soak import picture  # not above: it loads matplotlib, which may be missing

    instance = Instance(folder / "instance", RECOUP_LEG_KEPT_S=str(LEG_KEPT_S))
    try:
        instance.start({})
        result, series = soak(instance, minutes)
    finally:
        instance.stop()
    verdict = result.verdict()
    counted = sum(result.answers.values())
    title = f"{counted:,} checkouts in {result.rounds} rounds: " + (
        "; ".join(result.wrong()) or "nothing grows"
    )
    write(folder, minutes, result, series)
    picture.draw(folder, result, series, title)
    out.print(table(result.trends))
    if result.unjudged:
        out.print(f"Not judged, since others used the machine: {', '.join(result.unjudged)}")
    out.print(f"{folder / picture.FILE}\n{folder / FILE}", soft_wrap=True)
    word = "[bold green]FLAT[/]" if verdict is Verdict.CONSISTENT else "[bold red]GROWS[/]"
    out.print(f"{word} {title}", soft_wrap=True)
    return verdict


def table(trends: Mapping[str, Trend]) -> Table:
    """A row for each series. `unseen`: a steady growth below this would not have been noticed."""
    columns = ["", "level", "rise while judged", "tolerated", "rise per hour", "unseen per hour"]
    shown = Table(*columns, "", title="What was measured, after the warm-up")
    for column in shown.columns[1:]:
        column.justify = "right"
    for name, trend in trends.items():
        unseen = trend.tolerated * trend.per_h / trend.rise if trend.rise else 0.0
        numbers = (trend.level, trend.rise, trend.tolerated, trend.per_h, unseen)
        word = "grows" if trend.grows else "flat"
        style = "red" if trend.grows else ""
        shown.add_row(name, *(f"{number:,.1f}" for number in numbers), word, style=style)
    return shown


if __name__ == "__main__":
    sys.exit(main())
