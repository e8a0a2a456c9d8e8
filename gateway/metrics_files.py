"""The files in which the gateway's worker processes keep their metrics, so that each can serve all.

Apart from `metrics.py`, since the Prometheus library looks for the directory when it is imported:
whoever starts the workers calls `prepare` before anything imports it.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""How the Prometheus library, in this process and in the workers, is told of the directory."""


@functools.cache  # gunicorn reads its configuration again on a reload; workers write there by then
def prepare(directory: Path) -> None:
    """Makes the directory, empties it of what an earlier run left, and has the workers use it."""
    directory.mkdir(parents=True, exist_ok=True)
    for left in directory.glob("*.db"):
        left.unlink(missing_ok=True)
    os.environ[VARIABLE] = str(directory.resolve())


def child_exit(pid: int) -> None:
    """Forgets what only a living worker can say (its gauges); what it counted stays counted."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]
