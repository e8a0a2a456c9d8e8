"""The HTTP API as a table: every call, what it answers, and what can be wrong with it.

The paths of orders, stock and payment are frozen; whatever else the API offers lives under
/api/v1. `openapi.py` makes the documentation from this table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway import problems as p

ID_NAMES: Final = ("order_id", "user_id", "item_id")


@dataclass(frozen=True)
class Call:
    """One call of the API. `answer` names a schema of `schemas.py`, or a media type."""

    name: str
    method: str
    path: str
    summary: str
    answer: str
    can_be: tuple[p.ProblemType, ...] = ()
    note: str = ""
    remembers: bool = False
    """Whether it moves or creates something, so that an Idempotency-Key makes repeats safe."""
    query: tuple[str, ...] = ()
    """The names of what may stand behind the question mark; all may be left out."""

    @property
    def parameters(self) -> list[str]:
        """The names in braces in the path."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def tag(self) -> str:
        """What the call is about."""
        first = self.path.removeprefix("/api/v1").split("/")[1]
        return first if first in ("orders", "transactions", "stock", "payment") else "operation"

    @property
    def problems(self) -> list[p.ProblemType]:
        """Everything that can be wrong: what the table says, and what follows from the call."""
        found = list(self.can_be)
        if any(name in ID_NAMES for name in self.parameters):
            found.append(p.INVALID_ID)
        if "tid" in self.parameters:
            found.append(p.INVALID_TID)
        if any(name not in (*ID_NAMES, "tid", "slug") for name in self.parameters):
            found.append(p.INVALID_NUMBER)
        if self.query:
            found.append(p.INVALID_QUERY)
        if self.remembers:
            found += [p.INVALID_IDEMPOTENCY_KEY, p.REQUEST_TOO_LARGE, p.IDEMPOTENCY_KEY_REUSED]
        if self.tag != "operation":
            found += [p.INTERNAL_ERROR, p.STORE_UNAVAILABLE, p.OVERLOADED]
        return found


def _get(name: str, path: str, summary: str, answer: str, *can_be: p.ProblemType) -> Call:
    return Call(name, "get", path, summary, answer, can_be)


def _post(
    name: str, path: str, summary: str, answer: str, *can_be: p.ProblemType, note: str = ""
) -> Call:
    return Call(name, "post", path, summary, answer, can_be, note, remembers=True)


CALLS: Final = (
    _post("createOrder", "/orders/create/{user_id}", "Create an empty order", "OrderCreated"),
    _get("findOrder", "/orders/find/{order_id}", "Look at an order", "Order", p.ORDER_NOT_FOUND),
    _get(
        "findOrderByOldName",
        "/orders/find_order/{order_id}",
        "Look at an order (the older name of the same call)",
        "Order",
        p.ORDER_NOT_FOUND,
    ),
    _post(
        "addItem",
        "/orders/addItem/{order_id}/{item_id}/{quantity}",
        "Add an item to an order",
        "Order",
        p.ORDER_NOT_FOUND,
        p.ITEM_NOT_FOUND,
        p.ORDER_PAID,
        p.ORDER_CANCELLED,
        p.AMOUNT_TOO_LARGE,
        p.ORDER_TOO_LONG,
        note="The cost grows by quantity x price. A checkout under way either loses to this (and "
        "answers 409), or wins (and this answers 409).",
    ),
    Call(
        "checkout",
        "post",
        "/orders/checkout/{order_id}",
        "Pay for an order: all of it, or nothing",
        "CheckedOut",
        (
            p.ORDER_NOT_FOUND,
            p.EMPTY_ORDER,
            p.NOT_ENOUGH_STOCK,
            p.NOT_ENOUGH_CREDIT,
            p.UNKNOWN_ITEM,
            p.UNKNOWN_USER,
            p.PARTY_REFUSED,
            p.ORDER_CHANGED,
            p.ORDER_CANCELLED,
            p.CHECKOUT_UNDONE,
            p.PARTY_AWAY,
            p.CLOCK_SKEW,
        ),
        "Repeating it is always safe: an order that is paid is never charged again. So it needs "
        "no Idempotency-Key; it accepts one and doesn't look at it. Answered 200, the order is "
        "paid and charged exactly once; answered 4xx, it isn't, and what was held is given back; "
        "answered 503, ask again.",
    ),
    _post(
        "initOrders",
        "/orders/batch_init/{n}/{n_items}/{n_users}/{item_price}",
        'Write orders "0" to "n-1" anew, with two random items each',
        "Message",
        p.AMOUNT_TOO_LARGE,
    ),
    Call(
        "listOrders",
        "get",
        "/api/v1/orders",
        "List orders, a page at a time",
        "OrderList",
        note="Of one user, the latest first. Of everyone, in no order; there a page may have a few "
        "more than `limit`, and an order that is written meanwhile may be missed or come twice. A "
        "page looks at a bounded number of orders, so it may have fewer than `limit`, or none: "
        "only a `cursor` that is null says that it was the last.",
        query=("user_id", "state", "cursor", "limit"),
    ),
    Call(
        "removeItem",
        "delete",
        "/api/v1/orders/{order_id}/items/{item_id}",
        "Remove an item, with all its pieces, from an order",
        "Order",
        (p.ORDER_NOT_FOUND, p.ITEM_NOT_IN_ORDER, p.ORDER_PAID, p.ORDER_CANCELLED),
        "A checkout under way either loses to this (and answers 409), or wins (and this answers "
        "409). Repeating it changes nothing more: it answers 404, since the item is gone. It takes "
        "no Idempotency-Key, so a repeat that comes after the item was added again removes it "
        "again.",
    ),
    _post(
        "cancelOrder",
        "/api/v1/orders/{order_id}/cancel",
        "Cancel an order that isn't paid, for good",
        "Order",
        p.ORDER_NOT_FOUND,
        p.ORDER_PAID,
        note="A checkout under way either wins (and this answers 409), or loses (and answers 409, "
        "having given back what it held). Cancelling twice is 200. Only batch_init opens a "
        "cancelled order again, by writing it anew.",
    ),
    Call(
        "tellTransaction",
        "get",
        "/api/v1/transactions/{tid}",
        "What became of one attempt to check out, and why",
        "Transaction",
        (p.TRANSACTION_NOT_FOUND, p.PARTY_AWAY),
        "The order, the verdict and who decided it, each party's leg, and the accounts that it is "
        "about. A party that can't be asked says so in its own part; the rest is as it is. The "
        "parts are read one after the other, so while it is under way they may be of different "
        "moments.",
    ),
    _post("createItem", "/stock/item/create/{price}", "Create an item", "ItemCreated"),
    _get("findItem", "/stock/find/{item_id}", "Look at an item", "Item", p.ITEM_NOT_FOUND),
    _post(
        "addStock",
        "/stock/add/{item_id}/{amount}",
        "Add to an item's stock",
        "Item",
        p.ITEM_NOT_FOUND,
        p.AMOUNT_TOO_LARGE,
    ),
    _post(
        "subtractStock",
        "/stock/subtract/{item_id}/{amount}",
        "Take from an item's stock",
        "Item",
        p.ITEM_NOT_FOUND,
        p.NOT_ENOUGH_STOCK,
    ),
    _post(
        "initItems",
        "/stock/batch_init/{n}/{starting_stock}/{item_price}",
        'Write items "0" to "n-1" anew',
        "Message",
    ),
    _post("createUser", "/payment/create_user", "Create a user without credit", "UserCreated"),
    _get("findUser", "/payment/find_user/{user_id}", "Look at a user", "User", p.USER_NOT_FOUND),
    _post(
        "addFunds",
        "/payment/add_funds/{user_id}/{amount}",
        "Add to a user's credit",
        "User",
        p.USER_NOT_FOUND,
        p.AMOUNT_TOO_LARGE,
    ),
    _post(
        "pay",
        "/payment/pay/{user_id}/{amount}",
        "Take from a user's credit",
        "User",
        p.USER_NOT_FOUND,
        p.NOT_ENOUGH_CREDIT,
    ),
    _post(
        "initUsers",
        "/payment/batch_init/{n}/{starting_money}",
        'Write users "0" to "n-1" anew',
        "Message",
    ),
    _get("isAlive", "/healthz", "Whether this process runs", "Alive"),
    _get("isReady", "/readyz", "Whether everything that a checkout needs answers", "Ready"),
    _get("readMetrics", "/metrics", "Measurements, for Prometheus", "text/plain"),
    _get("readDocument", "/openapi.json", "This document", "application/json"),
    _get("listProblems", p.PAGES, "Everything that can go wrong", "ProblemTypes"),
    _get(
        "findProblem",
        p.PAGES + "/{slug}",
        "What a problem means and what to do",
        "ProblemType",
        p.NOT_FOUND,
    ),
)
