"""One checkout, user or item, by whatever id is at hand: everything that is known of it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.bounds import is_id, is_tid
from recoup.errors import RecoupError
from recoup.operate.clients import LIMIT_S, Clients, at_once, why
from recoup.operate.explain import explain, told
from recoup.operate.records import (
    ITEMS,
    USERS,
    Account,
    Attempt,
    Decision,
    Leg,
    Order,
    account_of,
    decision_of,
    leg_of,
    order_of,
    word_of,
)
from recoup.operate.waiting import Filter, waiting
from recoup.rpc import ask

ATTEMPTS = 10
"""The latest attempts of an order whose legs are asked for."""

ORDERS_LISTED = 20
"""Of a user; there may be any number."""


@dataclass(frozen=True, slots=True)
class Story:
    """What was found under an id, which may be that of an order, of an item and of a user."""

    asked: str
    at_s: float
    order: Order | None
    attempts: tuple[Attempt, ...]
    """Of the order; the latest last."""
    history: tuple[Decision, ...]
    """Of the order; the latest last, the oldest are forgotten."""
    told: str
    """What its customer was told, as far as the history says; empty: there is no order."""
    accounts: tuple[Account, ...]
    """Of the order: its items and its user. Else: the item and the user who have the id."""
    namesakes: tuple[Account, ...]
    """An item or a user of the same id as the order."""
    orders: tuple[Order, ...]
    """Of a user who has the id: some of his orders."""
    waiting: tuple[Leg, ...]
    """Of an item or user who has the id: legs that wait."""
    away: Mapping[str, str]
    """Who can't be asked, and why. What he knows is missing here."""

    @property
    def found(self) -> bool:
        """Whether anybody knows the id."""
        return bool(self.order or self.accounts or any(a.waits for a in self.attempts))


def story(clients: Clients, asked: str, as_account: bool = False) -> Story:
    """Everything about an order, a tid, a user or an item. Raises ValueError if it is no id.

    Orders, items and users may have the same id: then it is about the order, unless the item and
    the user are asked for.
    """
    if is_tid(asked):
        return _of_order(clients, asked, asked.rpartition(".")[0], (asked,))
    if not is_id(asked):
        raise ValueError(f"{asked!r} is neither an id nor a tid (an order's id, a dot, a version)")
    if as_account:
        return _of_account(clients, asked, {})
    found = _of_order(clients, asked, asked, ())
    return found if found.order or found.attempts else _of_account(clients, asked, found.away)


def _of_order(clients: Clients, asked: str, order_id: str, tids: tuple[str, ...]) -> Story:
    away: dict[str, str] = {}
    questions: dict[str, Callable[[], Any]] = {"orders": lambda: _story(clients, order_id)}
    answer = _ask_all(away, questions).get("orders")
    order = order_of(answer.order) if answer is not None and answer.HasField("order") else None
    history = tuple(decision_of(past) for past in answer.past) if answer is not None else ()
    # An attempt of which the order store doesn't tell may wait nevertheless.
    stuck = waiting(clients, Filter(order_id=order_id))
    away |= stuck.away
    known = {*tids, *(past.tid for past in history), *(leg.tid for leg in stuck.legs)}
    known |= {order.tid} if order else set()
    latest = sorted(known, key=lambda tid: int(tid.rpartition(".")[2]))[-ATTEMPTS:]
    attempts = _attempts(clients, latest, history, away) if latest else ()
    if not order:
        attempts = tuple(attempt for attempt in attempts if attempt.waits)
    return Story(
        asked=asked,
        at_s=time.time(),
        order=order,
        attempts=attempts,
        history=history,
        told=told(order.state, history) if order else "",
        accounts=_accounts(clients, _accounts_of(clients, order, attempts), away),
        namesakes=_accounts(clients, _all(clients, asked), away)
        if order and asked == order_id
        else (),
        orders=(),
        waiting=(),
        away=away,
    )


def _of_account(clients: Clients, account_id: str, known_away: Mapping[str, str]) -> Story:
    """The id, as that of an item and of a user."""
    away = dict(known_away)
    accounts = _accounts(clients, _all(clients, account_id), away)
    owners = {account.party for account in accounts}
    legs: list[Leg] = []
    if ITEMS in owners:
        legs += waiting(clients, Filter(item_id=account_id)).legs
    orders: Sequence[Order] = ()
    if USERS in owners:
        legs += waiting(clients, Filter(user_id=account_id)).legs
        request = orders_pb2.ListOrdersRequest(user_id=account_id, limit=ORDERS_LISTED)
        question = functools.partial(ask, clients.orders.ListOrders, request, LIMIT_S)
        listed = _ask_all(away, {"orders": question}).get("orders")
        orders = [order_of(each) for each in listed.orders] if listed is not None else ()
    return Story(
        asked=account_id,
        at_s=time.time(),
        order=None,
        attempts=(),
        history=(),
        told="",
        accounts=accounts,
        namesakes=(),
        orders=tuple(orders),
        waiting=tuple(legs),
        away=away,
    )


def _ask_all(away: dict[str, str], questions: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """The answers there are; who gave none is entered in `away`."""
    answers: dict[str, Any] = {}
    for name, answer in at_once(questions).items():
        if isinstance(answer, RecoupError):
            away[name] = why(answer)
        else:
            answers[name] = answer
    return answers


def _story(clients: Clients, order_id: str) -> orders_pb2.StoryReply:
    return ask(clients.orders.Story, orders_pb2.StoryRequest(order_id=order_id), LIMIT_S)


def _attempts(
    clients: Clients, tids: Sequence[str], history: Sequence[Decision], away: dict[str, str]
) -> tuple[Attempt, ...]:
    status = pb.StatusRequest(tids=tids)
    questions: dict[str, Callable[[], Any]] = {
        party: functools.partial(ask, clients.party(party).Status, status, LIMIT_S)
        for party in clients.parties
    }
    asked = orders_pb2.VerdictsRequest(tids=tids)
    if "orders" not in away:
        questions["orders"] = functools.partial(ask, clients.orders.Verdicts, asked, LIMIT_S)
    answers = _ask_all(away, questions)
    decided = {past.tid: past for past in history}
    verdicts = {}
    if "orders" in answers:
        verdicts = {each.tid: word_of(each.verdict) for each in answers["orders"].decisions}
    legs: dict[str, list[Leg]] = {tid: [] for tid in tids}
    for party in clients.parties:
        if party in answers:
            for leg in answers[party].legs:
                legs[leg.tid].append(leg_of(party, leg, answers[party].clock_ms))
    retried_s = clients.settings.parked_retry_s
    return tuple(
        Attempt(
            tid=tid,
            verdict=verdicts.get(tid, ""),
            decision=decided.get(tid),
            legs=tuple(legs[tid]),
            why={leg.party: explain(leg, retried_s) for leg in legs[tid]},
        )
        for tid in tids
    )


def _accounts_of(
    clients: Clients, order: Order | None, attempts: Sequence[Attempt]
) -> dict[str, list[str]]:
    """Whose rows an order is about, by party; while the order store is away, as its legs say."""
    ids: dict[str, list[str]] = {}
    for leg in (leg for attempt in attempts for leg in attempt.legs):
        ids.setdefault(leg.party, []).extend(line.account_id for line in leg.lines)
    if order:
        ids = {ITEMS: [line.item_id for line in order.lines], USERS: [order.user_id]}
    return {name: list(dict.fromkeys(ids[name])) for name in clients.parties if ids.get(name)}


def _all(clients: Clients, account_id: str) -> dict[str, list[str]]:
    """Everyone who may have an account of this id."""
    return {party: [account_id] for party in clients.parties}


def _accounts(
    clients: Clients, ids: Mapping[str, Sequence[str]], away: dict[str, str]
) -> tuple[Account, ...]:
    questions = {
        party: functools.partial(
            ask,
            clients.party(party).FindAccounts,
            pb.FindAccountsRequest(account_ids=account_ids),
            LIMIT_S,
        )
        for party, account_ids in ids.items()
    }
    answers = _ask_all(away, {n: q for n, q in questions.items() if n not in away})
    return tuple(
        account_of(party, each.account)
        for party, answer in answers.items()
        for each in answer.results
        if each.outcome == pb.AccountResult.OK
    )
