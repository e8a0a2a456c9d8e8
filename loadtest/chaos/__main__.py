"""`make chaos`: breaks an instance of its own for some minutes, and says whether the books agree.

python -m loadtest.chaos --minutes 10 --seed 7 --data var/chaos/now
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
from pathlib import Path

from loadtest.books import Verdict
from loadtest.chaos import report
from loadtest.chaos.board import Board
from loadtest.chaos.faults import faults_of
from loadtest.chaos.plan import Plan, plan
from loadtest.chaos.run import Run
from loadtest.chaos.world import World
from loadtest.command import judged, judged_as_json, need_matplotlib, out
from loadtest.instance import stores
from recoup.settings import settings


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.chaos",
        description="Breaks an instance of its own in every way we know, under load.",
        epilog="Exit status: 0 all agrees, 1 it does not or never converged, 3 can't tell.",
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="%(default)s")
    parser.add_argument("--seed", type=int, help="has the same faults again, in the same order")
    parser.add_argument("--data", type=Path, required=True, help="a folder for all that it writes")
    parser.add_argument("--json", action="store_true", help="print the report, as JSON")
    chosen = parser.parse_args()
    need_matplotlib(parser)
    out.stderr = chosen.json
    seed = secrets.randbelow(2**32) if chosen.seed is None else chosen.seed
    planned = plan(seed, chosen.minutes, faults_of(settings().parties))
    out.print(
        f"seed {seed}: {len(planned.singles)} kinds of fault, each alone, as far as time allows; "
        f"then {len(planned.storm)} in a storm of {planned.storm_s:.0f} s",
        soft_wrap=True,
    )

    def work() -> Verdict:
        return carry_out(planned, chosen.minutes, chosen.data)

    return judged_as_json(work, chosen.data / report.FILE) if chosen.json else judged(work)


def carry_out(planned: Plan, minutes: float, folder: Path) -> Verdict:
    """Starts an instance, breaks it as planned, and reports, as far as it came. Leaves no process
    behind."""
    from loadtest.chaos import picture  # not above: it loads matplotlib, which may be missing

    verdict = Verdict.CANNOT_TELL
    world = World(folder / "instance")
    try:
        world.start()
        with Board(minutes * 60) as board, Run(world, planned, board) as run:
            try:
                run.singles()
                run.storm()
                verdict = report.verdict(run.results)
            finally:
                report.write(
                    folder, planned, minutes, verdict, run.results, run.left_out, run.timeline
                )
                picture.draw(folder, run.timeline, title(planned, run))
    finally:
        world.stop()
    out.print(report.table(run.results))
    if run.left_out:
        out.print(f"No time for each alone: {', '.join(run.left_out)}", soft_wrap=True)
    if verdict is Verdict.CONSISTENT:
        for store in stores(world.instance.settings.parties):
            shutil.rmtree(folder / "instance" / store)
        out.print("[bold green]CONSISTENT[/] answers, credits, items and orders agree")
    else:
        out.print(f"[bold red]INCONSISTENT[/] --seed {planned.seed} has the same faults again")
    out.print(f"{folder / picture.FILE}\n{folder / report.FILE}", soft_wrap=True)
    return verdict


def title(planned: Plan, run: Run) -> str:
    """What the picture shows, in a line."""
    checkouts = sum(result.checkouts.total() for result in run.results)
    wrong = sum(not result.fine for result in run.results)
    agree = "the books agree after each" if not wrong else f"{wrong} times the books don't agree"
    return f"{checkouts:,} checkouts under faults, seed {planned.seed}: {agree}"


if __name__ == "__main__":
    sys.exit(main())
