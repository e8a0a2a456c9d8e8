"""Reads what clients put into paths and headers; whatever can't be meant raises a Problem."""

from __future__ import annotations

import hashlib
import re

import gevent
from flask import Request
from gunicorn.http.errors import ParseException

from gateway.problems import (
    BAD_REQUEST,
    INVALID_ID,
    INVALID_IDEMPOTENCY_KEY,
    INVALID_NUMBER,
    REQUEST_TOO_LARGE,
    Problem,
)
from recoup.bounds import COUNT_MAX, is_id
from recoup.settings import AMOUNT_MAX

KEY_PATTERN = "[!-~]{1,255}"

DIGITS_MAX = len(str(AMOUNT_MAX))

DRAW_MAX = 2**31 - 1
"""From how many items and users batch_init can draw: what Lua's random numbers reach."""

BOUNDS = {
    "price": (0, AMOUNT_MAX),
    "item_price": (0, AMOUNT_MAX),
    "quantity": (1, AMOUNT_MAX),
    "amount": (1, AMOUNT_MAX),
    "starting_stock": (0, AMOUNT_MAX),
    "starting_money": (0, AMOUNT_MAX),
    "n": (1, COUNT_MAX),
    "n_items": (1, DRAW_MAX),
    "n_users": (1, DRAW_MAX),
}
"""The least and the most that each number in a path may be, by its name there."""

_is_key = re.compile(KEY_PATTERN).fullmatch

BODY_LIMIT_S = 10.0
"""A body is small, if there is one. Who sends it a byte at a time isn't waited for."""

_SHOWN = 80
"""Characters of a wrong input that an answer repeats."""


def an_id(text: str, what: str) -> str:
    """`text`, if it can be an id. `what` is the name of the parameter."""
    if is_id(text):
        return text
    raise Problem(
        INVALID_ID,
        f"{what} must be 1 to 64 of A-Z a-z 0-9 _ and -, not {text[:_SHOWN]!r}.",
        parameter=what,
    )


def a_whole_number(text: str, what: str, least: int = 0, most: int = AMOUNT_MAX) -> int:
    """The number that `text` writes in plain ASCII digits, if it is from `least` to `most`."""
    # str.isdigit alone knows the digits of every script, and int() also signs, spaces and "1_000".
    if text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX:
        number = int(text)
        if least <= number <= most:
            return number
    raise Problem(
        INVALID_NUMBER,
        f"{what} must be a whole number from {least} to {most}, written in the digits 0-9 only, "
        f"not {text[:_SHOWN]!r}.",
        parameter=what,
        least=least,
        most=most,
    )


def idempotency(request: Request, scope: str) -> tuple[str, str] | None:
    """The key under which to remember the answer, and the fingerprint of what was asked.

    None without the header; the body isn't even read then. Both are hashes, so they may stand in
    a Redis key. Keys of different scopes never meet; the fingerprint tells one request from
    another that comes with the same key.
    """
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return None
    if not _is_key(header):
        raise Problem(
            INVALID_IDEMPOTENCY_KEY,
            "Idempotency-Key must be 1 to 255 visible ASCII characters.",
        )
    # With the length of the path, since nothing else says where it ends and the body begins.
    asked = f"{len(request.path)} {request.method} {request.path}".encode()
    return _hash(f"{scope} {header}".encode()), _hash(asked + _body(request))


def _body(request: Request) -> bytes:
    late = Problem(BAD_REQUEST, f"Its body wasn't there after {BODY_LIMIT_S:.0f} s.")
    try:
        with gevent.Timeout(BODY_LIMIT_S, late):
            body = request.get_data()
    except ParseException as error:  # of the server, which reads it only now
        raise Problem(BAD_REQUEST, f"Its body can't be read: {error}.") from error
    most = request.max_content_length
    if most is not None and len(body) >= most:  # what comes in chunks is cut off there, unsaid
        raise Problem(REQUEST_TOO_LARGE)
    if len(body) < (request.content_length or 0):  # the client has hung up
        raise Problem(BAD_REQUEST, "Its body is shorter than it says.")
    return body


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
