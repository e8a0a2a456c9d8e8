"""What a run has found: a table, a file, and a verdict."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from loadtest.books import Outcome, Verdict
from loadtest.chaos.board import seconds
from loadtest.chaos.load import HUNG_UP
from loadtest.chaos.plan import Plan
from loadtest.chaos.result import TARGET_S, Result
from loadtest.chaos.timeline import Timeline

FILE = "chaos.json"


def verdict(results: Sequence[Result]) -> Verdict:
    """0 if every fault has left books that agree and nothing held."""
    fine = all(result.fine for result in results)
    return Verdict.CONSISTENT if fine else Verdict.INCONSISTENT


def table(results: Sequence[Result]) -> Table:
    """A row for each fault, and one for the storm."""
    columns = ["fault", "checkouts", "200", "4xx", "503", "no answer", "hung up"]
    columns += ["ready after", "converged after", "unaccounted for"]
    shown = Table(*columns, title="Checkouts under faults, and the books after each")
    for column in shown.columns[1:]:
        column.justify = "right"
    for result in results:
        shown.add_row(*_row(result), style="" if result.fine else "red")
    shown.caption = (
        "ready: from the end of a fault until every process does its work; converged: from then "
        f"until nothing is held (target: {TARGET_S:.0f} s); unaccounted for: credits, items, orders"
    )
    return shown


def _row(result: Result) -> list[str]:
    counts = result.checkouts
    late = result.converged_s is not None and result.converged_s > TARGET_S
    left = result.unaccounted
    return [
        result.name + (f" ({result.missed} missed)" if result.missed else ""),
        str(counts.total()),
        *(
            str(counts[kind])
            for kind in (Outcome.PAID, Outcome.REFUSED, Outcome.AWAY, Outcome.NO_ANSWER, HUNG_UP)
        ),
        seconds(result.ready_s),
        seconds(result.converged_s) + (" !" if late else ""),
        f"{left.credits}, {left.items}, {left.orders}",
    ]


def write(
    folder: Path,
    plan: Plan,
    minutes: float,
    found: Verdict,
    results: Sequence[Result],
    left_out: Sequence[str],
    timeline: Timeline,
) -> None:
    """Writes everything into a file."""
    report: dict[str, Any] = {
        "seed": plan.seed,
        "minutes": minutes,
        "cores": os.cpu_count(),
        "verdict": int(found),
        "planned": {
            "singles": [fault.name for fault in plan.singles],
            "storm": [[round(each.at_s, 2), each.fault.name] for each in plan.storm],
        },
        "left_out": list(left_out),
        "target_s": TARGET_S,
        "results": [
            {**asdict(result), "checkouts": dict(result.checkouts), "fine": result.fine}
            for result in results
        ],
        "timeline": timeline.as_json(),
    }
    (folder / FILE).write_text(json.dumps(report, indent=1) + "\n")
