"""Each HTTP request is a span: what it was, what came of it, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from opentelemetry.trace import StatusCode

from gateway.request_ids import RequestIds
from gateway.request_spans import RequestSpans
from recoup import spans
from tests.unit.recoup.test_spans import Traced, above, place

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traced]:
    monkeypatch.setattr(spans, "_tracer", spans.tracer())
    process = Traced()
    yield process
    process.provider.shutdown()


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__)
    app.add_url_rule("/orders/<order_id>", "find", lambda order_id: order_id)
    app.add_url_rule("/away", "away", lambda: abort(503))
    app.add_url_rule("/healthz", "healthz", lambda: "ok")
    app.wsgi_app = RequestIds(RequestSpans(app.wsgi_app))  # type: ignore[method-assign]
    return app.test_client()


def test_a_request_is_called_by_its_route(traced: Traced, client: FlaskClient) -> None:
    answer = client.get("/orders/7f3k")
    (span,) = traced.made()
    assert span.name == "GET /orders/<order_id>"
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/orders/<order_id>",
        "http.response.status_code": 200,
        "recoup.request_id": answer.headers["X-Request-Id"],
    }


def test_a_request_is_in_its_clients_trace(traced: Traced, client: FlaskClient) -> None:
    client.get("/orders/7f3k", headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
    (span,) = traced.made()
    assert place(span).trace_id == int(TRACE, 16)
    assert above(span) == int(CALLER, 16)


def test_what_fails_is_an_error(traced: Traced, client: FlaskClient) -> None:
    client.get("/away")
    client.get("/nowhere")
    away, nowhere = traced.made()
    assert away.status.status_code is StatusCode.ERROR
    assert nowhere.status.status_code is StatusCode.UNSET
    assert nowhere.name == "GET"


def test_who_only_asks_whether_it_lives_is_no_span(traced: Traced, client: FlaskClient) -> None:
    client.get("/healthz")
    assert traced.made() == []
