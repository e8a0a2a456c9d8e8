"""What an operator does: have legs tried now, and abort a checkout that nobody has decided.

Nothing here settles a leg or overrides a rule: a retry does sooner what would happen anyhow, and an
abort is a proposal like any other, of which the first wins. Every action is written to the actions
log before it is done and after; where that can't be written, nothing is done.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass

from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.bounds import TEXT_MOST, is_tid
from recoup.errors import RecoupError, Unanswered
from recoup.operate.clients import LIMIT_S, Clients, ask_of, at_once, why
from recoup.operate.records import Action, action_of
from recoup.rpc import ask

BEGUN = "begun"
"""The result of an action that is noted before it is done."""

WATCH_S = 15.0
"""How long the last of them are watched: a sweep and a try take a second or two."""

POLL_S = 0.2

SETTLED = ("committed", "returned")
"""The states of a leg that isn't held any more."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who acts, and why."""

    name: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Retried:
    """What a retry of one tid has come to."""

    tid: str
    outcomes: Mapping[str, str]
    """By party of which something waited: committed, returned; or why it still waits."""
    away: Mapping[str, str]
    """Who can't be asked, and why. What waits there is tried when he is back."""

    @property
    def settled(self) -> bool:
        """Whether nothing of it waits any more."""
        settled = all(each in SETTLED for each in self.outcomes.values())
        return settled and not self.away

    def __str__(self) -> str:
        said = [f"{party}: {outcome}" for party, outcome in self.outcomes.items()]
        said += [f"{party} can't be asked" for party in self.away]
        return ", ".join(said) or "nothing waited"


def note(
    clients: Clients, operator: Operator, verb: str, target: str, count: int, result: str
) -> None:
    """Writes an entry of the actions log. Raises RecoupError when it can't be written."""
    action = orders_pb2.Action(
        who=operator.name,
        verb=verb,
        target=target[:TEXT_MOST],
        count=count,
        reason=operator.reason[:TEXT_MOST],
        result=result[:TEXT_MOST],
    )
    try:
        ask_of("orders", clients.orders.NoteAction, orders_pb2.NoteActionRequest(action=action))
    except Unanswered as error:
        what = "so nothing was done" if result == BEGUN else f"and this is not noted: {result}"
        raise Unanswered(f"{error}, {what}", error.cause) from error


def log(clients: Clients, limit: int) -> list[Action]:
    """What operators have done, the latest first. Raises RecoupError."""
    request = orders_pb2.ListActionsRequest(limit=limit)
    listed = ask_of("orders", clients.orders.ListActions, request).actions
    return [action_of(each) for each in listed]


def retry(clients: Clients, operator: Operator, tid: str) -> Retried:
    """Has every party try one tid at once, and watches what comes of it. Raises RecoupError when
    the actions log can't be written, and ValueError if that is no tid."""
    check_tid(tid)
    note(clients, operator, "retry", tid, 1, BEGUN)
    result = try_now(clients, tid)
    note(clients, operator, "retry", tid, 1, str(result))
    return result


def try_now(clients: Clients, tid: str) -> Retried:
    """As `retry`, as a part of another action."""
    request = pb.RetryRequest(tids=[tid])

    def try_at(party: str) -> str:
        """What comes of it; empty: nothing waits there."""
        due = ask(clients.party(party).Retry, request, LIMIT_S).due[0]
        return _watch(clients, party, tid) if due else ""

    answers = at_once({party: functools.partial(try_at, party) for party in clients.parties})
    outcomes = {party: each for party, each in answers.items() if isinstance(each, str) and each}
    away = {party: why(each) for party, each in answers.items() if isinstance(each, RecoupError)}
    return Retried(tid, outcomes, away)


def check_tid(text: str) -> None:
    """Raises ValueError, with a sentence, if that is no tid."""
    if not is_tid(text):
        raise ValueError(f"{text!r} is no tid: an order's id, a dot and a version, such as 8f3c.1")


def _watch(clients: Clients, party: str, tid: str) -> str:
    """What the try that was asked for has come to: a settled state, or why it still waits."""
    end_s = time.monotonic() + WATCH_S
    while True:
        (leg,) = ask(clients.party(party).Status, pb.StatusRequest(tids=[tid]), LIMIT_S).legs
        if leg.state != pb.Leg.HELD and not leg.parked:
            return pb.Leg.State.Name(leg.state).lower()
        if leg.parked and not leg.due_ms:
            return f"parked again: {leg.parked}"
        if time.monotonic() > end_s:
            return f"still waits: {leg.cause or 'no try has ended yet'}"
        time.sleep(POLL_S)
