"""Overviews and legs to judge: all is well, but for what a test says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from recoup.operate.overview import (
    Books,
    BrokerView,
    GatewayView,
    OrdersView,
    Overview,
    PartyView,
    Reason,
    Seen,
)
from recoup.operate.records import Leg, Line, Try
from recoup.settings import Settings

NOW_S = 1_000_000.0
CLOCK_MS = 5_000_000
AWAY = "no answer in time"

FINE = PartyView(
    legs_due=0,
    legs_parked=0,
    legs_overdue=0,
    oldest_overdue_ms=0,
    books=Books(put_in=100, available=60, held=3, used=37),
    swept_at_ms=CLOCK_MS - 800,
    durable=True,
    clock_ms=CLOCK_MS,
)

LEG = Leg(
    party="payment",
    tid="8f3c.1",
    state="held",
    units=50,
    lines=(Line("u1", 50),),
    held_at_ms=CLOCK_MS - 200_000,
    held_for_ms=200_000,
    settled_at_ms=0,
    settled_ago_ms=None,
    deadline_in_ms=-195_000,
    tries=0,
    cause="",
    recent_tries=(),
    parked=False,
    due_in_ms=4_000,
    next_try_in_ms=None,
)


def overview(at_s: float = NOW_S, **changes: Any) -> Overview:
    """Of an instance where all is well; `stock` and `payment` change what these parties say, with
    None who doesn't answer and never has. The rest replaces what an overview has."""
    parties = {}
    for name in ("stock", "payment"):
        said = changes.pop(name, {})
        answers = Seen(replace(FINE, **said), at_s) if said is not None else Seen(problem=AWAY)
        parties[name] = answers
    fine = Overview(
        at_s=at_s,
        parties=parties,
        orders=Seen(OrdersView(CLOCK_MS), at_s),
        gateway=Seen(GatewayView(True, {}, ()), at_s),
        broker=Seen(
            BrokerView({"stock": 0, "payment": 0}, ("stock-worker", "payment-worker")), at_s
        ),
        settings=Settings(),
    )
    return replace(fine, **changes)


def parked(cause: str, legs: int = 1) -> dict[str, Any]:
    """What a party says that has parked legs."""
    return {"legs_parked": legs, "parked": (Reason(cause, legs),)}


def waiting(legs: int, oldest_s: float) -> dict[str, Any]:
    """What a party says of which legs are past their deadline."""
    overdue_ms = int(oldest_s * 1000)
    return {"legs_due": legs, "legs_overdue": legs, "oldest_overdue_ms": overdue_ms}


def tried(*causes: str, ago_ms: int = 60_000) -> dict[str, Any]:
    """A leg that was tried, the last time so long ago, and a minute between two tries."""
    first_ms = ago_ms + (len(causes) - 1) * 60_000
    tries = tuple(
        Try(CLOCK_MS - first_ms + i * 60_000, first_ms - i * 60_000, cause)
        for i, cause in enumerate(causes)
    )
    return {"recent_tries": tries, "tries": len(causes), "cause": causes[-1]}
