"""A client of the HTTP API that asks again until it knows, or asks only once."""

from __future__ import annotations

import time
import uuid
from typing import Any

import urllib3

# Enough for a process that is killed to be started again (2 s) several times over.
TRIES = 10
PAUSE_FIRST_S = 0.1
PAUSE_MAX_S = 2.0
# Far above a checkout's own limits: only an answer that never comes takes as long.
ANSWER_LIMIT_S = 30
CONNECT_LIMIT_S = 10


class CannotTell(Exception):
    """The system can't be judged: it doesn't answer, or not like the system that was expected."""


class Client:
    """Calls one system over as many connections at once as there are callers."""

    def __init__(
        self, base_url: str, connections: int, answer_limit_s: float = ANSWER_LIMIT_S
    ) -> None:
        timeout = urllib3.Timeout(connect=CONNECT_LIMIT_S, read=answer_limit_s)
        self._base_url = base_url.rstrip("/")
        self._pool = urllib3.PoolManager(maxsize=connections, timeout=timeout, retries=False)

    def status(self, method: str, path: str) -> int | None:
        """Asks once and tells the answer's status; None: there was no answer."""
        try:
            return self._pool.request(method, self._base_url + path).status
        except urllib3.exceptions.HTTPError:
            return None

    def find(self, path: str) -> dict[str, Any] | None:
        """Reads what there is; None: the system doesn't know it."""
        return self._ask("GET", path, known_missing=True)

    def held(self, path: str) -> int:
        """How many units of this item or user are held; none if the system doesn't know it."""
        found = self.find(path)
        return int(found["held"]) if found else 0

    def post(self, path: str) -> dict[str, Any]:
        """Changes something exactly once, however often it has to ask."""
        answer = self._ask("POST", path)
        assert answer is not None
        return answer

    def _ask(self, method: str, path: str, known_missing: bool = False) -> dict[str, Any] | None:
        """Asks until there is an answer that is not 5xx. The same key makes repeating safe."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        trouble = ""
        for tried in range(TRIES):
            try:
                answer = self._pool.request(method, self._base_url + path, headers=headers)
            except urllib3.exceptions.HTTPError as error:
                trouble = str(error)
            else:
                if answer.status == 404 and known_missing:
                    return None
                if answer.status < 500:
                    return _content(answer, f"{method} {path}")
                trouble = f"status {answer.status}"
            time.sleep(min(PAUSE_MAX_S, PAUSE_FIRST_S * 2**tried))
        raise CannotTell(f"{method} {path}: asked {TRIES} times, the last answer: {trouble}")

    def close(self) -> None:
        """Gives all connections back."""
        self._pool.clear()


def _content(answer: urllib3.BaseHTTPResponse, call: str) -> dict[str, Any]:
    """The JSON object of an answer that has to be a 200."""
    if answer.status != 200:
        raise CannotTell(f"{call} was answered {answer.status}: {answer.data[:300]!r}")
    try:
        content = answer.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise CannotTell(f"{call} was not answered by a JSON object: {answer.data[:300]!r}")
    return content
