"""What a party counts as it happens: legs settled, by whom and how long after, and tries.

Every series is there from the start, at 0: nothing is looked up, and nothing begins to exist, while
checkouts are served.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prometheus_client import Counter, Histogram

from proto import ledger_pb2 as pb
from proto import orders_pb2
from workers.ledger.answers import is_whole

BY = ("gateway", "worker", "sweep")
"""Who settles: a gateway gives back at once, a task, or a party's sweep."""

UNKNOWN = "unknown"
"""Whoever says nothing of that kind. It settles all the same."""

STATES = {orders_pb2.COMMIT: "committed", orders_pb2.ABORT: "returned"}

SETTLED = Counter("recoup_settled", "Legs that were settled", ["party", "as", "by"])
DELAY = Histogram(
    "recoup_settle_delay_seconds",
    "From when a leg was held until it was settled, by the party's clock",
    ["party"],
    # A gateway gives back within some ms, a group is handed over after a tenth of a second; what
    # resists takes from seconds to minutes.
    buckets=(0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 15, 60, 300, 1800),
)
TRIES = Counter(
    "recoup_reconcile_tries",
    "Tries of workers and sweeps that settled a leg, left it waiting, or parked it",
    ["party", "result"],
)


class Counts:
    """What one party counts."""

    def __init__(self, party: str) -> None:
        self._settled = {
            (verdict, by): SETTLED.labels(party, state, by)
            for verdict, state in STATES.items()
            for by in (*BY, UNKNOWN)
        }
        self._delay = DELAY.labels(party)
        self._tries = {each: TRIES.labels(party, each) for each in ("settled", "waiting", "parked")}

    def settled(self, request: pb.ApplyRequest, results: Sequence[list[Any] | None]) -> None:
        """What settle.lua answered to the settlements of this request."""
        by = request.by if request.by in BY else UNKNOWN
        counts = dict.fromkeys(STATES, 0)
        for settlement, result in zip(request.settlements, results, strict=True):
            if result and result[0] == "settled":
                counts[settlement.verdict] += 1
                _, held_at_ms, clock_ms = result
                if is_whole(held_at_ms):  # else its record is damaged
                    self._delay.observe((int(clock_ms) - int(held_at_ms)) / 1000)
        for verdict, count in counts.items():
            if count:
                self._settled[verdict, by].inc(count)
        if by in ("worker", "sweep"):
            self._tries["settled"].inc(sum(counts.values()))

    def waits(self) -> None:
        """A try has left its leg waiting."""
        self._tries["waiting"].inc()

    def parked(self) -> None:
        """A try has parked its leg."""
        self._tries["parked"].inc()
