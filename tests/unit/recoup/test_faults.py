"""A fault is set by the environment, happens at its point, and happens once, whoever comes."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from recoup import faults
from recoup.processes import ROOT
from recoup.settings import Settings

PARTIES = ("stock", "payment")
CODE = ("gateway", "reconcile", "recoup", "workers")


@pytest.fixture(autouse=True)
def _nothing_stays_set(tmp_path: Path) -> Iterator[None]:
    yield
    faults.arm("stock", "", tmp_path)


def reached(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """What became of a process `stock` that reached one point, and said so before and after."""
    code = f"""
from pathlib import Path
from recoup import faults
faults.arm("stock", {text!r}, Path({str(folder)!r}))
print("before", flush=True)
faults.point("party.after_deduct")
print("after", flush=True)
"""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )


# --- what can be set -----------------------------------------------------------------------------


def test_nothing_is_set_by_default() -> None:
    assert Settings().fault == ""
    assert Settings().environment == "development"


@pytest.mark.parametrize(
    "text",
    [
        "stock.after_deduct:exit",
        "payment-worker.before_park:raise:3",
        "gateway.after_votes:pause:0.5:2",
        "orders.after_propose:exit, payment.after_take_due:exit",
    ],
)
def test_these_can_be_set(text: str) -> None:
    assert Settings(fault=text).fault == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("stok.after_deduct:exit", "Input should name a process of gateway, orders"),
        ("flower.after_read:exit", "Input should name a process of gateway, orders"),
        ("stock.after_votes:exit", "Input should name a point of stock.before_deduct"),
        ("gateway.after_deduct:exit", "Input should name a point of gateway.after_read"),
        ("stock.after_deduct:die", "an action of exit, raise, pause:<seconds>"),
        ("stock.after_deduct", "an action of exit, raise, pause:<seconds>"),
        ("stock.after_deduct:pause", "an action of exit, raise, pause:<seconds>"),
        ("stock.after_deduct:exit:0", "(and perhaps :<times>)"),
        ("after_deduct:exit", "<process>.<point>:<action>"),
        ("stock.after_deduct:exit,stock.after_deduct:raise", "name stock.after_deduct once"),
    ],
)
def test_what_there_is_not_stops_the_start_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(fault=text)
    assert sentence in refused.value.errors()[0]["msg"]


def test_in_production_there_are_no_faults() -> None:
    with pytest.raises(ValidationError, match="in production it should be empty"):
        Settings(environment="production", fault="stock.after_deduct:exit")
    assert Settings(environment="production").fault == ""


def test_a_further_party_has_the_points_of_one() -> None:
    faults.check("shipping.after_deduct:exit,shipping-worker.after_claim:exit", ["shipping"])


def test_every_point_is_somewhere_in_the_code_once() -> None:
    sources = [path.read_text() for folder in CODE for path in (ROOT / folder).rglob("*.py")]
    placed = re.findall(r'faults\.point\("([\w.]+)"\)', "".join(sources))
    assert sorted(placed) == sorted(faults.POINTS)


# --- what happens --------------------------------------------------------------------------------


def test_a_point_that_is_not_set_does_nothing(tmp_path: Path) -> None:
    faults.arm("stock", "payment.after_deduct:raise,stock.after_settle:raise", tmp_path)
    faults.point("party.after_deduct")


def test_exit_ends_the_process_there_as_kill_does(tmp_path: Path) -> None:
    process = reached(tmp_path, "stock.after_deduct:exit")
    assert process.returncode == -signal.SIGKILL
    assert process.stdout == "before\n"
    assert "stock.after_deduct" in process.stderr


def test_pause_stops_the_whole_process_for_a_while(tmp_path: Path) -> None:
    began_s = time.monotonic()
    process = reached(tmp_path, "stock.after_deduct:pause:0.5")
    assert process.stdout == "before\nafter\n"
    assert process.returncode == 0
    assert time.monotonic() - began_s >= 0.5


def test_raise_is_an_error_that_nobody_expects(tmp_path: Path) -> None:
    faults.arm("stock", "stock.after_deduct:raise", tmp_path)
    with pytest.raises(faults.Fired, match=r"stock\.after_deduct"):
        faults.point("party.after_deduct")


# --- how often -----------------------------------------------------------------------------------


def test_it_happens_once_also_to_a_process_that_is_started_again(tmp_path: Path) -> None:
    # given a process that has died of a fault
    assert reached(tmp_path, "stock.after_deduct:exit").returncode == -signal.SIGKILL
    # when it is started again, with the same environment
    again = reached(tmp_path, "stock.after_deduct:exit")
    # then it lives
    assert again.stdout == "before\nafter\n"


def test_it_happens_as_often_as_is_said(tmp_path: Path) -> None:
    faults.arm("stock", "stock.after_deduct:raise:2", tmp_path)
    for _ in range(2):
        with pytest.raises(faults.Fired):
            faults.point("party.after_deduct")
    faults.point("party.after_deduct")


def test_of_many_who_reach_it_at_once_one_fires(tmp_path: Path) -> None:
    for number in range(20):
        faults.arm("stock", "stock.after_deduct:raise", tmp_path / str(number))

        def reach(_: int) -> bool:
            try:
                faults.point("party.after_deduct")
            except faults.Fired:
                return True
            return False

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(reach, range(8))) == 1


def test_a_file_that_is_removed_sets_it_again(tmp_path: Path) -> None:
    faults.arm("stock", "stock.after_deduct:raise", tmp_path)
    with pytest.raises(faults.Fired):
        faults.point("party.after_deduct")
    (tmp_path / "run" / "faults" / "stock.after_deduct.1").unlink()
    with pytest.raises(faults.Fired):
        faults.point("party.after_deduct")


def test_a_new_run_forgets_what_has_fired(tmp_path: Path) -> None:
    assert reached(tmp_path, "stock.after_deduct:exit").returncode == -signal.SIGKILL
    faults.forget(tmp_path)
    assert reached(tmp_path, "stock.after_deduct:exit").returncode == -signal.SIGKILL
