"""What has changed of what waits, between two looks."""

from __future__ import annotations

from dataclasses import replace

from recoup.operate.changes import leg_changes, noteworthy, party_changes
from recoup.operate.records import Leg
from recoup.operate.waiting import Waiting
from tests.unit.recoup.operate.sights import CLOCK_MS, LEG, tried

KEY = (LEG.party, LEG.tid)
CAUSE = "orders can't be reached"
ONCE = replace(LEG, **tried(CAUSE))


def seen(*legs: Leg, **away: str) -> Waiting:
    return Waiting(at_s=1.0, legs=legs, causes=(), counts={}, away=away)


def told(before: Leg | None, after: Leg) -> list[str]:
    earlier = {KEY: before} if before else {}
    return [str(change) for change in leg_changes(1.0, earlier, {KEY: after})]


def test_what_happens_to_a_leg_is_told_once() -> None:
    twice = replace(LEG, **tried(CAUSE, CAUSE, ago_ms=0))
    parked = replace(ONCE, parked=True, cause="missing account")
    settled = replace(ONCE, state="committed", settled_at_ms=CLOCK_MS)
    assert told(None, ONCE) == [f"8f3c.1 of payment waits: {CAUSE}"]
    assert told(ONCE, ONCE) == []
    assert told(ONCE, twice) == [f"8f3c.1 of payment tried: {CAUSE} (try 2)"]
    assert told(twice, parked) == ["8f3c.1 of payment parked: missing account"]
    assert told(parked, parked) == []
    assert told(parked, settled) == ["8f3c.1 of payment settled: committed"]


def test_a_checkout_under_way_is_not_news() -> None:
    fresh = replace(LEG, deadline_in_ms=3_000)
    late = replace(LEG, tid="8f3c.2", deadline_in_ms=-1)
    parked = replace(fresh, tid="8f3c.3", parked=True)
    found = noteworthy(seen(fresh, late, parked))
    assert set(found) == {("payment", "8f3c.2"), ("payment", "8f3c.3")}


def test_a_party_that_goes_and_comes_back() -> None:
    gone = list(party_changes((), seen(stock="no answer in time")))
    back = list(party_changes(("stock",), seen()))
    assert list(map(str, gone + back)) == ["stock away: no answer in time", "stock back"]
    assert list(party_changes(("stock",), seen(stock="no answer in time"))) == []
