"""The project's own reconciliation, as processes of the model: a settler, a task, a sweep."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, NoReturn, cast
from unittest.mock import patch

from celery import Task

from proto import orders_pb2
from reconcile import clients, tasks
from reconcile.reconciler import Reconciler
from recoup.settings import Settings
from tests.model.process import Line, Packed, Program, question
from workers.ledger.engine import DueLeg, Ledger
from workers.ledger.sweep import Sweep


class Stub:
    """A gRPC stub, of which each call is a question on the line."""

    def __init__(self, service: str, line: Line) -> None:
        self._service = service
        self._line = line

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(request: Any, **_: object) -> Any:
            if isinstance(request, orders_pb2.ProposeRequest):
                # Who proposes and why is for people: without it, two that propose the same are one.
                alike = [
                    orders_pb2.Proposal(tid=p.tid, verdict=p.verdict) for p in request.proposals
                ]
                request = orders_pb2.ProposeRequest(proposals=alike)
            what = question(self._service, method, Packed.of(request))
            return self._line.ask(what).message()

        return call


def orders(line: Line) -> clients.Orders:
    """The project's own client of the order store."""
    client = object.__new__(clients.Orders)
    client._stub = cast("Any", Stub("orders", line))
    return client


def party(name: str, line: Line) -> clients.Party:
    """The project's own client of a party."""
    client = object.__new__(clients.Party)
    client._stub = cast("Any", Stub(name, line))
    return client


def reconciler(name: str, line: Line) -> Reconciler:
    peers = functools.partial(party, line=line)
    return Reconciler(name, party(name, line), orders(line), peers)


def settler(name: str, tid: str) -> Program:
    """A worker, or a sweep, that settles a leg: it ends with the outcome."""
    return Program(lambda line: reconciler(name, line).settle([tid])[tid])


class Again(NamedTuple):
    """A task that is to be tried again, with this due time."""

    due_ms: int


class Chain:
    """Stands for the Celery task: what it wants to do next is what its try ends with."""

    class request:  # noqa: N801
        retries = 0

    def retry(self, arguments: tuple[str, int], **_: object) -> NoReturn:
        raise Ended(Again(arguments[1]))


class Ended(BaseException):
    """How Celery's `retry` leaves a task."""


def compensation(name: str, tid: str, due_ms: int, pause_ms: int) -> Program:
    """One try of a task. It ends with Again, or with a sentence. Pauses are random, so no two
    chains of a leg have the same one: `pause_ms` is this chain's."""

    def body(line: Line) -> object:
        with (
            patch.object(tasks, "party", lambda each: party(each, line)),
            patch.object(tasks, "reconciler", lambda each: reconciler(each, line)),
            patch.object(tasks, "backoff_ms", lambda *_: pause_ms),
        ):
            try:
                return tasks.compensate(cast("Task[Any, Any]", Chain()), name, tid, due_ms)
            except Ended as ended:
                return ended.args[0]

    return Program(body)


class Books(Ledger):
    """A party's ledger as its sweep sees it: the same process, another database."""

    def __init__(self, name: str, line: Line) -> None:
        self._name = name
        self._line = line

    def take_due(self, limit: int, lease_ms: int) -> tuple[int, int, list[DueLeg]]:
        now_ms, due_ms, legs = self._ask("take_due", limit, lease_ms)
        return now_ms, due_ms, list(legs)

    def note(self, tid: str, cause: str, orders_unreachable: bool) -> None:
        self._ask("note", tid, cause, orders_unreachable)

    def park(self, tid: str, reason: str) -> None:
        self._ask("park", tid, reason)

    def wake(self, limit: int) -> int:
        return int(self._ask("wake", limit))

    def waiting_for_orders(self) -> int:
        return int(self._ask("waiting_for_orders"))

    def _ask(self, method: str, *arguments: str | int) -> Any:
        return self._line.ask(question(self._name, method, arguments))


def sweep(name: str, settings: Settings, broker: bool = True) -> Program:
    """One run of a party's sweep. The order store may always have been away before it."""

    def body(line: Line) -> object:
        def publish(tids: Sequence[str], due_ms: int) -> None:
            if not broker:
                raise ConnectionError("there is no broker")
            line.ask(question("broker", name, (tuple(tids), due_ms)))

        sweep = Sweep(Books(name, line), reconciler(name, line), publish, lambda: True, settings)
        sweep._orders_were_away = True
        return sweep.run_once()

    return Program(body)


@contextmanager
def with_settings(settings: Settings) -> Iterator[None]:
    with patch.object(tasks, "settings", lambda: settings):
        yield
