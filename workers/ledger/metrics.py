"""What a party tells Prometheus of its books and of the legs that it holds.

Read in one script with each sweep, by the party's own process alone: sums over several would lie.
Names are those of `docs/` and the alerts; units last.
"""

from __future__ import annotations

import math

from prometheus_client import Gauge

from proto import ledger_pb2 as pb
from reconcile.reconciler import ORDERS_FAIL, PARK_REASONS
from recoup import logs
from workers.ledger.engine import Ledger
from workers.ledger.measures import Measures

log = logs.logger(__name__)

BOOKS = {"payment": "money"}
"""What a party's book is called, where that isn't the party's own name."""

HELD = Gauge("recoup_legs_held", "Legs that are not settled, parked ones too", ["party"])
OVERDUE = Gauge("recoup_legs_overdue", "Legs that are past their deadline", ["party"])
PARKED = Gauge(
    "recoup_legs_parked", "Legs put aside: they don't heal by themselves", ["party", "reason"]
)
OLDEST = Gauge(
    "recoup_oldest_overdue_seconds", "How long the oldest leg is past its deadline", ["party"]
)
HELD_UNITS = Gauge("recoup_held_units", "Pieces or credits that are held", ["party"])
IMBALANCE = Gauge(
    "recoup_imbalance_units",
    "Put in, less available, held and used: always 0. NaN: the totals are not known",
    ["book"],
)


REASONS = {
    PARK_REASONS[pb.FAILED]: "malformed",
    PARK_REASONS[pb.CONTRADICTION]: "contradiction",
    PARK_REASONS[pb.MISSING_ACCOUNT]: "missing_account",
    PARK_REASONS[pb.HELD_TOO_LITTLE]: "held_too_little",
    ORDERS_FAIL: "orders_fail",
}
"""What each reason is called here."""

OTHER = "other"
"""Any other reason; and those that are parked beyond so many as are looked at."""


def parked_for(now: Measures) -> dict[str, int]:
    """How many legs are parked, by reason: all that are, and all reasons that there may be."""
    counts = dict.fromkeys((*REASONS.values(), OTHER), 0)
    for text, legs in now.parked_for.items():
        counts[REASONS.get(text, OTHER)] += legs
    counts[OTHER] += now.legs_parked - sum(now.parked_for.values())
    return counts


def observe(ledger: Ledger) -> None:
    """Sets the gauges, and logs an error if the books don't balance.

    Raises Unanswered when the database doesn't answer.
    """
    now, party = ledger.measure(), ledger.party
    HELD.labels(party).set(now.legs_due + now.legs_parked)
    OVERDUE.labels(party).set(now.legs_overdue)
    for reason, legs in parked_for(now).items():
        PARKED.labels(party, reason).set(legs)
    OLDEST.labels(party).set(now.oldest_overdue_ms / 1000)
    book, totals = BOOKS.get(party, party), now.totals
    HELD_UNITS.labels(party).set(totals.held if totals else math.nan)
    IMBALANCE.labels(book).set(totals.imbalance if totals else math.nan)
    if totals and totals.imbalance:
        wrong = "the books of %s don't balance: %s. Find out more: recoup audit"
        log.error(wrong, party, totals, party=party)
