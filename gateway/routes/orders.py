"""/orders: carts, and checking them out."""

from __future__ import annotations

import random
import time
import uuid
from typing import Any, NoReturn

from flask import Blueprint

from gateway import metrics, problems
from gateway.admission import TurnedAway
from gateway.answers import Answer, Away, Cancelled, Changed, Empty, NotFound, Paid, Refused
from gateway.checkout import Checkout
from gateway.inputs import an_id
from gateway.orders.records import Order
from gateway.orders.store import OrderStore
from gateway.parties import Party
from gateway.problem_pages import problem_of
from gateway.problems import Problem
from gateway.roles import role
from gateway.routes.accounts import AccountCalls, keyed, number
from proto import ledger_pb2 as pb
from recoup.bounds import LINES_MAX
from recoup.settings import AMOUNT_MAX

ADD_ITEM_PROBLEMS = {
    "not_found": problems.ORDER_NOT_FOUND,
    "paid": problems.ORDER_PAID,
    "cancelled": problems.ORDER_CANCELLED,
    "too_much": problems.AMOUNT_TOO_LARGE,
    "too_long": problems.ORDER_TOO_LONG,
    "key_reused": problems.IDEMPOTENCY_KEY_REUSED,
}

COME_BACK_S = (2, 4)
"""When, from and to, a checkout that was turned away may come back: what is under way is done by
then, and not everyone comes in the same second."""


def blueprint(store: OrderStore, stock: Party, checkouts: Checkout) -> Blueprint:
    """The calls on orders."""
    calls = Blueprint("orders", __name__, url_prefix="/orders")
    items = AccountCalls(stock, "item", problems.ITEM_NOT_FOUND, problems.NOT_ENOUGH_STOCK)

    @calls.post("/create/<user_id>")
    def create(user_id: str) -> dict[str, Any]:
        order_id = store.create(str(uuid.uuid4()), an_id(user_id, "user_id"), keyed())
        if order_id is None:
            raise Problem(problems.IDEMPOTENCY_KEY_REUSED)
        return {"order_id": order_id}

    @calls.get("/find/<order_id>")
    @calls.get("/find_order/<order_id>")
    def find(order_id: str) -> dict[str, Any]:
        order = store.read(an_id(order_id, "order_id"))
        if order is None:
            raise not_found(order_id)
        return shown(order)

    @calls.post("/addItem/<order_id>/<item_id>/<quantity>")
    def add_item(order_id: str, item_id: str, quantity: str) -> dict[str, Any]:
        an_id(order_id, "order_id")
        pieces, key = number(quantity, "quantity"), keyed()
        cost = pieces * items.find(item_id).price
        if cost > AMOUNT_MAX:
            raise Problem(problems.AMOUNT_TOO_LARGE)
        order = store.add_item(order_id, item_id, pieces, cost, key)
        if isinstance(order, str):
            detail = f"At most {LINES_MAX} different items." if order == "too_long" else ""
            raise Problem(ADD_ITEM_PROBLEMS[order], detail, order_id=order_id)
        return shown(order)

    @calls.post("/checkout/<order_id>")
    def checkout(order_id: str) -> dict[str, Any]:
        began_s = time.monotonic()
        try:
            answer = shown_checkout(order_id, checkouts.run(an_id(order_id, "order_id")))
        except Exception as error:
            metrics.CHECKOUTS[problem_of(error).slug].inc()
            raise
        finally:
            metrics.CHECKOUT_DURATION_S.observe(time.monotonic() - began_s)
        metrics.CHECKOUTS["already-paid" if answer["already_paid"] else "paid"].inc()
        return answer

    @calls.post("/batch_init/<n>/<n_items>/<n_users>/<item_price>")
    def init(n: str, n_items: str, n_users: str, item_price: str) -> dict[str, Any]:
        price = number(item_price, "item_price")
        if 2 * price > AMOUNT_MAX:
            raise Problem(problems.AMOUNT_TOO_LARGE)
        counts = (number(n, "n"), number(n_items, "n_items"), number(n_users, "n_users"))
        if not store.init(*counts, price, keyed()):
            raise Problem(problems.IDEMPOTENCY_KEY_REUSED)
        return {"msg": "Batch init for orders successful"}

    return calls


def shown(order: Order) -> dict[str, Any]:
    """An order as the API shows it."""
    return {
        "order_id": order.order_id,
        "paid": order.paid_at is not None,
        "items": [[line.item_id, line.quantity] for line in order.lines],
        "user_id": order.user_id,
        "total_cost": order.total_cost,
        "state": order.state,
        "tid": order.tid,
    }


def shown_checkout(order_id: str, answer: Answer) -> dict[str, Any]:
    """What became of a checkout, as the API shows it; or the problem that it is."""
    match answer:
        case Paid(_, tid, total_cost, already):
            return {
                "order_id": order_id,
                "paid": True,
                "tid": tid,
                "total_cost": total_cost,
                "already_paid": already,
            }
        case Refused(party, vote):
            refused(order_id, party, vote)
        case NotFound():
            raise not_found(order_id)
        case Empty():
            raise Problem(problems.EMPTY_ORDER, f"Order {order_id} is empty.", order_id=order_id)
        case Changed():
            raise Problem(problems.ORDER_CHANGED, order_id=order_id)
        case Cancelled():
            raise Problem(problems.ORDER_CANCELLED, order_id=order_id)
        case Away(party):
            raise Problem(problems.PARTY_AWAY, f"{party} is away.", order_id=order_id)
        case TurnedAway():
            retry_after_s = random.randint(*COME_BACK_S)
            raise Problem(problems.OVERLOADED, retry_after_s=retry_after_s, order_id=order_id)
        case _:
            kind = problems.CLOCK_SKEW if answer.clock_is_off else problems.CHECKOUT_UNDONE
            raise Problem(kind, order_id=order_id)


def refused(order_id: str, party: str, vote: pb.Vote) -> NoReturn:
    """The problem that a party's refusal is."""
    theirs = role(party)
    names: dict[str, Any] = {
        "order_id": order_id,
        "party": party,
        theirs.id_name: vote.account_id,
    }
    if vote.answer == pb.Vote.UNKNOWN_ACCOUNT:
        raise Problem(theirs.unknown, f"{party} doesn't know {vote.account_id}.", **names)
    detail = f"{vote.account_id} has less than the order asks for."
    raise Problem(theirs.not_enough, detail, **names)


def not_found(order_id: str) -> Problem:
    """The problem that there is no such order."""
    return Problem(problems.ORDER_NOT_FOUND, f"There is no order {order_id}.", order_id=order_id)
