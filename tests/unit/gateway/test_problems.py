"""Whatever goes wrong, the client gets a problem document that says what to do."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from flask import Flask, Response, abort
from flask.testing import FlaskClient
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from gateway import problem_pages, problems
from gateway.problems import MIMETYPE, PROBLEM_TYPES, Problem, ProblemType
from recoup.errors import NotSent, Unanswered

EXPECTED = {
    "bad-request": 400,
    "invalid-id": 400,
    "invalid-number": 400,
    "invalid-idempotency-key": 400,
    "not-enough-stock": 400,
    "not-enough-credit": 400,
    "unknown-item": 400,
    "unknown-user": 400,
    "invalid-tid": 400,
    "invalid-query": 400,
    "party-refused": 400,
    "empty-order": 400,
    "amount-too-large": 400,
    "order-too-long": 400,
    "order-not-found": 404,
    "item-not-in-order": 404,
    "transaction-not-found": 404,
    "item-not-found": 404,
    "user-not-found": 404,
    "not-found": 404,
    "method-not-allowed": 405,
    "order-changed": 409,
    "order-paid": 409,
    "order-cancelled": 409,
    "request-too-large": 413,
    "idempotency-key-reused": 422,
    "internal-error": 500,
    "store-unavailable": 503,
    "checkout-undone": 503,
    "party-away": 503,
    "overloaded": 503,
    "clock-skew": 503,
}


def client_of(view: Callable[[], object]) -> FlaskClient:
    """A client of an app in which GET /it runs `view`."""
    app = Flask(__name__)
    problem_pages.register(app)
    app.add_url_rule("/it", "it", view)  # type: ignore[arg-type]
    return app.test_client()


def raising(error: Exception) -> FlaskClient:
    def view() -> Response:
        raise error

    return client_of(view)


@pytest.fixture
def client() -> FlaskClient:
    return client_of(lambda: "fine")


def test_the_list_is_closed() -> None:
    assert {slug: kind.status for slug, kind in PROBLEM_TYPES.items()} == EXPECTED


@pytest.mark.parametrize("kind", PROBLEM_TYPES.values(), ids=lambda kind: kind.slug)
def test_every_type_is_answered_in_full(kind: ProblemType) -> None:
    # given a request that meets this problem
    client = raising(Problem(kind, "It was so.", order_id="o1"))
    # when it is made
    answer = client.get("/it")
    # then the document names the type, what happened this time, and what to do
    assert answer.status_code == kind.status
    assert answer.content_type == MIMETYPE
    document = answer.get_json(force=True)
    assert document["type"] == f"/api/v1/problems/{kind.slug}"
    assert document["title"] == kind.title
    assert document["status"] == kind.status
    assert document["detail"] == "It was so."
    assert document["advice"] == kind.advice
    assert document["order_id"] == "o1"
    # and where the server is at fault for now, when to ask again
    assert ("Retry-After" in answer.headers) == (kind.status == 503)


def test_without_a_detail_the_title_says_what_happened() -> None:
    assert Problem(problems.EMPTY_ORDER).document()["detail"] == "The order is empty."


@pytest.mark.parametrize(("wait_s", "header"), [(0, "1"), (0.2, "1"), (2.1, "3"), (7, "7")])
def test_retry_after_is_rounded_up_to_whole_seconds(wait_s: float, header: str) -> None:
    problem = Problem(problems.PARTY_AWAY, retry_after_s=wait_s)
    assert problem.response().headers["Retry-After"] == header
    assert problem.document()["retry_after_s"] == int(header)


def test_a_path_that_nobody_serves(client: FlaskClient) -> None:
    answer = client.get("/nowhere")
    assert (answer.status_code, answer.content_type) == (404, MIMETYPE)
    assert answer.get_json(force=True)["type"] == problems.NOT_FOUND.uri


def test_a_wrong_method_is_told_the_right_ones(client: FlaskClient) -> None:
    answer = client.post("/it")
    assert (answer.status_code, answer.content_type) == (405, MIMETYPE)
    assert answer.get_json(force=True)["type"] == problems.METHOD_NOT_ALLOWED.uri
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, problems.BAD_REQUEST),
        (413, problems.REQUEST_TOO_LARGE),
        (415, problems.BAD_REQUEST),
        (502, problems.INTERNAL_ERROR),
        (503, problems.OVERLOADED),
    ],
)
def test_what_flask_refuses_is_one_of_the_list(status: int, kind: ProblemType) -> None:
    answer = client_of(lambda: abort(status)).get("/it")
    assert (answer.status_code, answer.content_type) == (kind.status, MIMETYPE)
    assert answer.get_json(force=True)["type"] == kind.uri


def test_headers_of_a_refusal_by_flask_are_kept() -> None:
    answer = raising(RequestedRangeNotSatisfiable(length=7)).get("/it")
    assert answer.headers["Content-Range"] == "bytes */7"


def test_a_redirect_is_no_problem() -> None:
    app = Flask(__name__)
    problem_pages.register(app)
    app.add_url_rule("/it/", "it", lambda: "fine")
    assert app.test_client().get("/it").status_code == 308


def test_a_mistake_of_ours_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    # given a view that fails
    client = raising(ZeroDivisionError("secret internals"))
    # when it is called
    with caplog.at_level(logging.ERROR):
        answer = client.get("/it")
    # then the client is told nothing of how
    assert (answer.status_code, answer.content_type) == (500, MIMETYPE)
    assert b"secret" not in answer.data
    assert b"ZeroDivisionError" not in answer.data
    # but the log says it, traceback and all, under the name that the client was given
    incident = answer.get_json(force=True)["incident"]
    assert incident in caplog.text
    assert "ZeroDivisionError: secret internals" in caplog.text
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Unanswered("10.0.0.7 timed out"), problems.STORE_UNAVAILABLE),
        (NotSent("queue of 10.0.0.7 is full"), problems.OVERLOADED),
    ],
)
def test_a_call_without_an_answer_is_a_503(error: Exception, kind: ProblemType) -> None:
    answer = raising(error).get("/it")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.get_json(force=True)["type"] == kind.uri
    assert b"10.0.0.7" not in answer.data


def test_a_type_explains_itself_where_it_points_to(client: FlaskClient) -> None:
    for kind in PROBLEM_TYPES.values():
        answer = client.get(kind.uri)
        assert answer.status_code == 200
        assert answer.get_json() == {
            "type": kind.uri,
            "title": kind.title,
            "status": kind.status,
            "advice": kind.advice,
        }


def test_all_types_are_listed(client: FlaskClient) -> None:
    listed = client.get("/api/v1/problems").get_json()["problems"]
    assert [entry["type"] for entry in listed] == [kind.uri for kind in PROBLEM_TYPES.values()]


def test_an_unknown_type_is_not_found(client: FlaskClient) -> None:
    answer = client.get("/api/v1/problems/no-such-thing")
    assert (answer.status_code, answer.content_type) == (404, MIMETYPE)


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("image/png", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
    ],
)
def test_people_get_a_page_and_programs_get_json(
    client: FlaskClient, accept: str, mimetype: str
) -> None:
    answer = client.get(problems.ORDER_PAID.uri, headers={"Accept": accept})
    assert answer.mimetype == mimetype
    assert answer.headers["Vary"] == "Accept"
    assert "create a new one" in answer.text
