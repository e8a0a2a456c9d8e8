"""What a party tells Prometheus of its books and of the legs that it holds.

Read in one script with each sweep, by the party's own process alone: sums over several would lie.
Names are those of `docs/` and the alerts; units last.
"""

from __future__ import annotations

import math

from prometheus_client import Gauge

from recoup import logs
from workers.ledger.engine import Ledger

log = logs.logger(__name__)

BOOKS = {"payment": "money"}
"""What a party's book is called, where that isn't the party's own name."""

HELD = Gauge("recoup_legs_held", "Legs that are not settled, parked ones too", ["party"])
OVERDUE = Gauge("recoup_legs_overdue", "Legs that are past their deadline", ["party"])
PARKED = Gauge("recoup_legs_parked", "Legs put aside: they don't heal by themselves", ["party"])
OLDEST = Gauge(
    "recoup_oldest_overdue_seconds", "How long the oldest leg is past its deadline", ["party"]
)
HELD_UNITS = Gauge("recoup_held_units", "Pieces or credits that are held", ["party"])
IMBALANCE = Gauge(
    "recoup_imbalance_units",
    "Put in, less available, held and used: always 0. NaN: the totals are not known",
    ["book"],
)


def observe(ledger: Ledger) -> None:
    """Sets the gauges, and logs an error if the books don't balance.

    Raises Unanswered when the database doesn't answer.
    """
    now, party = ledger.measure(), ledger.party
    HELD.labels(party).set(now.legs_due + now.legs_parked)
    OVERDUE.labels(party).set(now.legs_overdue)
    PARKED.labels(party).set(now.legs_parked)
    OLDEST.labels(party).set(now.oldest_overdue_ms / 1000)
    book, totals = BOOKS.get(party, party), now.totals
    HELD_UNITS.labels(party).set(totals.held if totals else math.nan)
    IMBALANCE.labels(book).set(totals.imbalance if totals else math.nan)
    if totals and totals.imbalance:
        wrong = "the books of %s don't balance: %s. Find out more: recoup audit"
        log.error(wrong, party, totals, party=party)
