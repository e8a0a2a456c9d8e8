"""Features that an instance can be started without, to see what each costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from recoup.processes import Process

FEATURES = ("metrics", "validation", "events", "flower", "going along")
"""Counting; checking ids and gRPC calls; the workers' events; Flower; settling what is paid with
the next deductions."""

VARIABLE = "BENCH_WITHOUT"


def environment(without: str) -> dict[str, str]:
    """What the processes of an instance without this feature find in their environment."""
    if not without:
        return {}
    return {VARIABLE: without, "PYTHONPATH": str(Path(__file__).with_name("without"))}


def kept(processes: Iterable[Process], without: str) -> list[Process]:
    """The processes of an instance without this feature."""
    left = [process for process in processes if process.name != without]
    if without != "events":
        return left
    quiet = (tuple(word for word in each.command if word != "--events") for each in left)
    return [replace(each, command=command) for each, command in zip(left, quiet, strict=True)]
