"""Who answers this process, and how far the clocks are apart: looked at when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gevent

from gateway import metrics
from gateway.orders.store import OrderStore
from gateway.parties import Party
from recoup.bounds import PROBE_TID
from recoup.errors import RecoupError
from recoup.settings import Settings

LIMIT_S = 1.0
"""Whoever asks how this process does, a probe or Prometheus, gives up later than this."""

SKEW_ALARM_PART = 0.25
"""Clocks that disagree by this part of a deadline are worth an alarm: deductions will be late."""


class Watch:
    """Looks at the order store and all parties at once."""

    def __init__(
        self,
        store: OrderStore,
        parties: Sequence[Party],
        clock_offset_ms: Callable[[], float | None],
        settings: Settings,
    ) -> None:
        """`clock_offset_ms`: the order store's clock, as parties have theirs."""
        self._store = store
        self._parties = parties
        self._clock_offset_ms = clock_offset_ms
        self._alarm_s = SKEW_ALARM_PART * settings.deadline_ms / 1000

    def look(self) -> dict[str, dict[str, Any]]:
        """What is to be said of each service, for people; and sets what is measured of them."""
        checks = {"orders": gevent.spawn(check, lambda: self._store.propose(PROBE_TID, ""))}
        for party in self._parties:
            checks[party.name] = gevent.spawn(check, lambda p=party: p.ping(LIMIT_S))
        gevent.joinall(list(checks.values()), timeout=LIMIT_S + 0.2)
        services = {
            name: greenlet.value or {"ok": False, "problem": "no answer in time"}
            for name, greenlet in checks.items()
        }
        for name, service in services.items():
            metrics.PEER_UP[name].set(service["ok"])
        for party in self._parties:
            services[party.name] |= self._clock(party)
            services[party.name]["breaker"] = "open" if party.away else "closed"
        return services

    def _clock(self, party: Party) -> dict[str, Any]:
        skew_s = skew(party, self._clock_offset_ms())
        if skew_s is None:
            return {}
        metrics.CLOCK_SKEW_S[party.name].set(skew_s)
        off = {"ok": False, "problem": "its clock is off"} if abs(skew_s) > self._alarm_s else {}
        return {"clock_skew_s": round(skew_s, 3), **off}


def check(ask: Callable[[], object]) -> dict[str, Any]:
    """Whether a service answers."""
    try:
        ask()
    except RecoupError as error:
        return {"ok": False, "problem": str(error)}
    return {"ok": True}


def skew(party: Party, orders_offset_ms: float | None) -> float | None:
    """How far a party's clock is ahead of the order store's, in s; None before both were seen."""
    if party.clock_offset_ms is None or orders_offset_ms is None:
        return None
    return (party.clock_offset_ms - orders_offset_ms) / 1000
