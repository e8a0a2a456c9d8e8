"""The audit of an instance of one's own, as its operator would have it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from loadtest.client import CannotTell
from loadtest.instance import Instance
from recoup.processes import ROOT


def audited(instance: Instance, limit_s: float) -> dict[str, Any]:
    """What `recoup audit --json` finds in everything that was ever bought there. Raises CannotTell
    if it can't be made."""
    said = subprocess.run(
        (sys.executable, "-m", "recoup", "audit", "--json"),
        cwd=ROOT,
        env=instance.environment,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
    if said.returncode not in (0, 1):
        raise CannotTell(f"the audit fails: {said.stderr.strip()[-300:]}")
    found: dict[str, Any] = json.loads(said.stdout)
    return found
