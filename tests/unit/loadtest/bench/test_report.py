"""What a bench writes, draws and shows; and when it says: careful."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from loadtest.bench import picture, report
from loadtest.bench.figures import Figures, Run, Spread
from loadtest.bench.generator import Tally
from loadtest.bench.plan import BARE, CHECKOUT, EVERYSEC, HOT, Plan
from loadtest.bench.shop import Taken
from loadtest.bench.targets import Target, targets

PNG = b"\x89PNG"
IDLE = {"gateway": 0.01, "stock": 0.005}

TALLY = Tally(
    sent=200,
    answers={"200": 200},
    in_time={"200": 190, "503": 7},
    window_s=1.0,
    took_ms={"p50": 10.0, "p99": 20.0, "p99.9": 21.0, "most": 22.0},
    failed={"refused": 0},
)
COSTS: dict[str, object] = {
    "cpu_ms": {"gateway": 0.5, "stock": 0.25},
    "redis": {"stock": 3.0, "scripts": 2.0},
    "grpc": 0.25,
    "tasks": 0.05,
    "settled_s": 0.1,
}


def run(number: int, scenario: str, connections: int = 256, **changes: object) -> Run:
    cost = {"cpu_ms": {"bare": 0.3}} if scenario == BARE else COSTS
    given = {"taken": Taken(1, 0, 200), **cost, **changes}
    return Run(number, scenario, connections, TALLY, **given)  # type: ignore[arg-type]


RUNS = [
    run(number, scenario, connections)
    for number in range(2)
    for scenario, connections in (
        (BARE, 4),
        (CHECKOUT, 4),
        (BARE, 256),
        (CHECKOUT, 256),
        (HOT, 256),
    )
]


def said(table: Table) -> str:
    text = io.StringIO()
    Console(file=text, width=200).print(table)
    return text.getvalue()


def test_the_file_has_everything(tmp_path: Path) -> None:
    found = targets(Figures(RUNS), 0.015, 1_000_000)
    path = report.write(tmp_path, report.as_json(Plan(), RUNS, IDLE, found, []))
    written = json.loads(path.read_text())
    assert written["balanced"]
    assert written["plan"]["rounds"] == 5
    assert written["machine"]["cores"] >= 1
    assert len(written["runs"]) == len(RUNS)
    assert written["runs"][1]["tally"]["answers"] == {"200": 200}
    assert written["figures"]["checkout at 256: per_s"] == {
        "median": 190,
        "least": 190,
        "most": 190,
    }
    assert written["figures"]["checkout at 256: cpu_ms of bare"]["median"] == 2.5
    assert written["figures"]["idle: cores"]["median"] == 0.015
    assert {target["name"]: target["reached"] for target in written["targets"]}


def test_what_is_wrong_is_no_balance() -> None:
    written = report.as_json(Plan(), RUNS, IDLE, [], ["the books differ"])
    assert not written["balanced"]
    assert written["wrong"] == ["the books differ"]


def test_the_tables_have_a_row_for_each_scenario() -> None:
    figures = Figures(RUNS)
    for table in (report.answers(figures), report.costs(figures)):
        text = said(table)
        assert text.count(CHECKOUT) >= 2
        assert HOT in text
    text = said(report.cpu(figures, IDLE))
    assert "gateway" in text
    assert "1.5" in text  # all of it when idle, % of a core


def test_scenarios_are_compared_with_what_they_differ_from() -> None:
    text = said(report.comparisons(Figures(RUNS), 256))
    assert HOT in text
    assert "1.00" in text
    assert EVERYSEC not in text  # which was not measured


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (None, ""),
        (Spread(1000.0, 950.0, 1200.0), "1,000 ±20 %"),
        (Spread(0.0, 0.0, 0.0), "0"),
        (Spread(0.0, 0.0, 3.0), "0 (0-3)"),
        (Spread(10.0, 9.0, 300.0), "10 (9-300)"),
    ],
)
def test_a_figure_is_shown_with_its_spread(found: Spread | None, text: str) -> None:
    assert report.shown(found) == text


def test_only_what_was_measured_beside_the_bare_route_is_held_against_it() -> None:
    figures = Figures([*RUNS, run(0, EVERYSEC)])
    assert report.of_bare(figures, (CHECKOUT, 256), "cpu_ms") == Spread(2.5, 2.5, 2.5)
    assert report.of_bare(figures, (EVERYSEC, 256), "cpu_ms") is None


@pytest.mark.parametrize(
    ("value", "word"), [(0.2, "missed"), (0.4, "reached"), (None, "not measured")]
)
def test_a_target_is_said_to_be_reached_or_not(value: float | None, word: str) -> None:
    assert word in said(report.judged([Target("throughput", value, 0.3, at_least=True)]))


def test_the_hungriest_process_comes_first() -> None:
    assert report.processes(Figures(RUNS), [(CHECKOUT, 256), (BARE, 256)]) == [
        "gateway",
        "bare",
        "stock",
    ]


def test_a_busy_generator_and_busy_others_are_told() -> None:
    assert report.doubts(RUNS) == []
    busy = replace(RUNS[0], tally=replace(TALLY, busy=0.9))
    assert report.doubts([busy]) == ["the load generator may have been what limits: bare at 4"]
    disturbed = replace(RUNS[0], others_cores=0.5)
    assert "during 1 of 2 loads" in report.doubts([disturbed, RUNS[1]])[0]


def test_there_is_a_picture(tmp_path: Path) -> None:
    path = picture.draw(tmp_path, Figures(RUNS), "a bench")
    assert path.read_bytes().startswith(PNG)


def test_there_is_a_picture_of_a_part_too(tmp_path: Path) -> None:
    only = [each for each in RUNS if each.scenario == HOT]
    assert picture.draw(tmp_path, Figures(only), "a part").read_bytes().startswith(PNG)
