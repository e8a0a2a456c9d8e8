"""The project's own checkout, as a process of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast
from unittest.mock import patch

from gateway.batching import Pending
from gateway.checkout import Checkout
from gateway.handover import Handover
from gateway.orders.store import OrderStore
from gateway.parties import Party
from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.scripts import Call
from recoup.settings import Settings
from tests.model.process import Line, Packed, Program, question


def checkout(order_id: str, settings: Settings) -> Program:
    """A checkout of an order. It ends with its answer to the customer, or with Unanswered."""

    def body(line: Line) -> object:
        clock.now_s = 0.0
        parties = [OnTheLine(name, line) for name in settings.parties]
        return Checkout(store(line, settings), parties, Nobody(), settings).run(order_id)

    return Program(body)


def store(line: Line, settings: Settings) -> OrderStore:
    """The gateway's own order store: each script that it runs is a question."""

    def run(calls: Sequence[Call]) -> Sequence[Any]:
        return [line.ask(question("orders", "script", unsaid(call))) for call in calls]

    return OrderStore(run, settings)


def unsaid(call: Call) -> Call:
    """A proposal without who makes it and why: two that propose the same are one."""
    if call.script != "decide" or len(call.arguments) == 2:
        return call
    version, proposal, _, _, *history = call.arguments
    return replace(call, arguments=(version, proposal, "", "", *history))


class OnTheLine(Party):
    """A party as a checkout sees it. It is never known to be away: then nothing would begin."""

    def __init__(self, name: str, line: Line) -> None:
        self.name = name
        self.away = False
        self._line = line

    def deduct(self, deduction: pb.Deduction, end_s: float) -> Pending[pb.Vote]:
        request = pb.ApplyRequest(deductions=[deduction])
        return self._send(request, lambda reply: reply.votes[0])

    def give_back(self, tid: str, end_s: float) -> Pending[pb.Settled.ValueType]:
        settlement = pb.Settlement(tid=tid, verdict=orders_pb2.ABORT)
        request = pb.ApplyRequest(settlements=[settlement])
        return self._send(request, lambda reply: reply.settled[0])

    def _send(self, request: pb.ApplyRequest, read: Callable[[pb.ApplyReply], Any]) -> Pending[Any]:
        number = self._line.send(question(self.name, "Apply", Packed.of(request)))
        return cast("Pending[Any]", Reply(self._line, number, read))


class Reply:
    """What `Pending` is to the gateway."""

    def __init__(self, line: Line, number: int, read: Callable[[pb.ApplyReply], Any]) -> None:
        self._line = line
        self._number = number
        self._read = read

    def get(self, timeout_s: float) -> Any:
        return self._read(self._line.wait(self._number).message())


class Nobody(Handover):
    """The broker takes nothing. It needn't: in the model anyone may settle a leg at any time."""

    def __init__(self) -> None: ...

    def put(self, parties: Iterable[str], tid: str) -> None: ...

    def put_paid(self, parties: Iterable[str], tid: str) -> None: ...


class Clock:
    """Stands for `time`, `random` and `gevent` in the checkout. Only sleeping takes time: one
    sleep as long as a deadline, so that a proposal that is lost is repeated once."""

    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, pause_s: float) -> None:
        self.now_s += 1.0

    def uniform(self, least: float, most: float) -> float:
        return 0.0


clock = Clock()


@contextmanager
def without_chance() -> Iterator[None]:
    """The checkout does the same each time it is run."""
    with (
        patch("gateway.checkout.time", clock),
        patch("gateway.checkout.random", clock),
        patch("gateway.checkout.gevent", clock),
    ):
        yield
