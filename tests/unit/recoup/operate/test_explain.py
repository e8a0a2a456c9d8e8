"""Why a leg waits and what happens next; what a customer was told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from recoup.operate.explain import explain, told
from recoup.operate.records import Decision
from tests.unit.recoup.operate.sights import LEG, tried

AWAY = "orders can't be reached (no answer in time)"

LEGS: list[tuple[dict[str, Any], str]] = [
    (
        {**tried("another", AWAY, AWAY, AWAY), "next_try_in_ms": 41_000},
        f"{AWAY} for 3 min; try 4; next in 41 s",
    ),
    (
        {**tried(AWAY, AWAY), "tries": 15, "next_try_in_ms": 41_000},
        f"{AWAY} for more than 2 min; try 15; next in 41 s",
    ),
    (
        {**tried(AWAY), "next_try_in_ms": -100, "due_in_ms": 4_900},
        f"{AWAY} for 1 min; try 1; if nobody settles it, the sweep looks in 4.9 s",
    ),
    (
        {"cause": AWAY, "tries": 1, "due_in_ms": -3},
        f"{AWAY}; try 1; the sweep takes it with its next round",
    ),
    (
        {"deadline_in_ms": 3_000, "due_in_ms": 3_000},
        "its checkout is under way, and has 3.0 s left",
    ),
    (
        {"deadline_in_ms": -2_000, "due_in_ms": -2_000},
        "its deadline passed 2.0 s ago, and no try has failed; the sweep takes it with its next "
        "round",
    ),
    (
        {"deadline_in_ms": -2_000, "due_in_ms": None},
        "its deadline passed 2.0 s ago, and no try has failed; nobody will look at it: it isn't in "
        "the due index (recoup audit)",
    ),
    (
        {"parked": True, "cause": "missing account", "due_in_ms": None},
        "parked: missing account. It doesn't heal by itself, and is tried every 5 min; mend what "
        "it names, then recoup retry 8f3c.1",
    ),
    ({"state": "committed", "settled_ago_ms": 60_000}, "committed 1 min ago, at once"),
    (
        {"state": "returned", "settled_ago_ms": 60_000, "tries": 2},
        "returned 1 min ago, after 2 tries of its own",
    ),
    ({"state": "none"}, "it holds nothing, and never has or has forgotten it by now"),
    ({"state": "malformed"}, "its record can't be read: recoup audit says what to do"),
]


@pytest.mark.parametrize(("changes", "sentence"), LEGS)
def test_a_leg_is_explained_in_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    assert explain(replace(LEG, **changes), parked_retry_s=300) == sentence


def decision(verdict: str, by: str, why: str) -> Decision:
    return Decision("8f3c.1", verdict, by, why, 0)


ANSWERS = [
    ("open", (), "nothing yet, or forgotten"),
    ("paid", (), "paid; what was answered is forgotten"),
    ("paid", (decision("commit", "gateway", "all said yes"),), "200, paid"),
    (
        "paid",
        (decision("commit", "payment-worker", "all hold their legs"),),
        "no answer, or 503: payment-worker committed it. Asking again answers 200, charged once",
    ),
    (
        "open",
        (decision("abort", "stock's sweep", "past the deadline and payment has no leg"),),
        "no answer, or 503: stock's sweep aborted it (past the deadline and payment has no leg). "
        "Asking again is safe",
    ),
    (
        "open",
        (decision("abort", "gateway", "not enough credit"),),
        "400, not paid: not enough credit",
    ),
    (
        "open",
        (decision("abort", "gateway", "the cart was changed"),),
        "409, not paid: the cart was changed",
    ),
    (
        "open",
        (decision("abort", "gateway", "payment did not answer"),),
        "503, ask again: payment did not answer",
    ),
    (
        "paid",  # the latest counts
        (
            decision("abort", "gateway", "payment did not answer"),
            decision("commit", "gateway", "all said yes"),
        ),
        "200, paid",
    ),
]


@pytest.mark.parametrize(("state", "history", "sentence"), ANSWERS)
def test_what_the_customer_was_told(
    state: str, history: tuple[Decision, ...], sentence: str
) -> None:
    assert told(state, history) == sentence
