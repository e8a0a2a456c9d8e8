"""Figures are medians of rounds; ratios are taken within a round."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadtest.bench import plan as planned
from loadtest.bench.figures import Figures, Run, Spread, spread
from loadtest.bench.generator import Tally


def run(number: int, scenario: str, per_s: int, **changes: object) -> Run:
    """A load of two seconds in which so many a second were answered 200."""
    tally = Tally(
        sent=2 * per_s + 5,
        answers={"200": 2 * per_s + 1, "400": 4},
        in_time={"200": 2 * per_s, "400": 4, "503": 10},
        window_s=2.0,
        took_ms={"p50": 10.0, "p99": 20.0},
        failed={"reset": 1, "refused": 2},
    )
    return Run(number, scenario, 64, tally, **changes)  # type: ignore[arg-type]


def checked_out(
    answers: dict[str, int], connections: int = 64, scenario: str = "checkout", failed: int = 0
) -> Run:
    tally = Tally(answers=answers, failed={"reset": failed})
    return Run(0, scenario, connections, tally)


@pytest.mark.parametrize(
    ("load", "paid", "again"),
    [
        (checked_out({"200": 9, "503": 2}), 9, 0),
        (checked_out({"200": 1, "400": 9}, scenario=planned.REFUSED_90), 1, 0),
        # one who was hung up on may have paid
        (checked_out({"200": 9}, connections=5_000, failed=2), 11, 0),
    ],
)
def test_a_load_that_went_as_it_should(load: Run, paid: int, again: int) -> None:
    assert list(load.wrong(paid, again)) == []


@pytest.mark.parametrize(
    ("load", "paid", "again"),
    [
        (checked_out({"200": 9, "500": 1}), 9, 0),
        (checked_out({"200": 9, "400": 1}), 9, 0),
        (checked_out({"200": 9}, failed=1), 9, 0),
        (checked_out({"200": 9}), 8, 0),
        (checked_out({"200": 9}), 10, 0),
        (checked_out({"200": 9}), 9, 1),
        (checked_out({"200": 9}, connections=5_000, failed=2), 8, 0),
        (checked_out({"200": 9}, connections=5_000, failed=2), 12, 0),
    ],
)
def test_a_load_that_is_no_result(load: Run, paid: int, again: int) -> None:
    (why,) = load.wrong(paid, again)
    assert why.startswith(f"checkout at {load.connections}: ")


def test_a_spread_is_the_median_and_the_ends() -> None:
    assert spread([5, 1, 9]) == Spread(median=5, least=1, most=9)
    assert spread([]) is None


def test_what_a_run_tells() -> None:
    found = run(
        0,
        "checkout",
        100,
        cpu_ms={"gateway": 0.5, "stock": 0.25},
        redis={"stock": 3.0, "orders": 2.0, "scripts": 4.0},
        grpc=0.5,
        tasks=0.1,
        settled_s=0.3,
    )
    numbers = found.figures()
    assert found.final() == 205
    # answers within the window, by what they promise
    assert numbers["per_s"] == 100
    assert numbers["final_per_s"] == 102
    assert numbers["unavailable_per_s"] == 5
    assert numbers["failed"] == 3
    # and costs, their sums too
    assert numbers["cpu_ms"] == 0.75
    assert numbers["cpu gateway ms"] == 0.5
    assert numbers["redis"] == 5.0
    assert numbers["redis scripts"] == 4.0
    assert (numbers["grpc_calls"], numbers["tasks"], numbers["settled_s"]) == (0.5, 0.1, 0.3)


def test_a_figure_is_taken_over_the_rounds() -> None:
    figures = Figures([run(0, "bare", 90), run(1, "bare", 300), run(2, "bare", 100)])
    assert figures.of(("bare", 64), "per_s") == Spread(100, 90, 300)
    assert figures.measured() == [("bare", 64)]


def test_a_ratio_is_taken_within_each_round() -> None:
    # given a machine that becomes three times as fast in the second round
    rounds = [(0, 100), (1, 300)]
    runs = [
        run(number, scenario, per_s * part)
        for number, per_s in rounds
        for scenario, part in (("bare", 2), ("checkout", 1))
    ]
    # then that doesn't show in the ratio
    assert Figures(runs).ratio(("checkout", 64), ("bare", 64), "per_s") == Spread(0.5, 0.5, 0.5)


@pytest.mark.parametrize("name", ["settled_s", "per_s"])
def test_what_was_not_measured_is_no_figure(name: str) -> None:
    figures = Figures([run(0, "bare", 90)])
    assert figures.of(("bare", 256), name) is None
    assert figures.ratio(("checkout", 64), ("bare", 64), name) is None
    assert figures.of(("bare", 64), "settled_s") is None


def test_a_ratio_to_nothing_is_none() -> None:
    runs = [run(0, "checkout", 5), run(0, "bare", 0)]
    assert Figures(runs).ratio(("checkout", 64), ("bare", 64), "per_s") is None


def test_what_was_measured_is_listed_by_connections_then_the_rest() -> None:
    # given a crowd that was measured last, and what is compared with it
    measured = [("bare", 4), ("bare", 9), ("bare", 5), ("hot", 5)]
    runs = [replace(run(0, name, 1), connections=number) for name, number in measured]
    assert Figures(runs).measured() == [("bare", 4), ("bare", 5), ("bare", 9), ("hot", 5)]
