"""Times and counts, for people."""

from __future__ import annotations

import time

import pytest

from recoup.operate.wording import brief, clock, count, duration


@pytest.mark.parametrize(
    ("ms", "words", "short"),
    [
        (-5, "0.0 s", "0.0s"),
        (800, "0.8 s", "0.8s"),
        (9_949, "9.9 s", "9.9s"),
        (41_000, "41 s", "41s"),
        (59_600, "1 min", "1m"),
        (173_000, "2 min 53 s", "2m53s"),
        (7_260_000, "2 h 1 min", "2h1m"),
        (90_000_000, "1 d 1 h", "1d1h"),
    ],
)
def test_how_long(ms: int, words: str, short: str) -> None:
    assert (duration(ms), brief(ms)) == (words, short)


def test_a_moment_has_its_date_unless_it_is_todays() -> None:
    now_s = time.time()
    assert clock(now_s * 1000) == time.strftime("%H:%M:%S", time.localtime(now_s))
    assert clock(0).startswith("19")


@pytest.mark.parametrize(("number", "words"), [(1, "1 leg"), (0, "0 legs"), (1204, "1,204 legs")])
def test_how_many(number: int, words: str) -> None:
    assert count(number, "leg") == words
