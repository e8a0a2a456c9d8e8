"""Whether a series grows: flat ones don't, steady growth does, spikes and steps decide nothing."""

from __future__ import annotations

import random

import pytest

from loadtest.soak.trend import Tolerance, percentile, slope, trend, trend_z

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
