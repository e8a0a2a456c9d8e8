"""The console over an instance in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.console import blueprint
from gateway.console.figures import hour
from gateway.console.record import KEPT_S, SLOT_S, Slot
from gateway.console.sight import Kept, Sight
from recoup.errors import Unanswered
from recoup.operate.overview import BrokerView, GatewayView, Observer
from recoup.settings import Settings
from tests.unit.gateway.console.instance import FakeClients

SETTINGS = Settings(flower_port=5678)
ORIGIN = {"Origin": "http://localhost"}


class Surroundings(Observer):
    """Looks at the instance in memory; gateway and broker are told what they are to say."""

    gateway: GatewayView = GatewayView(ready=True, problems={}, breakers_open=())
    broker_away = False
    workers: tuple[str, ...] = ("stock-worker", "payment-worker")

    def _gateway(self) -> GatewayView:
        return self.gateway

    def _broker(self) -> BrokerView:
        if self.broker_away:
            raise Unanswered("broker: connection refused")
        return BrokerView({"stock": 3, "payment": 0}, self.workers)


class Console:
    """The pages of one instance, and a browser that looks at them."""

    def __init__(self) -> None:
        self.clients = FakeClients(SETTINGS)
        self.stock, self.payment = (self.clients.ledgers[name] for name in ("stock", "payment"))
        self.orders: Any = self.clients.orders
        self.surroundings = Surroundings(self.clients)
        self.slots = [Slot(at_s) for at_s in range(0, KEPT_S, SLOT_S)]
        sight = Sight(SETTINGS)
        sight.clients = sight.acting = self.clients
        sight._observer = self.surroundings
        sight._overview = Kept(sight._look, 0)  # each page sees what is, for a test has no time
        sight._hour = Kept(lambda: hour(self.slots, SETTINGS.parties), 0)
        self.sight = sight
        app = Flask("gateway", static_folder=None)
        blueprint.register(app, sight)
        self.browser: FlaskClient = app.test_client()

    def get(self, path: str = "") -> TestResponse:
        return self.browser.get("/console" + path, buffered=True)

    def text(self, path: str = "") -> str:
        """What a page says, without its tags' line ends."""
        answer = self.get(path)
        assert answer.status_code == 200
        return " ".join(answer.text.split())

    def send(
        self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] = ORIGIN
    ) -> TestResponse:
        """Sends a form, as the page that asked would."""
        cookie = self.browser.get_cookie("recoup_console", path="/console")
        token = cookie.value if cookie else ""
        known = {"token": token, "who": "anna", "reason": "payment is back"}
        return self.browser.post("/console" + path, data=known | dict(fields), headers=headers)


@pytest.fixture
def console() -> Console:
    return Console()
