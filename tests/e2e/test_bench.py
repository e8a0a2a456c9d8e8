"""A very short bench: it measures everything, and its books balance. How fast is not the point."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from loadtest.bench.plan import (
    ALWAYS,
    BARE,
    CHECKOUT,
    EVERYSEC,
    FEW,
    HEALTHZ,
    HOT,
    MILLION,
    ONE,
    REFUSED_10,
    REFUSED_90,
    TWO,
)
from loadtest.books import Verdict
from recoup import preflight
from recoup.processes import ROOT
from recoup.settings import PARTIES
from recoup.stack import record

pytestmark = pytest.mark.slow

LIMIT_S = 400
PNG = b"\x89PNG"
SHORT = ("--rounds", "1", "--seconds", "0.5", "--connections", "4,16", "--many-orders", "5000")
INSTANCES = ("default", "few", "many", "everysec", "one")


@pytest.mark.timeout(2 * LIMIT_S)
def test_a_short_bench_measures_everything_and_balances(tmp_path: Path) -> None:
    # when it is run as people run it
    with subprocess.Popen(
        (sys.executable, "-m", "recoup", "bench", *SHORT),
        cwd=ROOT,
        env={**os.environ, "RECOUP_DATA_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        try:
            said, _ = run.communicate(timeout=LIMIT_S)
        finally:
            run.kill()
    # then it balances, and says so
    assert run.returncode == Verdict.CONSISTENT, said
    assert "MEASURED" in said
    (folder,) = (tmp_path / "bench").iterdir()
    report = json.loads((folder / "bench.json").read_text())
    assert report["balanced"]
    # and every scenario has all its figures
    small = {(name, at) for name in (BARE, CHECKOUT, HEALTHZ) for at in (4, 16)}
    others = (HOT, REFUSED_10, REFUSED_90, FEW, MILLION, ALWAYS, EVERYSEC, TWO, ONE)
    runs = {(run["scenario"], run["connections"]): run for run in report["runs"]}
    assert runs.keys() == small | {(name, 16) for name in others}
    for (scenario, _), each in runs.items():
        figures = each["figures"]
        assert figures["final_per_s"] > 0
        assert figures["failed"] == 0
        assert {"p50_ms", "p99_ms"} <= figures.keys()
        if scenario in (BARE, HEALTHZ):
            continue
        assert figures["settled_s"] >= 0
        assert figures["cpu_ms"] > 0
        assert {f"cpu {name} ms" for name in ("gateway", "supervisor", *PARTIES)} <= figures.keys()
        # a checkout reads, deducts twice and decides, and is settled twice by a verdict
        assert figures["redis scripts"] >= 4
        assert 0 < figures["grpc_calls"] < 20
        assert 0 < figures["tasks"] < 10
    # and those who can't pay are refused
    refused = runs[REFUSED_90, 16]["tally"]["answers"]
    assert refused["400"] > refused["200"]
    assert "400" not in runs[CHECKOUT, 16]["tally"]["answers"]
    # and no order was checked out twice: loads of one life of an instance's orders have none in
    # common, and none has sent more than it had
    taken = [
        (run["instance"], *run["taken"].values(), run["tally"]["sent"])
        for run in runs.values()
        if run["taken"]
    ]
    for instance, life, first, count, sent in taken:
        assert sent <= count, (instance, life, first)
    for before, after in pairwise(sorted(taken)):
        assert before[:2] != after[:2] or before[2] + before[3] <= after[2]
    # and there is a picture, and nobody is left
    assert (folder / "bench.png").read_bytes().startswith(PNG)
    for name in INSTANCES:
        assert preflight.of_stack(record(folder / name).read_text()) == []


def test_what_is_no_earlier_bench_is_refused_before_anything_starts(tmp_path: Path) -> None:
    done = subprocess.run(
        (sys.executable, "-m", "recoup", "bench", "--against", str(tmp_path / "none.json")),
        cwd=ROOT,
        env={**os.environ, "RECOUP_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "is not what a bench has written" in done.stderr
    assert not (tmp_path / "bench").exists()
