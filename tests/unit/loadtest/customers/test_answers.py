"""What an answer means to a customer, and under which name it is counted."""

from __future__ import annotations

import time
from typing import Any, Self

import pytest

from loadtest.customers.answers import CHECKOUT, TRIES, answer_of, tell_apart

OTHER = "/orders/find/[order_id]"


class Response:
    """An answer as locust has it."""

    def __init__(self, status: int, content: dict[str, Any], retry_after: str | None = None):
        self.status_code = status
        self.headers = {"Retry-After": retry_after} if retry_after else {}
        self.request_meta = {"name": ""}
        self.failed: bool | None = None
        self._content = content

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.failed is None:
            self.failed = self.status_code != 200

    def json(self) -> dict[str, Any]:
        return self._content

    def success(self) -> None:
        self.failed = False

    def failure(self, _: str) -> None:
        self.failed = True


PAID = {"paid": True, "already_paid": False}
AGAIN = {"paid": True, "already_paid": True}
REFUSED = {"type": "/api/v1/problems/not-enough-stock"}


@pytest.fixture
def slept_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept_s: list[float] = []
    monkeypatch.setattr(time, "sleep", slept_s.append)
    return slept_s


def asked(name: str, *responses: Response, **must: object) -> dict[str, Any] | None:
    """What the customer makes of these answers, which come one after the other."""
    coming = list(responses)
    for response in responses:
        response.request_meta["name"] = name
    answer = answer_of(lambda: coming.pop(0), name, must)
    assert coming == []
    return answer


@pytest.mark.parametrize(
    ("response", "name"),
    [
        (Response(200, PAID), CHECKOUT),
        (Response(200, AGAIN), f"{CHECKOUT} (already paid)"),
        (Response(400, REFUSED), f"{CHECKOUT} (refused)"),
        (Response(409, REFUSED), f"{CHECKOUT} (refused)"),
    ],
)
def test_a_checkout_is_counted_by_its_outcome(response: Response, name: str) -> None:
    assert asked(CHECKOUT, response) == response.json()
    assert (response.request_meta["name"], response.failed) == (name, False)


@pytest.mark.parametrize("status", [0, 404, 500, 503])
def test_no_answer_and_no_refusal_is_a_failure(status: int) -> None:
    response = Response(status, {})
    assert asked(CHECKOUT, response) is None
    assert (response.request_meta["name"], response.failed) == (CHECKOUT, True)


def test_only_a_checkout_may_be_refused() -> None:
    response = Response(400, REFUSED)
    assert asked(OTHER, response) is None
    assert response.failed


def test_an_answer_that_is_not_right_is_a_failure() -> None:
    right, wrong = Response(200, AGAIN), Response(200, PAID)
    assert asked(CHECKOUT, right, already_paid=True) == AGAIN
    assert asked(CHECKOUT, wrong, already_paid=True) is None
    assert (right.failed, wrong.failed) == (False, True)


def test_who_is_told_to_come_back_does_so_then(slept_s: list[float]) -> None:
    away = [Response(503, {}, "3"), Response(503, {}, "2")]
    assert asked(CHECKOUT, *away, Response(200, PAID)) == PAID
    assert slept_s == [3, 2]
    for response in away:
        assert response.request_meta["name"] == f"{CHECKOUT} (come back later)"
        assert response.failed is False


def test_who_is_told_so_again_and_again_gives_up(slept_s: list[float]) -> None:
    away = [Response(503, {}, "1") for _ in range(TRIES)]
    assert asked(OTHER, *away) is None
    assert slept_s == [1] * (TRIES - 1)
    assert [response.failed for response in away] == [False] * (TRIES - 1) + [True]


def test_a_shopper_counts_a_503_as_a_failure() -> None:
    with Response(503, {}, "1") as response:
        tell_apart(response)
    assert response.failed
