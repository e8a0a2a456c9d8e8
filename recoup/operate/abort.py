"""Aborting a checkout that nobody has decided: what it would give back, and whether it can be."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.errors import RecoupError
from recoup.operate.actions import BEGUN, Operator, Retried, check_tid, note, try_now
from recoup.operate.clients import LIMIT_S, Clients, ask_of, at_once, why
from recoup.operate.records import ITEMS, NOUNS, Leg, leg_of, word_of
from recoup.operate.wording import clock
from recoup.rpc import ask


@dataclass(frozen=True, slots=True)
class AbortPlan:
    """What an abort would do, as far as it is known now."""

    tid: str
    refusal: str
    """Why it can't be aborted, in a sentence; empty: it can."""
    gives_back: tuple[str, ...]
    """What goes back to whom, a phrase each: `payment: 50 credits to user u1`."""
    away: Mapping[str, str]
    """Parties that can't be asked: what they hold is given back when they answer again."""


@dataclass(frozen=True, slots=True)
class Aborted:
    """What an abort has come to."""

    tid: str
    refusal: str
    """Why it wasn't aborted after all: somebody else decided first. Empty: it was."""
    retried: Retried | None
    """What became of its legs; None: it wasn't aborted."""


def plan_abort(clients: Clients, tid: str) -> AbortPlan:
    """What an abort of a tid would do. Raises RecoupError when the order store can't be asked, and
    ValueError if that is no tid."""
    check_tid(tid)
    request = orders_pb2.VerdictsRequest(tids=[tid])
    (decision,) = ask_of("orders", clients.orders.Verdicts, request).decisions
    if decision.error:
        return AbortPlan(tid, f"can't abort {tid}: {decision.error}", (), {})
    if decision.verdict != orders_pb2.UNDECIDED:
        return AbortPlan(tid, _decided(clients, tid, decision.verdict), (), {})
    status = pb.StatusRequest(tids=[tid])
    answers = at_once(
        {
            party: functools.partial(ask, clients.party(party).Status, status, LIMIT_S)
            for party in clients.parties
        }
    )
    legs, away = [], {}
    for party, answer in answers.items():
        if isinstance(answer, RecoupError):
            away[party] = why(answer)
        else:
            legs.append(leg_of(party, answer.legs[0], answer.clock_ms))
    return AbortPlan(tid, _refusal(tid, legs, away), _gives_back(legs), away)


def abort(clients: Clients, operator: Operator, tid: str) -> Aborted:
    """Proposes an abort, and has what is held given back. It refuses what `plan_abort` refuses.

    Raises RecoupError when the order store can't be asked, and ValueError if that is no tid.
    """
    plan = plan_abort(clients, tid)
    if plan.refusal:
        note(clients, operator, "abort", tid, 0, f"refused: {plan.refusal}")
        return Aborted(tid, plan.refusal, None)
    note(clients, operator, "abort", tid, 1, BEGUN)
    refusal = _propose(clients, operator, tid)
    if refusal:
        note(clients, operator, "abort", tid, 0, f"refused: {refusal}")
        return Aborted(tid, refusal, None)
    retried = try_now(clients, tid)  # who is away gives back when he is there again
    note(clients, operator, "abort", tid, 1, f"aborted: {retried}")
    return Aborted(tid, "", retried)


def _propose(clients: Clients, operator: Operator, tid: str) -> str:
    """Why it isn't aborted; empty: it is."""
    proposal = orders_pb2.Proposal(
        tid=tid, verdict=orders_pb2.ABORT, by=f"operator {operator.name}", why=operator.reason
    )
    request = orders_pb2.ProposeRequest(proposals=[proposal])
    (decision,) = ask_of("orders", clients.orders.Propose, request).decisions
    if decision.error:
        return f"can't abort {tid}: {decision.error}"
    if decision.verdict != orders_pb2.ABORT:
        return _decided(clients, tid, decision.verdict)
    return ""


def _decided(clients: Clients, tid: str, verdict: orders_pb2.Verdict.ValueType) -> str:
    """That it is decided, and since when, as far as the history says."""
    request = orders_pb2.StoryRequest(order_id=tid.rpartition(".")[0])
    past = ask_of("orders", clients.orders.Story, request).past
    since = next((f" since {clock(each.at_ms)}" for each in past if each.tid == tid), "")
    return f"can't abort {tid}: its verdict is {word_of(verdict)}{since}"


def _refusal(tid: str, legs: Sequence[Leg], away: Mapping[str, str]) -> str:
    for leg in legs:
        if leg.state == "committed":
            return (
                f"can't abort {tid}: {leg.party} has committed its leg, so the order store has "
                "lost the verdict, which an abort would contradict (recoup audit)"
            )
        if leg.state == "malformed":
            return (
                f"can't abort {tid}: the record of {leg.party}'s leg can't be read, and may be of "
                "one that is committed (recoup audit)"
            )
    if not away and not any(leg.state == "held" for leg in legs):
        return f"can't abort {tid}: nobody holds anything for it"
    return ""


def _gives_back(legs: Sequence[Leg]) -> tuple[str, ...]:
    phrases = []
    for leg in legs:
        noun, unit = NOUNS.get(leg.party, "account"), "pieces" if leg.party == ITEMS else "units"
        unit = "credits" if noun == "user" else unit
        phrases += [
            f"{leg.party}: {line.amount:,} {unit} to {noun} {line.account_id}"
            for line in leg.lines
            if leg.state == "held"
        ]
    return tuple(phrases)
