"""/api/v1: what the frozen paths lack: lists of orders, their ends, the story of a checkout."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, get_args

from flask import Blueprint, request

from gateway import problems
from gateway.inputs import an_id
from gateway.orders.history import Past
from gateway.orders.listing import CURSOR_PATTERN, PAGE_MOST, PAGE_USUAL, Listing, is_cursor
from gateway.orders.records import Order, Run, State, split
from gateway.orders.store import OrderStore
from gateway.parties import Party
from gateway.problems import Problem
from gateway.routes.accounts import keyed
from gateway.routes.orders import not_found, shown
from gateway.story import Part, Transaction, tell
from proto import ledger_pb2 as pb
from recoup.bounds import ID_PATTERN, is_tid
from recoup.reasons import GATEWAY

QUERY = {
    "user_id": ID_PATTERN,
    "state": "|".join(get_args(State)),
    "cursor": CURSOR_PATTERN,
    "limit": "[0-9]{1,16}",
}
"""What may stand in a list's query, and its form."""

REFUSALS = {
    "paid": problems.ORDER_PAID,
    "cancelled": problems.ORDER_CANCELLED,
    "no_item": problems.ITEM_NOT_IN_ORDER,
    "key_reused": problems.IDEMPOTENCY_KEY_REUSED,
}


def blueprint(run: Run, store: OrderStore, parties: Sequence[Party]) -> Blueprint:
    """The calls under /api/v1 but those that explain problems. `run` is the order store's."""
    calls = Blueprint("api", __name__, url_prefix="/api/v1")
    listing = Listing(run)

    @calls.get("/orders")
    def list_orders() -> dict[str, Any]:
        asked = query()
        page = listing.page(
            asked.get("user_id", ""), asked.get("state", ""), asked.get("cursor", ""), limit(asked)
        )
        return {"orders": [shown(order) for order in page.orders], "cursor": page.cursor or None}

    @calls.delete("/orders/<order_id>/items/<item_id>")
    def remove_item(order_id: str, item_id: str) -> dict[str, Any]:
        ids = an_id(order_id, "order_id"), an_id(item_id, "item_id")
        return changed(order_id, store.remove_item(*ids), item_id=item_id)

    @calls.post("/orders/<order_id>/cancel")
    def cancel(order_id: str) -> dict[str, Any]:
        return changed(order_id, store.cancel(an_id(order_id, "order_id"), GATEWAY, keyed()))

    @calls.get("/transactions/<tid>")
    def transaction(tid: str) -> dict[str, Any]:
        if not is_tid(tid):
            raise Problem(problems.INVALID_TID)
        told = tell(tid, run, store, parties)
        if not told.is_known:
            if told.away:
                raise Problem(problems.PARTY_AWAY, f"{told.away} is away.", tid=tid)
            raise Problem(problems.TRANSACTION_NOT_FOUND, f"There is no {tid}.", tid=tid)
        return shown_transaction(told)

    return calls


def query() -> dict[str, str]:
    """What stands in the query, each once and in its form. A misspelt filter isn't left out: it
    would list what wasn't asked for."""
    asked: dict[str, str] = {}
    for name, text in request.args.items(multi=True):
        if name not in QUERY or name in asked or not re.fullmatch(QUERY[name], text):
            known = f"{name} must be {QUERY[name]}, once." if name in QUERY else ""
            detail = known or f"There are {', '.join(QUERY)}."
            raise Problem(problems.INVALID_QUERY, detail, parameter=name)
        asked[name] = text
    if "cursor" in asked and not is_cursor(asked["cursor"], asked.get("user_id", "")):
        detail = "The cursor is of a user's list: name the same user."
        raise Problem(problems.INVALID_QUERY, detail, parameter="cursor")
    return asked


def limit(asked: dict[str, str]) -> int:
    """How many orders a page has at most."""
    number = int(asked.get("limit", PAGE_USUAL))
    if not 1 <= number <= PAGE_MOST:
        detail = f"limit must be from 1 to {PAGE_MOST}."
        raise Problem(problems.INVALID_QUERY, detail, parameter="limit")
    return number


def changed(order_id: str, outcome: Order | str, **names: Any) -> dict[str, Any]:
    """The order after a change, or the problem that the refusal is."""
    if isinstance(outcome, Order):
        return shown(outcome)
    if outcome == "not_found":
        raise not_found(order_id)
    raise Problem(REFUSALS[outcome], order_id=order_id, **names)


def shown_transaction(told: Transaction) -> dict[str, Any]:
    """A transaction as the API shows it. What isn't known is null."""
    order_id, version = split(told.tid)
    return {
        "tid": told.tid,
        "order_id": order_id,
        "version": version,
        "verdict": told.decision.verdict or "undecided",
        "ahead": told.decision.ahead,
        "as_of_ms": told.decision.clock_ms,
        "order": shown(told.order) if told.order else None,
        "history": [shown_past(past) for past in told.past],
        "parties": [shown_part(part) for part in told.parts],
    }


def shown_past(past: Past) -> dict[str, Any]:
    """A decision as the API shows it."""
    return {
        "tid": past.tid,
        "verdict": past.verdict,
        "by": past.by,
        "why": past.why,
        "at_ms": past.at_ms,
    }


def shown_part(part: Part) -> dict[str, Any]:
    """What a party knows, as the API shows it; or why it could not be asked."""
    answers = not part.problem
    return {
        "party": part.party,
        "answers": answers,
        "problem": part.problem,
        "as_of_ms": part.clock_ms if answers else None,
        "leg": shown_leg(part.leg) if part.leg else None,
        "accounts": [shown_account(*each) for each in part.accounts] if answers else None,
    }


def shown_leg(leg: pb.Leg) -> dict[str, Any]:
    """A leg as the API shows it; a time that isn't set is null."""
    return {
        "state": pb.Leg.State.Name(leg.state).lower(),
        "lines": [{"account_id": line.account_id, "amount": line.amount} for line in leg.lines],
        "parties": list(leg.parties),
        "deadline_ms": leg.deadline_ms or None,
        "held_at_ms": leg.held_at_ms or None,
        "settled_at_ms": leg.settled_at_ms or None,
        "due_ms": leg.due_ms or None,
        "tries": leg.tries,
        "cause": leg.cause,
        "next_try_ms": leg.next_try_ms or None,
        "parked": leg.parked,
        "recent_tries": [{"at_ms": each.at_ms, "cause": each.cause} for each in leg.recent_tries],
    }


def shown_account(account_id: str, result: pb.AccountResult) -> dict[str, Any]:
    """An account's numbers, if it can be read."""
    found = result.outcome == pb.AccountResult.OK
    numbers = ("price", "available", "held", "used", "put_in", "generation")
    return {
        "account_id": account_id,
        "found": found,
        **{name: getattr(result.account, name) if found else None for name in numbers},
    }
