"""A minute of `recoup chaos`: it passes, says what it has done, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from loadtest.books import Verdict
from loadtest.instance import stores
from recoup import preflight
from recoup.processes import ROOT
from recoup.settings import PARTIES
from recoup.stack import record

pytestmark = pytest.mark.slow
"""Has a target of its own, with the rest of chaos: `make test-chaos`."""

ALL = (*PARTIES, "shipping")
"""A third party takes part, and is broken as the others are."""

SEED = 32
"""Any other would do as well; but a run that fails can be had again."""

MINUTES = "0.75"
"""With starting, stopping and the last convergence that makes more than a minute."""

LIMIT_S = 200
PNG = b"\x89PNG"


@contextlib.contextmanager
def begun(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A run, which ends with the test, whatever becomes of either: its instance dies with it."""
    command = ("-m", "recoup", "chaos", "--seed", str(SEED), "--minutes", MINUTES)
    with subprocess.Popen(
        (sys.executable, *command),
        cwd=ROOT,
        env={**os.environ, "RECOUP_DATA_DIR": str(data_dir), "RECOUP_PARTIES": ",".join(ALL)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        try:
            yield run
        finally:
            run.kill()


def folder(data_dir: Path) -> Path:
    """Where the only run on this data leaves what it finds."""
    (found,) = (data_dir / "chaos").iterdir()
    return found


def left(data_dir: Path) -> list[psutil.Process]:
    """The processes of the run's instance that live."""
    return preflight.of_stack(record(folder(data_dir) / "instance").read_text())


@pytest.mark.timeout(2 * LIMIT_S)
def test_a_minute_of_chaos_leaves_books_that_agree(tmp_path: Path) -> None:
    # when everything is broken for a minute
    with begun(tmp_path) as run:
        said, _ = run.communicate(timeout=LIMIT_S)
    # then all agrees
    assert run.returncode == Verdict.CONSISTENT, said
    # and the report tells what was broken, and how it healed
    report = json.loads((folder(tmp_path) / "chaos.json").read_text())
    assert report["seed"] == SEED
    assert report["verdict"] == Verdict.CONSISTENT
    *singles, storm = report["results"]
    done = [result["name"] for result in singles]
    assert done + report["left_out"] == report["planned"]["singles"]
    assert any(store in singles[0]["name"] for store in stores(ALL))
    assert len(singles) >= 3
    assert any("shipping" in name for name in report["planned"]["singles"])
    assert len(report["planned"]["storm"]) >= 5
    for result in (*singles, storm):
        assert result["fine"]
        assert result["checkouts"]["200, paid"] > 0
        assert result["ready_s"] is not None
        assert result["converged_s"] is not None
        assert result["unaccounted"] == {"credits": 0, "items": 0, "orders": 0}
        assert result["discrepancies"] == []
    # and what was planned has happened, nearly all of it
    faults = report["timeline"]["faults"]
    assert len(faults) == len(singles) + len(report["planned"]["storm"])
    assert sum(bool(fault["missed"]) for fault in faults) <= len(faults) // 3
    assert [phase["name"] for phase in report["timeline"]["phases"]] == [
        "each fault alone",
        "storm",
    ]
    # and there is a picture, and nobody is left
    assert (folder(tmp_path) / "chaos.png").read_bytes().startswith(PNG)
    assert left(tmp_path) == []


@pytest.mark.timeout(2 * LIMIT_S)
def test_an_interrupted_run_can_t_tell_and_leaves_nobody_behind(tmp_path: Path) -> None:
    # given a run that has begun to break things
    with begun(tmp_path) as run:
        assert run.stdout is not None
        assert any(line.startswith("agrees") for line in run.stdout)
        # when it is interrupted, as from a terminal
        run.send_signal(signal.SIGINT)
        said, _ = run.communicate(timeout=LIMIT_S)
    # then it gives no verdict, and all its processes are gone
    assert run.returncode == Verdict.CANNOT_TELL, said
    assert left(tmp_path) == []
