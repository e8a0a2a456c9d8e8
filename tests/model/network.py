"""The messages under way: each may arrive at any time, any number of times, or never."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import NamedTuple, cast

from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.scripts import Call
from tests.model.process import Packed, Question
from tests.model.state import ORDERS, State, view
from tests.model.system import SETTINGS, System

Sent = int
"""Messages, a bit each: a number is compared faster than a set."""

LEG_KEPT_STEPS = SETTINGS.leg_kept_s


class Message(NamedTuple):
    """What a message would do: hold or settle a leg, or propose a verdict."""

    act: str
    tid: str
    deadline_ms: int = 0
    verdict: str = ""
    lines: str = ""


@functools.cache
def message(what: Question) -> Message | None:
    """What a question does that may arrive late; None: it does nothing then."""
    if isinstance(what.request, Call):
        if what.request.script != "decide":
            return None
        version, proposal, *_ = what.request.arguments
        order_id = what.request.keys[0].rpartition(":")[2]
        return Message(str(proposal), f"{order_id}.{version}") if proposal else None
    if what.store == "broker":
        (tid,), due_ms = cast("tuple[tuple[str], int]", what.request)
        return Message("task", tid, due_ms)
    request = what.request.message() if isinstance(what.request, Packed) else None
    if isinstance(request, orders_pb2.ProposeRequest):
        (each,) = request.proposals
        return Message(_verdict(each.verdict), each.tid)
    if isinstance(request, pb.ApplyRequest) and request.deductions:
        (deduction,) = request.deductions
        lines = str(deduction.lines)  # the same version may come about with another cart
        return Message("deduct", deduction.tid, deduction.deadline_ms, lines=lines)
    if isinstance(request, pb.ApplyRequest):
        (settlement,) = request.settlements
        return Message("settle", settlement.tid, verdict=_verdict(settlement.verdict))
    return None


def task(what: Question) -> tuple[str, int] | None:
    """The tid and the due time of a task; None: it is none."""
    each = message(what)
    return (each.tid, each.deadline_ms) if each and each.act == "task" else None


def _verdict(verdict: orders_pb2.Verdict.ValueType) -> str:
    return orders_pb2.Verdict.Name(verdict).lower()


class Network:
    """The messages of one world."""

    def __init__(self, system: System, steps: int, setbacks: int) -> None:
        self._system = system
        self._expiry = steps >= LEG_KEPT_STEPS
        self._setbacks = setbacks > 0
        self._bits: dict[tuple[str, Message], Sent] = {}
        self._questions: dict[Sent, Question] = {}
        self._kept: dict[tuple[object, ...], Sent] = {}

    def send(self, sent: Sent, questions: Iterable[Question]) -> Sent:
        """With these on their way too. Who sends a proposal makes no difference when it arrives."""
        for what in questions:
            each = message(what)
            if each:
                bit = self._bits.setdefault((what.store, each), 1 << len(self._bits))
                self._questions.setdefault(bit, what)
                sent |= bit
        return sent

    def arrived(self, sent: Sent, what: Question) -> Sent:
        """After one was carried out. All may come again but `close`, which raises the version each
        time: it is a message between a gateway and its database, which nobody repeats."""
        each = message(what)
        if each and each.act == "close":
            return sent & ~self._bits.get((what.store, each), 0)
        return sent

    def under_way(self, sent: Sent) -> list[Question]:
        return [what for bit, what in self._questions.items() if sent & bit]

    def kept(self, state: State, verdicts: Mapping[str, str]) -> Sent:
        """Those that may still change something, now or later."""
        key = (state.sent, state.stores, state.clocks)
        if key not in self._kept:
            alive = [
                what
                for what in self.under_way(state.sent)
                if not self._spent(what, state, verdicts)
            ]
            self._kept[key] = self.send(0, alive)
        return self._kept[key]

    def _spent(self, what: Question, state: State, verdicts: Mapping[str, str]) -> bool:
        """Whether it changes nothing now (which the system itself is asked, so that no fault is
        overlooked), and never can again (which the rules say)."""
        each = message(what)
        assert each is not None
        if each.act == "settle" and verdicts.get(each.tid) == each.verdict:
            return True  # any settler that asks for the verdict from now on does the same
        if each.act == "task":
            leg = view(state.stores[self._system.stores.index(what.method)]).legs.get(each.tid)
            return leg is None or leg.state != "held"  # then nobody takes it any further
        place = self._system.stores.index(what.store)
        store, time_ms = state.stores[place], state.time_ms(place)
        if self._system.ask(what, store, time_ms)[0] is not store:
            return False
        if place == ORDERS:
            return bool(verdicts.get(each.tid))
        leg = view(store).legs.get(each.tid)
        if each.act == "settle":
            return leg is not None and leg.state != "held"
        if time_ms > each.deadline_ms and not self._setbacks:
            return True
        if leg is None or self._expiry:
            return False
        return leg.state != "held" or each.deadline_ms <= leg.deadline_ms
