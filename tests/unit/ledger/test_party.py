"""A party that restarts is waited for, so it loads what it needs to serve, and nothing else."""

from __future__ import annotations

import subprocess
import sys

from recoup.processes import ROOT


def test_it_serves_before_it_knows_of_any_broker() -> None:
    loads = "import sys, workers.ledger.party; print({'celery', 'kombu'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", loads], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stdout + done.stderr
