"""Causes are bounded, in number and in what they add up to."""

from __future__ import annotations

from recoup.settings import AMOUNT_MAX
from workers.ledger.waiting import CAUSES_MOST, Waiting, causes

NOW_MS = 10_000


def leg(cause: str, amount: int = 1, held_at_ms: int = 4_000) -> Waiting:
    return Waiting("o.1", cause, [("a", amount)], held_at_ms, tries=0, next_try_ms=0)


def test_the_most_frequent_causes_are_told() -> None:
    # given more causes than anyone reads, of which the last is the most frequent
    legs = [leg(f"cause {n:03}") for n in range(CAUSES_MOST + 1)] + [leg(f"cause {CAUSES_MOST}")]
    # then it comes first, and the last of the others is left out
    told = [cause.cause for cause in causes(legs, NOW_MS)]
    assert told == [f"cause {CAUSES_MOST}", *(f"cause {n:03}" for n in range(CAUSES_MOST - 1))]


def test_full_accounts_are_no_more_than_a_number_can_say() -> None:
    (cause,) = causes([leg("one", AMOUNT_MAX)] * 2_000, NOW_MS)
    assert (cause.legs, cause.units) == (2_000, AMOUNT_MAX)


def test_the_longest_held_is_told_and_an_unknown_time_is_none() -> None:
    (cause,) = causes([leg("one", held_at_ms=0), leg("one", held_at_ms=7_000)], NOW_MS)
    assert cause.held_for_ms == 3_000
    (cause,) = causes([leg("one", held_at_ms=NOW_MS + 1)], NOW_MS)
    assert cause.held_for_ms == 0
