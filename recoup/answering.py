"""How a gRPC service answers: what is wrong with a request, or with its database, is a status."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import TypeVar

import grpc
import redis
from google.protobuf.message import Message

from recoup.bounds import ITEMS_MOST
from recoup.errors import Unanswered

SHOWN = 80
"""Characters of what was wrong that a refusal repeats."""

Reply = TypeVar("Reply", bound=Message)


class Malformed(ValueError):
    """What is wrong with a request: it isn't of the contract's form."""


def check_few(items: Sized) -> None:
    """Of one request. Raises Malformed if they are too many."""
    if len(items) > ITEMS_MOST:
        raise Malformed(f"{len(items)} are more than {ITEMS_MOST}, the most in one call")


def answer(context: grpc.ServicerContext, work: Callable[[], Reply]) -> Reply:
    """What `work` returns; a request that isn't of the contract's form is INVALID_ARGUMENT, a
    database that doesn't answer UNAVAILABLE, one that refuses a script (out of memory, read-only,
    disk full) FAILED_PRECONDITION."""
    try:
        return work()
    except Malformed as error:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except Unanswered as error:
        context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
    except redis.exceptions.ResponseError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"the database refused: {error}")
