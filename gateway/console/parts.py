"""The parts of a page: each is asked for by itself, and a page shows those that it has."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gevent
import redis

from recoup.errors import RecoupError

log = logging.getLogger(__name__)

LIMIT_S = 4.0
"""For all parts of a page together. Who is away has been given up by then; people don't wait
longer."""


@dataclass(frozen=True, slots=True)
class Part:
    """What was asked for, or why there is nothing: then a page must not say "none"."""

    value: Any = None
    problem: str = ""


def gather(questions: Mapping[str, Callable[[], object]]) -> dict[str, Part]:
    """Asks all questions at the same time, and waits for no longer than the limit."""
    asked = {name: gevent.spawn(_answer, question) for name, question in questions.items()}
    gevent.joinall(list(asked.values()), timeout=LIMIT_S)
    late = Part(problem=f"no answer within {LIMIT_S:.0f} s")
    return {name: greenlet.value or late for name, greenlet in asked.items()}


def _answer(question: Callable[[], object]) -> Part:
    try:
        return Part(question())
    except (RecoupError, redis.exceptions.RedisError) as error:
        return Part(problem=str(error))
    except Exception as error:  # a mistake in one part shall not take the others with it
        incident = secrets.token_hex(8)
        log.error("incident %s: a part of a console page", incident, exc_info=error)
        return Part(problem=f"this part has failed; its incident {incident} is in the log")
