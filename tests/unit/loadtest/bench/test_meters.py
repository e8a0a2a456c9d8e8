"""Counters are read from metrics and databases, and CPU from whole families of processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

from loadtest.bench.meters import cpu_s, grpc_calls, redis_commands, samples

PAGE = """\
# HELP recoup_checkouts_total Checkouts answered
# TYPE recoup_checkouts_total counter
recoup_checkouts_total{outcome="paid"} 12.0
recoup_hop_duration_seconds_count{hop="orders"} 3.0
recoup_hop_duration_seconds_sum{hop="orders"} 0.7
recoup_legs_held{party="stock"} 5.0
recoup_rpcs_total{method="Apply"} 1.2e+03
"""

BURN = "import os, time\nwhile time.process_time() < 0.3: pass\n"


def test_only_what_counts_up_is_read() -> None:
    assert samples(PAGE) == {
        'recoup_checkouts_total{outcome="paid"}': 12,
        'recoup_hop_duration_seconds_count{hop="orders"}': 3,
        'recoup_rpcs_total{method="Apply"}': 1200,
    }


def test_calls_are_added_up_over_methods() -> None:
    counts = Counter(
        {
            'recoup_rpcs_total{method="Apply"}': 3,
            'recoup_rpcs_total{method="Verdicts"}': 2,
            'recoup_checkouts_total{outcome="paid"}': 9,
        }
    )
    assert grpc_calls(counts) == 5


def test_commands_are_added_up_by_store_and_scripts_counted() -> None:
    counts = Counter({"redis stock evalsha": 3, "redis stock hget": 9, "redis orders evalsha": 1})
    assert redis_commands(counts) == {"stock": 12, "orders": 1, "scripts": 4}


def test_the_cpu_of_children_counts_when_they_have_ended_too() -> None:
    before = cpu_s({"we": os.getpid()})["we"]
    subprocess.run((sys.executable, "-c", BURN), check=True)
    assert cpu_s({"we": os.getpid()})["we"] - before >= 0.25  # clocks tick in hundredths


def test_who_is_gone_has_used_nothing() -> None:
    done = subprocess.Popen((sys.executable, "-c", ""))
    done.wait()
    assert cpu_s({"gone": done.pid}) == {"gone": 0.0}
