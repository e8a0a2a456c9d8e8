"""The metrics of all worker processes are served by whichever is asked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter

from gateway import metrics, metrics_files

HOPS = ("orders", "deduct_stock", "deduct_payment", "give_back", "hand_over")

WORKERS = """\
import os, sys
from pathlib import Path
from gateway import metrics_files

directory = Path(sys.argv[1])
metrics_files.prepare(directory)
left = [file.name for file in directory.iterdir()]
assert left == ["notes.txt"], left

def work(index):
    from gateway import metrics
    metrics.CHECKOUTS["paid"].inc()
    metrics.CHECKOUT_DURATION_S.observe(0.003)
    metrics.BREAKER_OPEN["stock"].set(index)
    metrics.CLOCK_SKEW_S["payment"].set(-0.25)
    os._exit(0)

children = []
for index in range(2):
    child = os.fork()
    if child == 0:
        work(index)
    os.waitpid(child, 0)
    children.append(child)

metrics_files.prepare(directory)  # as on a reload: the workers' files stay
from gateway import metrics
print(metrics.render()[0].decode())
print("--- after their end ---")
for child in children:
    metrics_files.child_exit(child)
print(metrics.render()[0].decode())
"""


def value(text: str, series: str) -> float | None:
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else None


@pytest.fixture
def environment() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if name != metrics_files.VARIABLE}


def test_workers_are_added_up_and_the_dead_keep_only_what_they_counted(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    # given a directory that an earlier run left behind
    (tmp_path / "counter_1.db").write_bytes(b"old")
    (tmp_path / "notes.txt").write_text("not ours")
    # when two workers count, and end
    run = subprocess.run(
        [sys.executable, "-c", WORKERS, str(tmp_path)],
        cwd=Path(metrics.__file__).parent.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    alive, dead = run.stdout.split("--- after their end ---")
    # then both are counted, before and after
    for text in (alive, dead):
        assert value(text, 'recoup_checkouts_total{outcome="paid"}') == 2
        assert value(text, 'recoup_checkout_duration_seconds_bucket{le="0.005"}') == 2
        assert value(text, 'recoup_checkout_duration_seconds_bucket{le="0.002"}') == 0
    # and a breaker is open while a worker says so, and no longer
    assert value(alive, 'recoup_breaker_open{party="stock"}') == 1
    assert value(dead, 'recoup_breaker_open{party="stock"}') == 0
    # and a clock that is behind shows as behind
    assert value(alive, 'recoup_clock_skew_seconds{party="payment"}') == -0.25
    assert value(dead, 'recoup_clock_skew_seconds{party="payment"}') is None


def test_a_single_process_serves_its_own(environment: dict[str, str]) -> None:
    # given no directory, when the metrics are asked for
    program = "from gateway import metrics; print(metrics.render()[0].decode())"
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(metrics.__file__).parent.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    # then every series is there from the start, so that a rate of it can be asked for
    for series in (
        'recoup_checkouts_total{outcome="paid"}',
        "recoup_checkout_duration_seconds_count",
        "recoup_checkout_retries_total",
        'recoup_handed_over_total{result="published"}',
        'recoup_breaker_open{party="stock"}',
        'recoup_breaker_open{party="payment"}',
        'recoup_clock_skew_seconds{party="stock"}',
        'recoup_peer_up{from="gateway",to="orders"}',
        'recoup_verdicts_total{by="gateway",verdict="commit"}',
        *(f'recoup_hop_duration_seconds_count{{hop="{hop}"}}' for hop in HOPS),
        *(f'recoup_batch_items_count{{hop="{hop}"}}' for hop in HOPS),
    ):
        assert value(run.stdout, series) == 0, series
    assert re.search(r'^recoup_build_info\{.*version=".+"\} 1.0$', run.stdout, re.MULTILINE)


def test_the_content_type_is_what_prometheus_reads() -> None:
    assert metrics.render()[1].startswith("text/plain; version=")


def test_a_series_is_made_once_and_a_new_value_gets_one() -> None:
    # given a metric with one known value
    registry = CollectorRegistry()
    counted = metrics.Series(Counter("seen", "", ["what"], registry=registry), "known")
    # when known and new values are counted
    assert list(counted) == ["known"]
    for what in ("known", "new", "new"):
        counted[what].inc()
    # then each is counted under its own, and looked up, not made anew
    assert registry.get_sample_value("seen_total", {"what": "known"}) == 1
    assert registry.get_sample_value("seen_total", {"what": "new"}) == 2
    assert list(counted) == ["known", "new"]
