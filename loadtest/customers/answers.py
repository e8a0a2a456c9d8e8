"""What an answer means to a customer, and under which name it is counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

CHECKOUT = "/orders/checkout/[order_id]"
REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT)
# How often to ask for what is answered by 503: several seconds, longer than a restart takes.
TRIES = 10


def answer_of(send: Callable[[], Any], name: str, must: dict[str, object]) -> dict[str, Any] | None:
    """Sends, and again whenever a 503 says so, and judges the answer."""
    tried = 0
    while True:
        tried += 1
        with send() as response:
            come_back_s = told_to_come_back(response) if tried < TRIES else None
            if come_back_s is None:
                return judge(response, name, must)
        time.sleep(come_back_s)


def tell_apart(response: Any) -> None:
    """Counts a checkout that was refused, or had been paid before, under a name of its own."""
    if response.status_code in REFUSED:
        count_as(response, "refused")
        response.success()
    elif response.status_code == HTTPStatus.OK and response.json().get("already_paid"):
        count_as(response, "already paid")


def count_as(response: Any, outcome: str) -> None:
    """Adds the outcome to the name under which this answer is counted."""
    response.request_meta["name"] += f" ({outcome})"


def told_to_come_back(response: Any) -> int | None:
    """In how many seconds to ask again, if the answer is a 503 that says so."""
    if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
        return None
    told = response.headers.get("Retry-After")
    if told is None:
        return None
    count_as(response, "come back later")
    response.success()
    return int(told)


def judge(response: Any, name: str, must: dict[str, object]) -> dict[str, Any] | None:
    """What a success or a refused checkout says; None: a failure.

    A right answer contains what `must` contains.
    """
    refused = name == CHECKOUT and response.status_code in REFUSED
    if not refused and response.status_code != HTTPStatus.OK:
        return None
    if name == CHECKOUT:
        tell_apart(response)
    answer: dict[str, Any] = response.json()
    wrong = [f"{key} isn't {value}" for key, value in must.items() if answer.get(key) != value]
    if wrong:
        response.failure(", ".join(wrong))
        return None
    return answer
