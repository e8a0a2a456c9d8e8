"""Whom an operator's questions go to: each is a client of this process, made when it is needed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from proto.ledger_pb2_grpc import LedgerStub
from proto.orders_pb2_grpc import OrdersStub
from recoup.errors import RecoupError, Unanswered
from recoup.rpc import Method, Reply, Request, ask, open_channel
from recoup.settings import Settings

LIMIT_S = 3.0
"""Of one question: whoever is up answers in milliseconds, unless much is asked for."""

T = TypeVar("T")


class Clients:
    """Clients of the order store and of every party. Nothing is opened before it is first asked,
    so one may be made before a process forks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._ledgers: dict[str, LedgerStub] = {}

    @property
    def parties(self) -> tuple[str, ...]:
        """Who takes part in checkouts."""
        return self.settings.parties

    @functools.cached_property
    def orders(self) -> OrdersStub:
        """The order store."""
        return OrdersStub(open_channel(self.settings.address("orders")))

    def party(self, name: str) -> LedgerStub:
        """A party's ledger."""
        if name not in self._ledgers:
            self._ledgers[name] = LedgerStub(open_channel(self.settings.address(name)))
        return self._ledgers[name]


def at_once(questions: Mapping[str, Callable[[], T]]) -> dict[str, T | RecoupError]:
    """Asks all questions at the same time: each one's answer, or why there is none.

    Takes as long as the slowest; each has to have a limit of its own. Where gevent has patched
    threads, they are greenlets.
    """

    def answer(question: Callable[[], T]) -> T | RecoupError:
        try:
            return question()
        except RecoupError as error:
            return error

    if not questions:
        return {}
    with ThreadPoolExecutor(len(questions), "ask") as pool:
        return dict(zip(questions, pool.map(answer, questions.values()), strict=True))


def ask_of(name: str, method: Method[Request, Reply], request: Request) -> Reply:
    """As `ask`, of one without whom it can't go on: who doesn't answer is named by the error."""
    try:
        return ask(method, request, LIMIT_S)
    except Unanswered as error:
        raise Unanswered(f"{name} can't be reached ({error.cause})", error.cause) from error


def why(error: RecoupError) -> str:
    """Why there was no answer, in a few words; the details are for logs."""
    return error.cause if isinstance(error, Unanswered) else str(error)
