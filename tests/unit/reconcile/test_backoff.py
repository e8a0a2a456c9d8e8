"""Exponential backoff with full jitter: never 0, never above its ceiling, spread over all of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.backoff import backoff_ms

FIRST_MS, MOST_MS = 100, 30_000


@given(tries=st.integers(0, 10**6), first_ms=st.integers(1, 10**6), most_ms=st.integers(1, 10**6))
def test_it_is_never_nothing_and_never_too_long(tries: int, first_ms: int, most_ms: int) -> None:
    ceiling_ms = min(most_ms, first_ms * 2 ** min(tries, 30))
    assert 1 <= backoff_ms(tries, first_ms, most_ms) <= ceiling_ms


@pytest.mark.parametrize(
    ("tries", "ceiling_ms"), [(0, 100), (1, 200), (5, 3200), (8, 25_600), (9, 30_000), (99, 30_000)]
)
def test_it_doubles_up_to_the_most_and_is_spread_over_all_of_it(
    tries: int, ceiling_ms: int
) -> None:
    # Given many waits after so many tries
    waits_ms = [backoff_ms(tries, FIRST_MS, MOST_MS) for _ in range(500)]
    # Then some are in the lowest quarter, some in the highest, and none above
    assert min(waits_ms) < ceiling_ms / 4
    assert ceiling_ms * 3 / 4 < max(waits_ms) <= ceiling_ms
