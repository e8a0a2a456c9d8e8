"""The gateway's Flask app, put together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from flask import Flask

from gateway import metrics, openapi, problem_pages
from gateway.batching import Batcher, Pending
from gateway.checkout import Checkout
from gateway.console import blueprint as console
from gateway.console.sight import Sight
from gateway.handover import Handover
from gateway.orders.store import CLOCKED, LUA, OrderStore
from gateway.parties import Party
from gateway.request_ids import RequestIds
from gateway.routes import api, operation, orders, payment, stock
from gateway.watch import Watch
from reconcile.app import app as celery
from recoup import tracing
from recoup.scripts import Call, Scripts, connect
from recoup.settings import Settings

BODY_MOST_BYTES = 64 * 1024
"""Bodies are ignored; they are read for nothing but an idempotency key's fingerprint."""


class OrderScripts:
    """Runs the order store's scripts, those of many requests in one round trip."""

    def __init__(self, settings: Settings) -> None:
        self.clock_offset_ms: float | None = None
        """The order store's clock minus this process's monotonic one, as last seen."""
        self._scripts = Scripts(connect(settings.database_url("orders")), LUA)
        self._batcher: Batcher[Call, Any] = Batcher(
            self._send, settings.batch_items, settings.waiting_items
        )
        # Twice a call's limit: a store that hangs is waited for, but not by whole queues in turn.
        self._waiting_limit_s = 2 * settings.rpc_timeout_ms / 1000

    def run(self, calls: Sequence[Call]) -> list[Any]:
        """What each call returned, or the exception it ended with. Raises Unanswered; or NotSent,
        if there was no turn for them in a reasonable time."""
        end_s = time.monotonic() + self._waiting_limit_s
        pending: list[Pending[Any]] = [self._batcher.put(call, end_s) for call in calls]
        return [one.get() for one in pending]

    def _send(self, calls: Sequence[Call]) -> list[Any]:
        began_s = time.monotonic()
        results = self._scripts.run(calls)
        now_s = time.monotonic()
        # Reading and deciding travel together: one measurement, under what a checkout does first.
        metrics.HOP_DURATION_S["orders"].observe(now_s - began_s)
        metrics.BATCH_ITEMS["orders"].observe(len(calls))
        for call, result in zip(calls, results, strict=True):
            if call.script in CLOCKED and isinstance(result, list):
                self.clock_offset_ms = int(result[-1]) - now_s * 1000
                break
        return results


def publish(party: str, tids: Sequence[str]) -> None:
    """Hands a group of finished tids to a party's workers."""
    celery.send_task(f"{party}.settle", (tids,), queue=party, retry=False)


def make_app(settings: Settings) -> Flask:
    """The app; its channels and connections open when they are first used."""
    app = Flask("gateway", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_MOST_BYTES
    # A path is what the contract says; another one isn't led to it, but not found.
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]

    scripts = OrderScripts(settings)
    store = OrderStore(scripts.run, settings)
    hand_over = Handover(publish)
    parties = {name: Party(name, settings, hand_over) for name in settings.parties}
    checkout = Checkout(store, list(parties.values()), hand_over, settings)

    app.register_blueprint(orders.blueprint(store, parties["stock"], checkout))
    app.register_blueprint(stock.blueprint(parties["stock"]))
    app.register_blueprint(payment.blueprint(parties["payment"]))
    app.register_blueprint(api.blueprint(scripts.run, store, list(parties.values())))
    watch = Watch(store, list(parties.values()), lambda: scripts.clock_offset_ms, settings)
    app.register_blueprint(operation.blueprint(watch))
    problem_pages.register(app)
    openapi.register(app)
    sight = Sight(settings)
    console.register(app, sight)
    app.extensions["hand_over"] = hand_over
    app.extensions["admission"] = checkout.admission
    app.extensions["sight"] = sight
    if tracing.ON:
        from gateway.request_spans import RequestSpans

        app.wsgi_app = RequestSpans(app.wsgi_app)  # type: ignore[method-assign]
    app.wsgi_app = RequestIds(app.wsgi_app)  # type: ignore[method-assign]
    return app
