"""What happened in an attempt, in order: read, votes, verdict, tries, settlement, what comes."""

from __future__ import annotations

from typing import Any

from gateway.console.timeline import timeline
from recoup.operate.records import Attempt, Decision, Leg, Line, Try

AT_S = 1_000.0
NOW_MS = 1_000_000
DEADLINE_MS = 5_000


def leg(party: str, state: str, **others: Any) -> Leg:
    known: dict[str, Any] = {
        "party": party,
        "tid": "o.1",
        "state": state,
        "units": 2,
        "lines": (Line("a", 2),),
        "held_at_ms": NOW_MS - 60_000,
        "held_for_ms": 60_000,
        "settled_at_ms": 0,
        "settled_ago_ms": None,
        "deadline_in_ms": -55_000,
        "tries": 0,
        "cause": "",
        "recent_tries": (),
        "parked": False,
        "due_in_ms": None,
        "next_try_in_ms": None,
    }
    return Leg(**(known | others))


def told(attempt: Attempt) -> list[tuple[float, str, bool]]:
    """How long ago what happened, in s."""
    return [
        ((NOW_MS - event.at_ms) / 1000, event.what, event.happened)
        for event in timeline(attempt, AT_S, DEADLINE_MS)
    ]


def test_a_checkout_that_was_paid_is_told_from_read_to_settled() -> None:
    # given an attempt that both have settled
    decision = Decision("o.1", "commit", "gateway", "all said yes", at_ms=NOW_MS - 59_900)
    legs = tuple(
        leg(name, "committed", settled_at_ms=NOW_MS - 59_700) for name in ("stock", "payment")
    )
    # when it is told, then each thing stands in its place, and nothing is to come
    assert told(Attempt("o.1", "commit", decision, legs, {})) == [
        (60.0, "order read", True),
        (60.0, "stock said yes", True),
        (60.0, "payment said yes", True),
        (59.9, "verdict commit", True),
        (59.7, "stock kept what was held", True),
        (59.7, "payment kept what was held", True),
    ]


def test_a_leg_that_waits_shows_its_tries_folded_and_the_next_one() -> None:
    tries = (Try(NOW_MS - 40_000, 40_000, "no answer"), Try(NOW_MS - 20_000, 20_000, "refused"))
    waits = leg("stock", "held", tries=5, cause="refused", recent_tries=tries, next_try_in_ms=8_000)
    attempt = Attempt("o.1", "undecided", None, (waits, leg("payment", "none", held_at_ms=0)), {})
    assert told(attempt) == [
        (60.0, "order read", True),
        (60.0, "stock said yes", True),
        (55.0, "deadline", True),
        (40.0, "stock tried to settle it", True),
        (-8.0, "stock tries again", False),
    ]
    tried = timeline(attempt, AT_S, DEADLINE_MS)[3]
    assert tried.folded == ((NOW_MS - 40_000, "no answer"), (NOW_MS - 20_000, "refused"))
    assert tried.detail == "refused (earlier ones, 3, are forgotten)"


def test_a_checkout_under_way_has_its_deadline_before_it() -> None:
    under_way = leg(
        "stock", "held", held_at_ms=NOW_MS - 1_000, deadline_in_ms=4_000, due_in_ms=4_000
    )
    *_, deadline, again = told(Attempt("o.1", "undecided", None, (under_way,), {}))
    assert deadline == (-4.0, "deadline", False)
    assert again == (-4.0, "stock tries again", False)


def test_a_leg_that_is_parked_says_so() -> None:
    parked = leg("stock", "held", parked=True, cause="missing account", tries=1)
    *_, last = told(Attempt("o.1", "abort", None, (parked,), {}))
    assert last == (0.0, "stock has parked it", True)


def test_nothing_known_is_nothing_told() -> None:
    nothing = leg("stock", "none", deadline_in_ms=None, held_at_ms=0)
    assert told(Attempt("o.1", "abort", None, (nothing,), {})) == []
