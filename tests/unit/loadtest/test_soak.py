"""Whether a series grows: flat ones don't, steady growth does, spikes and steps decide nothing."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from loadtest.books import Verdict
from loadtest.soak import measure, picture
from loadtest.soak.measure import Series
from loadtest.soak.run import FILE, Result, write
from loadtest.soak.trend import Tolerance, Trend, percentile, slope, trend, trend_z

TIMES_S = [4.0 * number for number in range(60)]
MEMORY = Tolerance(part=0.03, least=2.0)


def noise(seed: int, most: float = 1.0) -> list[float]:
    draw = random.Random(seed)
    return [100 + draw.uniform(-most, most) for _ in TIMES_S]


def leak(per_min: float, seed: int = 1) -> list[float]:
    """So much more every minute."""
    return [value + per_min * at_s / 60 for at_s, value in zip(TIMES_S, noise(seed), strict=True)]


@pytest.mark.parametrize("seed", range(20))
def test_noise_does_not_grow(seed: int) -> None:
    assert not trend(TIMES_S, noise(seed, most=10.0), MEMORY).grows


def test_a_constant_does_not_grow() -> None:
    assert not trend(TIMES_S, [100.0] * len(TIMES_S), MEMORY).grows


@pytest.mark.parametrize("per_min", [1.0, 10.0])
def test_a_leak_grows(per_min: float) -> None:
    found = trend(TIMES_S, leak(per_min), MEMORY)
    assert found.grows
    # and it is told how fast
    assert found.per_h == pytest.approx(60 * per_min, rel=0.2)


def test_a_leak_below_what_is_tolerated_is_not_called_growth() -> None:
    found = trend(TIMES_S, leak(per_min=0.5), MEMORY)
    assert found.z > 2.33  # it is seen,
    assert not found.grows  # and too small to be told from what a machine does by itself


def test_what_shrinks_does_not_grow() -> None:
    assert not trend(TIMES_S, leak(per_min=-10.0), MEMORY).grows


def test_spikes_decide_nothing() -> None:
    # given a flat series, with a few high values at its end
    values = noise(1)
    values[-4:] = [1000.0] * 4
    # then it is still flat
    assert not trend(TIMES_S, values, MEMORY).grows


def test_a_small_series_has_to_rise_by_the_least() -> None:
    values = [1.0 + at_s / 240 for at_s in TIMES_S]  # it doubles, by one
    assert not trend(TIMES_S, values, Tolerance(part=0.03, least=2.0)).grows
    assert trend(TIMES_S, values, Tolerance(part=0.03, least=0.5)).grows


def test_too_few_points_tell_nothing() -> None:
    with pytest.raises(ValueError, match="too few"):
        trend(TIMES_S[:11], [1.0] * 11, MEMORY)
    trend(TIMES_S[:12], [1.0] * 12, MEMORY)


def test_a_slope_is_what_most_pairs_say() -> None:
    assert slope([0, 1, 2, 3, 4], [0, 2, 4, 6, 100]) == pytest.approx(2, abs=0.1)
    assert slope([0, 1, 2], [5, 5, 5]) == 0


def test_a_trend_has_a_direction_and_chance_has_none() -> None:
    assert trend_z(list(range(20))) > 5
    assert trend_z(list(range(20, 0, -1))) < -5
    assert trend_z([1.0, 2.0] * 10) < 2.33
    assert trend_z([1.0] * 20) == 0


@pytest.mark.parametrize(("part", "value"), [(0.0, 1), (0.5, 6), (0.99, 10), (1.0, 10)])
def test_a_percentile(part: float, value: float) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], part) == value


# --- the verdict ---------------------------------------------------------------------------------

FLAT = Trend(level=100.0, rise=0.5, tolerated=3.0, per_h=7.5, z=0.4, grows=False)


def result(**changes: object) -> Result:
    """A run in which nothing grew, but for what is changed."""
    fine: dict[str, object] = {
        "began_s": 75.0,
        "ended_s": 300.0,
        "trends": {"stock memory": FLAT},
        "answers": {"200": 9000},
        "rounds": 4,
    }
    return Result(**(fine | changes))  # type: ignore[arg-type]


def test_a_run_in_which_nothing_grew_is_fine() -> None:
    assert result().wrong() == []
    assert result().verdict() is Verdict.CONSISTENT


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"trends": {"stock memory": replace(FLAT, grows=True)}}, "stock memory grows"),
        ({"left_keys": {"payment": 40}}, "payment keeps 40 legs"),
        ({"died": ["flower"]}, "flower died"),
        ({"answers": {"200": 9000, "503": 2}}, "2 checkouts were answered 503"),
    ],
)
def test_anything_else_is_told_and_is_the_verdict(changes: dict[str, object], word: str) -> None:
    assert result(**changes).wrong() == [word]
    assert result(**changes).verdict() is Verdict.INCONSISTENT


def test_all_of_it_is_written_and_drawn(tmp_path: Path) -> None:
    series = {
        "stock memory": Series("MB", MEMORY, TIMES_S, noise(1)),
        "stock-db keys": Series("keys", MEMORY, TIMES_S, noise(2)),
        "checkout p99": Series("ms", MEMORY, TIMES_S, noise(3)),
        "checkout median": Series("ms", MEMORY, TIMES_S[:3], noise(4)[:3]),
        "cores used by others": Series("cores", MEMORY, TIMES_S, noise(5)),
    }
    judged = {name: each.trend(75, 300) for name, each in series.items() if "median" not in name}
    found = result(trends=judged, unjudged=["checkout median"])
    write(tmp_path, 5, found, series)
    picture.draw(tmp_path, found, series, "title")
    written = json.loads((tmp_path / FILE).read_text())
    assert written["verdict"] == 0
    assert written["unjudged"] == ["checkout median"]
    assert written["trends"]["stock memory"]["grows"] is False
    assert written["series"]["stock-db keys"]["values"] == noise(2)
    assert (tmp_path / picture.FILE).read_bytes().startswith(b"\x89PNG")


def test_a_series_is_judged_between_two_times() -> None:
    # given a series that rises, and is flat from its middle on
    values = [min(at_s, 120.0) for at_s in TIMES_S]
    series = Series("MB", MEMORY, TIMES_S, values)
    # then it depends on when one looks
    assert series.trend(0, 240).grows
    assert not series.trend(124, 240).grows


# --- whose cores ---------------------------------------------------------------------------------


def test_what_this_process_uses_is_not_others(monkeypatch: pytest.MonkeyPatch) -> None:
    # given cores that have worked for 8 s in 4 s, 5 of them for this run
    busy_s, own_s, now_s = iter([100.0, 101.0, 109.0]), iter([10.0, 15.0]), iter([0.0, 1.0, 5.0])
    monkeypatch.setattr(measure, "busy_s", lambda: next(busy_s))
    monkeypatch.setattr(measure, "used_s", lambda pid: next(own_s))
    monkeypatch.setattr(measure, "time", SimpleNamespace(monotonic=lambda: next(now_s)))
    cpu = measure.Cpu()
    # then the first look tells nothing, since what the run had used before is unknown
    assert cpu.others([]) == 0.0
    # and the next one tells what is left for others
    assert cpu.others([]) == pytest.approx((8 - 5) / 4)


def test_a_process_that_is_gone_uses_nothing() -> None:
    assert measure.used_s(2**22 + 1) == 0.0
    assert measure.busy_s() > 0
