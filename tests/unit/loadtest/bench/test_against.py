"""Two benches beside each other: ratios, and whether a change is more than chance."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from loadtest.bench import against
from loadtest.bench.against import Change


def figure(median: float, by: float = 1.0) -> dict[str, float]:
    return {"median": median, "least": median - by, "most": median + by}


def report(**figures: dict[str, float]) -> dict[str, Any]:
    return {
        "balanced": True,
        "machine": {"cores": 2},
        "plan": {"rounds": 5, "seconds": 3.0},
        "figures": {f"checkout at 64: {name}": each for name, each in figures.items()},
    }


def test_figures_that_both_have_are_compared() -> None:
    old = report(per_s=figure(100), p50_ms=figure(8), gone=figure(1))
    new = report(per_s=figure(150), p50_ms=figure(9), came=figure(1))
    assert against.changes(old, new) == [
        Change("checkout at 64: per_s", 100, 150, apart=True),
        Change("checkout at 64: p50_ms", 8, 9, apart=False),
    ]
    assert against.changes(old, new)[0].ratio == 1.5


@pytest.mark.parametrize(
    ("name", "old", "new", "better"),
    [
        ("checkout at 64: per_s", 100, 150, True),
        ("checkout at 64: per_s of bare", 0.2, 0.1, False),
        ("checkout at 64: p50_ms", 10, 5, True),
        ("checkout at 64: cpu_ms of bare", 3, 4, False),
    ],
)
def test_more_answers_and_less_of_all_else_is_better(
    name: str, old: float, new: float, better: bool
) -> None:
    assert Change(name, old, new, apart=True).better is better
    # but not where the rounds overlap
    assert Change(name, old, new, apart=False).better is None


def test_there_is_no_ratio_to_nothing() -> None:
    assert Change("checkout at 64: failed", 0, 1, apart=True).ratio is None


def test_the_table_names_each_figure() -> None:
    said = io.StringIO()
    table = against.table([Change("checkout at 64: per_s", 100, 150, apart=True)])
    Console(width=200, file=said).print(table)
    assert "checkout at 64: per_s" in said.getvalue()
    assert "1.50" in said.getvalue()


def test_an_earlier_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(report(per_s=figure(1))))
    assert against.read(path) == report(per_s=figure(1))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"figures": 3}'])
def test_what_no_bench_has_written_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bench.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="is not what a bench has written"):
        against.read(path)
    with pytest.raises(ValueError, match="is not what a bench has written"):
        against.read(tmp_path / "none.json")


def test_what_did_not_balance_is_nothing_to_compare_with(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(report() | {"balanced": False}))
    with pytest.raises(ValueError, match="no result to compare with"):
        against.read(path)


def test_who_compares_is_told_what_else_differs() -> None:
    # given a quick bench of another machine
    old = report() | {
        "machine": {"cores": 8, "disk": "fast"},
        "plan": {"rounds": 2, "seconds": 3.0},
    }
    # when today's is compared with it, then that is said
    assert list(against.doubts(old, report())) == [
        "the earlier bench ran on another machine: cores, disk differ",
        "the earlier bench ran by another plan: rounds differ",
    ]
    assert list(against.doubts(report(), report())) == []
