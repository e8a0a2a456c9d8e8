"""Runs the generator as a process of its own, so that what it costs is told apart."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict

from loadtest.bench.generator import CONNECT_LIMIT_S, Job, Tally
from loadtest.client import CannotTell
from recoup.processes import ROOT

SPARE_S = 30.0
"""For its start, for opening thousands of connections, and for counting."""


def load(job: Job) -> Tally:
    """Does one job. Raises CannotTell if it breaks off."""
    limit_s = job.seconds + job.limit_s + CONNECT_LIMIT_S + SPARE_S
    try:
        done = subprocess.run(
            (sys.executable, "-m", "loadtest.bench.generator", json.dumps(asdict(job))),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CannotTell(f"the load didn't end in {limit_s:.0f} s") from None
    if done.returncode:
        raise CannotTell(f"the load broke off: {done.stderr.strip()[-500:]}")
    return Tally(**json.loads(done.stdout))
