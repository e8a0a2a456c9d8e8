"""What operators and their tools ask: is it alive, is it ready, how does it measure."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from gateway import metrics
from gateway.watch import Watch


def blueprint(watch: Watch) -> Blueprint:
    """The calls of operation."""
    calls = Blueprint("operation", __name__)

    @calls.get("/healthz")
    def alive() -> dict[str, str]:
        return {"status": "ok"}

    @calls.get("/readyz")
    def ready() -> tuple[dict[str, Any], int]:
        """Ready, if orders can be read: a gateway that turns checkouts away since a party is
        away still serves everything else. The services say what is wrong."""
        services = watch.look()
        fine = all(service["ok"] for service in services.values())
        answer = {"ready": services["orders"]["ok"], "all_ok": fine, "services": services}
        return answer, 200 if answer["ready"] else 503

    @calls.get("/metrics")
    def measurements() -> Response:
        watch.look()
        body, content_type = metrics.render()
        return Response(body, content_type=content_type)

    return calls
