"""The consistency check finds the running system consistent, and says when it can't tell."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from loadtest.books import Verdict
from loadtest.consistency import run
from tests.e2e.client import Stack

# It is bounded by itself; this only keeps a fault of the check from hanging the tests.
LIMIT_S = 240


def check(url: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs the check as an operator would."""
    command = [sys.executable, "-m", "loadtest.consistency", "--url", url, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)


@pytest.mark.parametrize(
    ("users", "stock", "orders"),
    [
        # Far more customers than pieces
        (60, 10, 60),
        # More pieces than customers, who order several times and can pay once
        (20, 50, 100),
        # Full size
        (1000, 100, 1000),
    ],
)
def test_a_crowd_at_once_leaves_the_books_balanced(
    stack: Stack, users: int, stock: int, orders: int
) -> None:
    sizes = {"--users": users, "--stock": stock, "--orders": orders}
    options = [str(word) for option in sizes.items() for word in option]
    done = check(stack.url, *options)
    assert done.returncode == Verdict.CONSISTENT, done.stdout + done.stderr
    assert "CONSISTENT" in done.stdout


def test_it_can_be_run_from_python(stack: Stack) -> None:
    assert run(stack.url, seed=1, users=10, stock=5, orders=20) == Verdict.CONSISTENT


def test_a_seed_draws_the_same_buyers_again(stack: Stack) -> None:
    options = ("--seed", "7", "--users", "20", "--orders", "20", "--json")
    runs = [json.loads(check(stack.url, *options).stdout) for _ in range(2)]
    # There is enough for each who ordered at all.
    assert runs[0]["could_be_paid"] == runs[1]["could_be_paid"] < 20
    for told in runs:
        assert told["paid"] == told["sold"] == told["spent"] == told["could_be_paid"]
        assert (told["verdict"], told["held"], told["discrepancies"]) == (0, 0, [])
        assert told["answers"] == {"paid": told["paid"], "refused": 20 - told["paid"]}
