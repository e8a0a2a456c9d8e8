"""What a bench leaves, however it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadtest.bench import __main__ as command
from loadtest.bench.plan import Plan
from loadtest.books import Verdict
from loadtest.client import CannotTell

PLAN = Plan(rounds=1)


def written(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "bench.json").read_text()))


def test_a_bench_that_balances_is_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command.Bench, "carry_out", lambda bench: None)
    assert command.carry_out(PLAN, tmp_path, None) is Verdict.CONSISTENT
    assert written(tmp_path)["balanced"] is True
    assert (tmp_path / "bench.png").exists()


def test_one_that_does_not_balance_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command.Bench, "carry_out", lambda bench: bench.wrong.append("a credit"))
    assert command.carry_out(PLAN, tmp_path, None) is Verdict.INCONSISTENT
    assert written(tmp_path)["wrong"] == ["a credit"]
    # and no figure is shown
    said = capsys.readouterr().out
    assert "NO RESULT a credit" in said
    assert "Targets" not in said


def test_one_that_breaks_off_leaves_what_it_has_and_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_off(bench: command.Bench) -> None:
        raise CannotTell("no ports are free")

    monkeypatch.setattr(command.Bench, "carry_out", breaks_off)
    with pytest.raises(CannotTell):
        command.carry_out(PLAN, tmp_path, None)
    assert written(tmp_path)["balanced"] is False
    assert "no ports are free" in str(written(tmp_path)["wrong"])
