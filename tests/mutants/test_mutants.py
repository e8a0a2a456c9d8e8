"""Breaks the project on purpose, a copy of it, and sees that its own tests notice.

Each mutant is a mistake that costs money and that somebody might make. A test that can't fail would
let it pass; here it would be noticed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from recoup.processes import ROOT

FOLDERS = ("gateway", "loadtest", "proto", "reconcile", "recoup", "tests", "workers")
LIMIT_S = 900
TESTS_FAILED = 1
"""pytest's exit status when tests ran and some failed. Anything else would prove nothing."""


@dataclass(frozen=True)
class Mutant:
    """A mistake: what stands where, and what stands there instead; and who has to notice."""

    name: str
    changes: tuple[tuple[str, str, str], ...]
    """(file, text, text instead)."""
    noticed_by: str
    """Tests of the project, as pytest takes them."""

    def __str__(self) -> str:
        return self.name


CHECK_FIRST = """\
        import time
        for deduction in request.deductions:
            for line in deduction.lines:
                account = self._scripts.client.hgetall(self._account(line.account_id))
                if int(account.get("available", 0)) < line.amount:
                    deduction.deadline_ms = 1  # so that it is refused
        time.sleep(0.02)
        calls = [self._deduct_call(deduction) for deduction in request.deductions]
"""

MUTANTS = (
    Mutant(
        "a sleep between check and write",
        (
            (
                "workers/ledger/engine.py",
                CHECK_FIRST[CHECK_FIRST.index("        calls") :],
                CHECK_FIRST,
            ),
            ("workers/ledger/lua/deduct.lua", "if amount > available + held then", "if false then"),
            ("workers/ledger/lua/deduct.lua", "if amount > available then", "if false then"),
        ),
        "tests/e2e/test_consistency.py",
    ),
    Mutant(
        "a leg left out of the due index",
        (
            (
                "workers/ledger/lua/deduct.lua",
                "redis.call('ZADD', KEYS[2], exact(deadline), tid)\nkeep_clock",
                "keep_clock",
            ),
        ),
        "tests/chaos/test_reconciliation.py::test_the_gateway_dies_before_it_hands_over",
    ),
    Mutant(
        "an answer 400 without a verdict",
        (
            (
                "gateway/checkout.py",
                "            decision = self._decide(tid, cast, again)\n",
                "            if votes.refusal(cast) and not again:\n"
                "                return Refused(*votes.refusal(cast))\n"
                "            decision = self._decide(tid, cast, again)\n",
            ),
        ),
        "tests/integration/test_steps.py",
    ),
    Mutant(
        "databases that forget what they have acknowledged",
        (("recoup/processes.py", '"--appendfsync", "always"', '"--appendfsync", "no"'),),
        "tests/e2e/test_up.py::test_data_survive_and_what_was_left_is_ended",
    ),
    Mutant(
        "a task that is acknowledged before it is done, and no sweep",
        (
            ("reconcile/app.py", "task_acks_late=True", "task_acks_late=False"),
            ("workers/ledger/sweep.py", "swept = self.run_once()", "swept = Swept()"),
        ),
        "tests/chaos/test_kills.py::test_the_books_agree_after_a_kill[stock-worker]",
    ),
)


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mistake_that_costs_money_is_noticed(mutant: Mutant, tmp_path: Path) -> None:
    # given a copy of the project with a mistake in it
    copy = tmp_path / "copy"
    for folder in FOLDERS:
        compiled = shutil.ignore_patterns("__pycache__")  # without the mistake
        shutil.copytree(ROOT / folder, copy / folder, ignore=compiled)
    shutil.copy(ROOT / "setup.cfg", copy)
    for name, text, instead in mutant.changes:
        file = copy / name
        source = file.read_text()
        assert source.count(text) == 1, f"{name} has changed: this mutant must too"
        file.write_text(source.replace(text, instead))
    # when the tests that are to notice it are run
    command = (sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", mutant.noticed_by)
    tests = subprocess.run(
        command, cwd=copy, env=os.environ, capture_output=True, text=True, check=False
    )
    # then they fail
    assert tests.returncode == TESTS_FAILED, tests.stdout + tests.stderr
