"""The verdict of a run, and what it writes and draws."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from loadtest.books import Verdict
from loadtest.chaos import picture, report
from loadtest.chaos.answers import Unaccounted
from loadtest.chaos.faults import FAULTS
from loadtest.chaos.plan import plan
from loadtest.chaos.result import Result
from loadtest.chaos.timeline import Sample, Span, Timeline

PNG = b"\x89PNG"


def result(**changes: object) -> Result:
    """A fault that has left everything in order, but for what is changed."""
    fine: dict[str, object] = {
        "name": "kill stock",
        "checkouts": Counter({"200, paid": 7, "hung up": 1}),
        "ready_s": 1.5,
        "converged_s": 0.5,
        "served": True,
    }
    return Result(**(fine | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"served": False},
        {"converged_s": None},
        {"unaccounted": Unaccounted(credits=1)},
        {"unaccounted": Unaccounted(items=1)},
        {"unaccounted": Unaccounted(orders=1)},
        {"discrepancies": ["order 7: was answered 200 and isn't paid"]},
    ],
)
def test_one_fault_with_anything_wrong_is_the_verdict(wrong: dict[str, object]) -> None:
    assert report.verdict([result(), result()]) is Verdict.CONSISTENT
    assert report.verdict([result(), result(**wrong), result()]) is Verdict.INCONSISTENT


def test_a_slow_convergence_is_marked_and_missed_faults_are_told() -> None:
    console = Console(record=True, width=200)
    with console.capture() as captured:
        console.print(report.table([result(converged_s=11.0, missed=2), result()]))
    slow, fast = (line for line in captured.get().splitlines() if "kill stock" in line)
    assert "11.0 s !" in slow
    assert "2 missed" in slow
    assert "!" not in fast


def timeline() -> Timeline:
    return Timeline(
        samples=[
            Sample(0.5, {"200, paid": 3}, 4),
            Sample(1.0, {"503, outcome unknown": 2}, None),
            Sample(1.5, {"200, paid": 1}, 0),
            Sample(2.0, {}, 1000),
        ],
        faults=[Span("kill stock", 0.6, 0.6), Span("pause stock", 1.2, 1.9, missed="not there")],
        phases=[Span("each fault alone", 0.0, 1.0), Span("storm", 1.0, 2.0)],
    )


def test_all_of_it_is_written_and_drawn(tmp_path: Path) -> None:
    # when a run is reported
    planned = plan(7, 1, FAULTS)
    report.write(tmp_path, planned, 1, Verdict.CONSISTENT, [result()], ["kill beat"], timeline())
    picture.draw(tmp_path, timeline(), "title")
    # then the file has it, and there is a picture
    written = json.loads((tmp_path / report.FILE).read_text())
    assert written["seed"] == 7
    assert written["verdict"] == 0
    assert written["results"][0]["checkouts"] == {"200, paid": 7, "hung up": 1}
    assert written["results"][0]["fine"] is True
    assert written["planned"]["singles"] == [fault.name for fault in planned.singles]
    assert written["left_out"] == ["kill beat"]
    assert [span["name"] for span in written["timeline"]["faults"]] == ["kill stock", "pause stock"]
    assert (tmp_path / picture.FILE).read_bytes().startswith(PNG)


def test_a_run_that_never_began_has_no_picture(tmp_path: Path) -> None:
    picture.draw(tmp_path, Timeline(), "title")
    assert list(tmp_path.iterdir()) == []


def test_each_phase_has_its_own_part_of_the_time() -> None:
    alone, storm = (timeline().within(phase) for phase in timeline().phases)
    assert [sample.at_s for sample in alone.samples] == [0.5, 1.0]
    assert [span.name for span in alone.faults] == ["kill stock"]
    assert [span.name for span in storm.faults] == ["pause stock"]
