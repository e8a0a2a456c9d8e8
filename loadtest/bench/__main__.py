"""`make bench`: how fast checkouts are and what they cost, beside a bare route.

python -m loadtest.bench --data var/bench/now
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.status import Status

from loadtest.bench import against, report
from loadtest.bench.figures import Figures
from loadtest.bench.plan import PARTS, QUICK, Plan
from loadtest.bench.run import Bench
from loadtest.bench.targets import Target, targets
from loadtest.books import Verdict
from loadtest.command import judged, judged_as_json, need_matplotlib, out
from recoup.preflight import raise_file_limit

REFRESHES_PER_S = 2
"""What shows progress uses a core too."""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench",
        description="How fast checkouts are and what they cost, on instances of its own.",
        epilog="Exit status: 0 measured, 1 it doesn't balance, 3 can't tell.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="two minutes: too short to be quoted")
    add("--against", type=Path, help="an earlier bench.json to compare with")
    add("--rounds", type=int, help="of all loads (5)")
    add("--seconds", type=float, help="that each load lasts (3)")
    add("--connections", help="with commas between them (4,64,256,1000,5000)")
    add("--parts", help=f"what to measure ({','.join(PARTS)})")
    add("--many-orders", type=int, help="orders in place of 1,000 (1000000)")
    add("--data", type=Path, required=True, help="a folder for all that it writes")
    add("--json", action="store_true", help="print the report, as JSON")
    chosen = parser.parse_args()
    need_matplotlib(parser)
    try:
        plan = planned(chosen)
        old = against.read(chosen.against) if chosen.against else None
    except ValueError as error:
        parser.error(str(error))

    def work() -> Verdict:
        return carry_out(plan, chosen.data, old)

    return judged_as_json(work, chosen.data / report.FILE) if chosen.json else judged(work)


def planned(chosen: argparse.Namespace) -> Plan:
    """The plan that was chosen. Raises ValueError if there is no such one."""
    changes: dict[str, Any] = {
        name: value
        for name in ("rounds", "seconds", "many_orders")
        if (value := getattr(chosen, name)) is not None
    }
    if chosen.connections:
        changes["connections"] = tuple(int(each) for each in chosen.connections.split(","))
    if chosen.parts:
        changes["parts"] = tuple(chosen.parts.split(","))
        if unknown := set(changes["parts"]) - set(PARTS):
            raise ValueError(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if any(each <= 0 for each in (*changes.get("connections", ()), changes.get("rounds", 1))):
        raise ValueError("connections and rounds should be at least 1")
    return replace(QUICK if chosen.quick else Plan(), **changes)


def carry_out(plan: Plan, folder: Path, old: dict[str, Any] | None) -> Verdict:
    """Measures, writes what it has, however that ends, and shows it if it balances. Leaves no
    process behind."""
    from loadtest.bench import picture  # not above: it loads matplotlib, which may be missing

    raise_file_limit()
    with progress() as say:
        bench = Bench(plan, folder, say)
        try:
            bench.carry_out()
        except BaseException as error:
            bench.wrong.append(f"it broke off: {error!r}")
            raise
        finally:
            figures = Figures(bench.runs)
            idle_cores = sum(bench.idle_cores.values()) if bench.idle_cores else None
            found = targets(figures, idle_cores, plan.many_orders)
            written = report.as_json(plan, bench.runs, bench.idle_cores, found, bench.wrong)
            path = report.write(folder, written)
    if bench.wrong:
        for each in bench.wrong:
            out.print(f"[bold red]NO RESULT[/] {each}", soft_wrap=True)
        out.print(str(path), soft_wrap=True)
        return Verdict.INCONSISTENT
    show(figures, bench.idle_cores, plan, found)
    if old:
        out.print(against.table(against.changes(old, written)))
    for doubt in (*written["doubts"], *(against.doubts(old, written) if old else ())):
        out.print(f"[yellow]Careful:[/] {doubt}", soft_wrap=True)
    reached = sum(target.reached is True for target in found)
    measured = sum(target.reached is not None for target in found)
    title = f"{reached} of {measured} targets reached; the books balance"
    out.print(f"{picture.draw(folder, figures, title)}\n{path}", soft_wrap=True)
    out.print(f"[bold green]MEASURED[/] {title}")
    return Verdict.CONSISTENT


def show(
    figures: Figures, idle_cores: dict[str, float], plan: Plan, found: Sequence[Target]
) -> None:
    """The tables."""
    out.print(report.answers(figures))
    out.print(report.costs(figures))
    out.print(report.cpu(figures, idle_cores))
    out.print(report.comparisons(figures, plan.crowd))
    out.print(report.judged(found))


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A line that says what goes on, and for how long it has."""
    console = Console(stderr=True, highlight=False)
    began_s = time.monotonic()
    with Status("", console=console, refresh_per_second=REFRESHES_PER_S) as status:

        def say(what: str) -> None:
            minutes, seconds = divmod(int(time.monotonic() - began_s), 60)
            line = f"{minutes}:{seconds:02}  {what}"
            if console.is_terminal:
                status.update(line)
            else:
                console.print(line)

        yield say


if __name__ == "__main__":
    sys.exit(main())
