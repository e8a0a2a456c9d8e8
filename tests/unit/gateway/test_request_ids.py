"""Each request has a name: its client's, or one of our own."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from gateway import request_ids
from gateway.request_ids import HEADER, RequestIds

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def app() -> Flask:
    """An app that answers with what a line would say that is logged meanwhile."""
    app = Flask(__name__)
    app.add_url_rule("/", "all", request_ids.fields)
    app.wsgi_app = RequestIds(app.wsgi_app)  # type: ignore[method-assign]
    return app


def asked(app: Flask, **headers: str) -> str:
    """The id of a request's answer, which is also what is logged with it."""
    given: Any = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = app.test_client().get("/", headers=given)
    assert answer.json == {"request_id": answer.headers[HEADER]}
    return answer.headers[HEADER]


def test_a_client_names_its_request(app: Flask) -> None:
    assert asked(app, X_Request_Id="shop-1/cart:7") == "shop-1/cart:7"


def test_a_trace_names_its_requests(app: Flask) -> None:
    assert asked(app, traceparent=f"00-{TRACE}-00f067aa0ba902b7-01") == TRACE
    assert asked(app, X_Request_Id="mine", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01") == "mine"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X_Request_Id": ""},
        {"X_Request_Id": "two words"},
        {"X_Request_Id": 'x" forged="1'},
        {"X_Request_Id": "x" * 129},
        {"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"},
        {"traceparent": "nonsense"},
    ],
)
def test_any_other_gets_a_name_of_its_own(app: Flask, headers: dict[str, str]) -> None:
    first, second = asked(app, **headers), asked(app, **headers)
    assert first != second
    assert request_ids.FORM.fullmatch(first)
    assert first not in headers.values()


def test_not_every_line_is_about_a_request() -> None:
    assert request_ids.fields() == {}
