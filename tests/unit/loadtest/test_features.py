"""An instance can be started without a feature, which is gone then in each of its processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from loadtest import features
from loadtest.features import FEATURES
from recoup.processes import ROOT, processes
from recoup.settings import Settings

GONE = {
    "metrics": """
        from prometheus_client import Counter, Histogram
        counter, times = Counter("c", "c"), Histogram("h", "h", ["l"])
        counter.inc(2)
        times.labels("a").observe(1)
        metrics = [*counter.collect(), *times.collect()]
        seen = {s.name: s.value for metric in metrics for s in metric.samples}
        print(seen["c_total"] > 0 or seen["h_count"] > 0)
        """,
    "validation": """
        from proto import ledger_pb2 as pb
        from workers.ledger import forms
        from gateway.inputs import an_id
        try:
            an_id("not an id", "order_id")
            forms.check_apply(pb.ApplyRequest(settlements=[pb.Settlement(tid="no tid")]), "stock")
            print(False)
        except Exception:
            print(True)
        """,
    "going along": """
        from gateway.handover import Handover
        hand_over = Handover(lambda party, tids: None)
        hand_over.put_paid(["stock"], "o.1")
        print(hand_over.take_paid("stock", 1) == ["o.1"])
        """,
}
"""Programs that say whether the feature is there."""


@pytest.mark.parametrize("feature", GONE)
def test_each_of_its_processes_lacks_it(feature: str) -> None:
    for without, there in ((feature, "False"), ("", "True")):
        program = textwrap.dedent(GONE[feature])
        environment = {**os.environ, **features.environment(without)}
        done = subprocess.run(
            (sys.executable, "-c", program),
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == there


def test_without_flower_there_is_no_such_process() -> None:
    all_of_them = processes(Settings())
    names = [process.name for process in features.kept(all_of_them, "flower")]
    assert names == [process.name for process in all_of_them if process.name != "flower"]


def test_without_events_the_workers_tell_nothing() -> None:
    quiet = features.kept(processes(Settings()), "events")
    assert len(quiet) == len(processes(Settings()))
    assert not any("--events" in process.command for process in quiet)
    assert any("--events" in process.command for process in processes(Settings()))


def test_every_feature_is_one_of_these() -> None:
    assert {*GONE, "flower", "events"} == {*FEATURES}
