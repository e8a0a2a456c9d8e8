"""The name of each request: what its client calls it, or one of our own.

It is in the answer's `X-Request-Id`, and in each line that is logged while the request is served.
It goes no further: a batch carries many requests, so for every line in another process the tid is
the name to look for, and the gateway's lines have both.
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import has_request_context, request

HEADER = "X-Request-Id"
PLACE = "recoup.request_id"
"""Where in a request's environment it stands."""

FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:+/@-]{0,127}")
"""What is taken from a client: it stands in logs as it is. Another one is as good as none."""

TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
"""https://www.w3.org/TR/trace-context/: its trace id is the name that all who took part know."""

Start = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], Start], Iterable[bytes]]


class RequestIds:
    """Gives each request its id, and each answer the header. (WSGI)"""

    def __init__(self, app: Wsgi) -> None:
        self._app = app
        # No process has the same first half; a number is all that the second half has to be.
        self._first = secrets.token_hex(8)
        self._numbers = itertools.count(1)

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        """Serves a request."""
        id = environ[PLACE] = given(environ) or f"{self._first}-{next(self._numbers)}"

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            headers.append((HEADER, id))
            return start_response(status, headers, exc_info)

        return self._app(environ, start)


def given(environ: Mapping[str, str]) -> str:
    """The id that the client has given the request; empty if there is none that can be one."""
    own = environ.get("HTTP_X_REQUEST_ID")
    if own is not None and FORM.fullmatch(own):
        return own
    parent = environ.get("HTTP_TRACEPARENT")
    found = TRACEPARENT.fullmatch(parent) if parent is not None else None
    return found[1] if found else ""


def fields() -> dict[str, str]:
    """What a log line says of the request that is being served, if one is."""
    return {"request_id": request.environ.get(PLACE, "")} if has_request_context() else {}
