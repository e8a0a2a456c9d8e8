"""What clients put into paths and headers is either meant, or a 400 that says what is allowed."""

from __future__ import annotations

import io
import re

import gevent
import pytest
from flask import Request
from gunicorn.http.errors import InvalidChunkSize
from werkzeug.test import EnvironBuilder

from gateway import inputs, problems
from gateway.inputs import BOUNDS, a_whole_number, an_id, idempotency
from gateway.problems import BAD_REQUEST, Problem
from recoup.bounds import COUNT_MAX
from recoup.settings import AMOUNT_MAX


@pytest.mark.parametrize("text", ["0", "a", "A-Z_09", "x" * 64])
def test_an_id_is_taken_as_it_is(text: str) -> None:
    assert an_id(text, "order_id") == text


@pytest.mark.parametrize("text", ["", " ", "a b", "a/b", "a.b", "a\n", "é", "x" * 65, "{x}"])
def test_what_can_not_be_an_id_is_refused(text: str) -> None:
    with pytest.raises(Problem) as raised:
        an_id(text, "order_id")
    assert raised.value.kind is problems.INVALID_ID
    assert "order_id must be 1 to 64" in raised.value.detail
    assert raised.value.extensions == {"parameter": "order_id"}


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("007", 7), ("9007199254740991", AMOUNT_MAX)]
)
def test_a_whole_number_is_read(text: str, number: int) -> None:
    assert a_whole_number(text, "price") == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "+1",
        "1.5",
        "1.0",
        "1e3",
        "0x1",
        "1_000",
        " 1",
        "1 ",
        "1\n",
        "one",
        "NaN",
        "٣",  # a digit, but not an ASCII one
        "²",
        "9007199254740992",
        "00000000000000001",
        "9" * 5000,
    ],
)
def test_what_is_not_a_whole_number_is_refused(text: str) -> None:
    with pytest.raises(Problem) as raised:
        a_whole_number(text, "price")
    problem = raised.value
    assert problem.kind is problems.INVALID_NUMBER
    assert "price must be a whole number from 0 to 9007199254740991" in problem.detail
    assert len(problem.detail) < 250
    assert problem.extensions == {"parameter": "price", "least": 0, "most": AMOUNT_MAX}


@pytest.mark.parametrize(
    ("text", "allowed"), [("0", False), ("1", True), ("5", True), ("6", False)]
)
def test_bounds_belong_to_what_is_allowed(text: str, allowed: bool) -> None:
    if allowed:
        assert a_whole_number(text, "quantity", 1, 5) == int(text)
    else:
        with pytest.raises(Problem, match="quantity must be a whole number from 1 to 5"):
            a_whole_number(text, "quantity", 1, 5)


def test_prices_may_be_zero_and_what_is_moved_may_not() -> None:
    assert BOUNDS["price"] == (0, AMOUNT_MAX)
    assert BOUNDS["quantity"] == BOUNDS["amount"] == (1, AMOUNT_MAX)
    assert BOUNDS["n"] == (1, COUNT_MAX)


def asking(
    key: str | None = "k1", method: str = "POST", path: str = "/stock/add/1/2", body: bytes = b""
) -> Request:
    headers = [] if key is None else [("Idempotency-Key", key)]
    return Request(EnvironBuilder(path, method=method, headers=headers, data=body).get_environ())


class Unreadable:
    """A body that nobody may read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


def test_without_a_key_the_body_is_not_even_read() -> None:
    # given a request with a body and no key
    request = asking(key=None, body=b"long")
    request.environ["wsgi.input"] = Unreadable()
    # when it is looked at, then its body is left alone
    assert idempotency(request, "stock") is None


class Broken:
    """A body of which the server finds, while it is read, that it isn't one."""

    def read(self, size: int = -1) -> bytes:
        raise InvalidChunkSize(b"zz")


class Slow:
    """A body that never comes to its end."""

    def read(self, size: int = -1) -> bytes:
        gevent.sleep(0.005)
        return b"x"


@pytest.mark.parametrize(
    "body", [Broken(), Slow(), io.BytesIO(b"cut")], ids=["broken", "slow", "cut off"]
)
def test_a_body_that_can_not_be_had_is_refused(
    body: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "BODY_LIMIT_S", 0.02)
    request = asking(body=b"x" * 1000)
    request.environ |= {"wsgi.input": body, "wsgi.input_terminated": True}  # as gunicorn has it
    with pytest.raises(Problem) as raised:
        idempotency(request, "stock")
    assert raised.value.kind is BAD_REQUEST


def test_a_body_that_comes_in_chunks_is_not_cut_off_unsaid() -> None:
    # given a body without a length, that is longer than what is read
    request = asking()
    request.environ |= {"wsgi.input": io.BytesIO(b"x" * 1000), "wsgi.input_terminated": True}
    request.max_content_length = 100
    # when it is read, then it is too large, as it is with a length
    with pytest.raises(Problem) as raised:
        idempotency(request, "stock")
    assert raised.value.kind is problems.REQUEST_TOO_LARGE


def test_a_repeated_request_is_known_again() -> None:
    first, again = (idempotency(asking(body=b"{}"), "stock") for _ in range(2))
    assert first is not None
    assert first == again
    assert all(re.fullmatch("[0-9a-f]{64}", part) for part in first)


@pytest.mark.parametrize(
    "other",
    [
        asking(path="/stock/add/1/3"),
        asking(method="PUT"),
        asking(body=b"x"),
    ],
    ids=["path", "method", "body"],
)
def test_another_request_with_the_same_key_has_another_fingerprint(other: Request) -> None:
    first, second = idempotency(asking(), "stock"), idempotency(other, "stock")
    assert first is not None
    assert second is not None
    assert first[0] == second[0]
    assert first[1] != second[1]


def test_what_is_path_is_never_taken_for_body() -> None:
    whole, split = asking(path="/ab"), asking(path="/a", body=b"b")
    assert idempotency(whole, "stock") != idempotency(split, "stock")


@pytest.mark.parametrize(("key", "scope"), [("k2", "stock"), ("k1", "payment")])
def test_other_keys_and_other_scopes_never_meet(key: str, scope: str) -> None:
    first, other = idempotency(asking(), "stock"), idempotency(asking(key), scope)
    assert first is not None
    assert other is not None
    assert first[0] != other[0]


@pytest.mark.parametrize("key", ["!", "~" * 255])
def test_visible_ascii_makes_a_key(key: str) -> None:
    assert idempotency(asking(key), "stock") is not None


@pytest.mark.parametrize("key", ["", "a b", "a\tb", "é", "\x7f", "x" * 256])
def test_what_can_not_be_a_key_is_refused(key: str) -> None:
    with pytest.raises(Problem) as raised:
        idempotency(asking(key), "stock")
    assert raised.value.kind is problems.INVALID_IDEMPOTENCY_KEY
