"""Says in words what happened in a world: the lines of a violation."""

from __future__ import annotations

from typing import Any

from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.scripts import Call
from tests.model.process import LOST, Packed, Question

Asked = tuple[tuple[Question, object], ...]


def describe(what: Question | str | Asked, answer: object) -> str:
    """What was asked, and the answer, in one line."""
    if isinstance(what, tuple):
        return "; ".join(describe(*each) for each in what)
    if isinstance(what, str):
        return what
    told = "no answer" if answer is LOST else _words(_content(answer))
    return f"{_asked(what)} -> {told}"


def _asked(what: Question) -> str:
    if isinstance(what.request, Call):
        key = what.request.keys[0].partition("}:")[2]
        arguments = " ".join(map(str, what.request.arguments))
        return f"orders, {what.request.script} {key} {arguments}".rstrip()
    return f"{what.store}, {what.method} {_words(_content(what.request))}"


def _content(value: object) -> object:
    return value.message() if isinstance(value, Packed) else value


def _words(value: Any) -> str:
    """A message, or an answer, without what is empty in it."""
    if isinstance(value, pb.ApplyRequest):
        held = [f"hold {each.tid} until {each.deadline_ms}" for each in value.deductions]
        settled = [f"settle {each.tid} by {_verdict(each.verdict)}" for each in value.settlements]
        return ", ".join(held + settled)
    if isinstance(value, pb.ApplyReply):
        votes = [pb.Vote.Answer.Name(each.answer) for each in value.votes]
        return ", ".join(votes + [pb.Settled.Name(each) for each in value.settled])
    if isinstance(value, pb.AdjustAccountsRequest):
        return ", ".join(f"{each.account_id} by {each.amount}" for each in value.adjustments)
    if isinstance(value, pb.AccountsReply):
        return ", ".join(pb.AccountResult.Outcome.Name(each.outcome) for each in value.results)
    if isinstance(value, orders_pb2.ProposeRequest):
        return ", ".join(f"{each.tid} {_verdict(each.verdict)}" for each in value.proposals)
    if isinstance(value, pb.StatusRequest | orders_pb2.VerdictsRequest):
        return ", ".join(value.tids)
    if isinstance(value, pb.StatusReply):
        return ", ".join(pb.Leg.State.Name(leg.state) for leg in value.legs)
    if isinstance(value, orders_pb2.DecisionsReply):
        return ", ".join(each.error or _verdict(each.verdict) for each in value.decisions)
    if isinstance(value, tuple):
        return " ".join(str(each) or "-" for each in value)
    return " ".join(str(value).split())


def _verdict(verdict: orders_pb2.Verdict.ValueType) -> str:
    return orders_pb2.Verdict.Name(verdict).lower()
