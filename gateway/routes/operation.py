"""What operators and their tools ask: is it alive, is it ready, how does it measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gevent
from flask import Blueprint, Response

from gateway import metrics
from gateway.orders.store import OrderStore
from gateway.parties import Party
from recoup.errors import RecoupError
from recoup.settings import Settings

READY_LIMIT_S = 1.0
"""A probe gives up sooner than whoever asks it."""

SKEW_ALARM_PART = 0.25
"""Clocks that disagree by this part of a deadline are worth an alarm: deductions will be late."""

NOBODY = "nobody.0"


def blueprint(
    store: OrderStore,
    parties: Sequence[Party],
    clock_offset_ms: Callable[[], float | None],
    settings: Settings,
) -> Blueprint:
    """The calls of operation. `clock_offset_ms`: the order store's clock, as parties have it."""
    calls = Blueprint("operation", __name__)
    alarm_s = SKEW_ALARM_PART * settings.deadline_ms / 1000

    @calls.get("/healthz")
    def alive() -> dict[str, str]:
        return {"status": "ok"}

    @calls.get("/readyz")
    def ready() -> tuple[dict[str, Any], int]:
        """Ready, if orders can be read: a gateway that turns checkouts away since a party is
        away still serves everything else. The services say what is wrong."""
        checks = {"orders": gevent.spawn(check, lambda: store.propose(NOBODY, ""))}
        for party in parties:
            checks[party.name] = gevent.spawn(check, lambda p=party: p.ping(READY_LIMIT_S))
        gevent.joinall(list(checks.values()), timeout=READY_LIMIT_S + 0.2)
        services = {
            name: greenlet.value or {"ok": False, "problem": "no answer in time"}
            for name, greenlet in checks.items()
        }
        for party in parties:
            skew_s = skew(party, clock_offset_ms())
            if skew_s is not None:
                metrics.CLOCK_SKEW_S[party.name].set(skew_s)
                services[party.name]["clock_skew_s"] = round(skew_s, 3)
                if abs(skew_s) > alarm_s:
                    services[party.name] |= {"ok": False, "problem": "its clock is off"}
            services[party.name]["breaker"] = "open" if party.away else "closed"
        fine = all(service["ok"] for service in services.values())
        answer = {"ready": services["orders"]["ok"], "all_ok": fine, "services": services}
        return answer, 200 if answer["ready"] else 503

    @calls.get("/metrics")
    def measurements() -> Response:
        body, content_type = metrics.render()
        return Response(body, content_type=content_type)

    return calls


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
