"""Commands that load or break an instance: their report as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from loadtest import command
from loadtest.books import Verdict


@pytest.fixture(autouse=True)
def no_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is told to end isn't what is tested here."""
    monkeypatch.setattr(command.interrupt, "listen", lambda: None)
    monkeypatch.setattr(command.out, "stderr", False)


def writes(report: Path) -> Verdict:
    command.out.print("a table")
    report.write_text('{"results": [1],\n "verdict": 0}')
    return Verdict.INCONSISTENT


def breaks_off(report: Path) -> Verdict:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("work", "told"), [(writes, {"results": [1], "verdict": 1}), (breaks_off, {"verdict": 3})]
)
def test_the_report_is_one_line_on_standard_output(
    work: Callable[[Path], Verdict],
    told: dict[str, object],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = tmp_path / "report.json"
    verdict = command.judged_as_json(lambda: work(report), report)
    said = capsys.readouterr()
    assert (verdict, json.loads(said.out)) == (told["verdict"], told)
    assert said.out.count("\n") == 1
    assert said.err
