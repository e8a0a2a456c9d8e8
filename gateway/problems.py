"""What can be wrong with a request, as RFC 9457 problem documents: a closed list.

Every answer of the API that isn't a success is one of these types. A document says what happened
(`type`, `title`, `status`, `detail`) and what to do about it (`advice`). Its `type` is a path on
this server, where the same is explained to whoever follows it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Final

from flask import Response

MIMETYPE = "application/problem+json"
PAGES = "/api/v1/problems"

RETRY_AFTER_S = 1
"""What a 503 says when nobody knows better: a process that died is back after about a second."""


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem. `advice` tells the client what to do, and whether anything has changed."""

    slug: str
    status: int
    title: str
    advice: str

    @property
    def uri(self) -> str:
        """What identifies this type in a problem document; also where its page is."""
        return f"{PAGES}/{self.slug}"


class Problem(Exception):
    """Ends a request with a problem document.

    `extensions` become members of the document, beside the standard ones (`order_id`, …). A 503
    always carries `Retry-After`.
    """

    def __init__(
        self,
        kind: ProblemType,
        detail: str = "",
        *,
        retry_after_s: float | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(detail or kind.title)
        self.kind = kind
        self.detail = detail
        self.extensions = extensions
        if retry_after_s is None and kind.status == 503:
            retry_after_s = RETRY_AFTER_S
        # The header knows whole seconds only, and "at once" is what an overload doesn't need.
        self.retry_after_s = None if retry_after_s is None else max(1, math.ceil(retry_after_s))

    def document(self) -> dict[str, Any]:
        """The members of the problem document."""
        kind = self.kind
        members = {"type": kind.uri, "title": kind.title, "status": kind.status}
        members["detail"] = self.detail or kind.title + "."
        members["advice"] = kind.advice
        if self.retry_after_s is not None:
            members["retry_after_s"] = self.retry_after_s
        return members | self.extensions

    def response(self) -> Response:
        """The document as an answer."""
        answer = Response(json.dumps(self.document()), self.kind.status, content_type=MIMETYPE)
        if self.retry_after_s is not None:
            answer.headers["Retry-After"] = str(self.retry_after_s)
        return answer


# --- the request says something that can't be meant ----------------------------------------------

BAD_REQUEST: Final = ProblemType(
    "bad-request",
    400,
    "The request can't be understood",
    "Nothing was changed. Compare the request with /openapi.json and send it again, corrected.",
)
INVALID_ID: Final = ProblemType(
    "invalid-id",
    400,
    "An id in the path can't be an id",
    "Nothing was changed. Use the id as the API gave it: 1 to 64 of A-Z a-z 0-9 _ and -.",
)
INVALID_NUMBER: Final = ProblemType(
    "invalid-number",
    400,
    "A number in the path isn't allowed there",
    "Nothing was changed. Send a whole number in plain digits, within the bounds that `least` and "
    "`most` name.",
)
INVALID_TID: Final = ProblemType(
    "invalid-tid",
    400,
    "A tid in the path can't be a tid",
    "Use the tid as the API gave it: an order's id, a dot, and a version in plain digits.",
)
INVALID_QUERY: Final = ProblemType(
    "invalid-query",
    400,
    "Something behind the question mark can't be meant",
    "Use each parameter once, as /openapi.json has it, and a cursor as the page before gave it.",
)
INVALID_IDEMPOTENCY_KEY: Final = ProblemType(
    "invalid-idempotency-key",
    400,
    "The Idempotency-Key can't be used",
    "Nothing was changed. Send a key of 1 to 255 visible ASCII characters, new for each operation "
    "(a UUID does), or leave the header out.",
)
REQUEST_TOO_LARGE: Final = ProblemType(
    "request-too-large",
    413,
    "The request is too large",
    "Nothing was changed. Send no body: everything the API needs is in the path.",
)
IDEMPOTENCY_KEY_REUSED: Final = ProblemType(
    "idempotency-key-reused",
    422,
    "The Idempotency-Key belongs to another request",
    "Nothing was changed. Repeat a request exactly as it was, or choose a new key for a new one.",
)
NOT_FOUND: Final = ProblemType(
    "not-found",
    404,
    "Nothing is served at this path",
    "Compare the path with /openapi.json, or look it up at /docs/.",
)
METHOD_NOT_ALLOWED: Final = ProblemType(
    "method-not-allowed",
    405,
    "This path doesn't know this method",
    "Nothing was changed. Use a method that the Allow header names: GET looks, POST and DELETE "
    "change.",
)

# --- what it names isn't there -------------------------------------------------------------------

ORDER_NOT_FOUND: Final = ProblemType(
    "order-not-found",
    404,
    "There is no such order",
    "Check the order id, or create an order with POST /orders/create/{user_id}.",
)
ITEM_NOT_FOUND: Final = ProblemType(
    "item-not-found",
    404,
    "There is no such item",
    "Nothing was changed. Check the item id, or create an item with POST "
    "/stock/item/create/{price}.",
)
USER_NOT_FOUND: Final = ProblemType(
    "user-not-found",
    404,
    "There is no such user",
    "Nothing was changed. Check the user id, or create a user with POST /payment/create_user.",
)
ITEM_NOT_IN_ORDER: Final = ProblemType(
    "item-not-in-order",
    404,
    "The order has no such item",
    "Nothing was changed. If this repeats a request, the first one has removed it; else look at "
    "the order with GET /orders/find/{order_id}.",
)
TRANSACTION_NOT_FOUND: Final = ProblemType(
    "transaction-not-found",
    404,
    "There is no such attempt to check out",
    "Check the tid: nobody has tried to check out this version of this order, or it was long ago "
    "and its order is lost.",
)
UNKNOWN_ITEM: Final = ProblemType(
    "unknown-item",
    400,
    "The order names an item that doesn't exist",
    "Nothing was taken. The order can't be paid with this item: create a new order without it.",
)
UNKNOWN_USER: Final = ProblemType(
    "unknown-user",
    400,
    "The order belongs to a user who doesn't exist",
    "Nothing was taken. Create the user first, then an order for the id that this gives.",
)

# --- refusals ------------------------------------------------------------------------------------

NOT_ENOUGH_STOCK: Final = ProblemType(
    "not-enough-stock",
    400,
    "There isn't enough in stock",
    "Nothing was taken. Add to the stock, or ask for less, and try again.",
)
NOT_ENOUGH_CREDIT: Final = ProblemType(
    "not-enough-credit",
    400,
    "The user doesn't have enough credit",
    "Nothing was taken. Add funds with POST /payment/add_funds/{user_id}/{amount} and try again.",
)
PARTY_REFUSED: Final = ProblemType(
    "party-refused",
    400,
    "A service can't do its part of this order",
    "Nothing was taken. `party` says which service it was, and `account_id` of what it has too "
    "little, or nothing. Try again when the operator has added to it.",
)
EMPTY_ORDER: Final = ProblemType(
    "empty-order",
    400,
    "The order is empty",
    "Add an item with POST /orders/addItem/{order_id}/{item_id}/{quantity}, then check out.",
)
AMOUNT_TOO_LARGE: Final = ProblemType(
    "amount-too-large",
    400,
    "The sum would be too large",
    "Nothing was changed. No amount, total or balance may pass 9007199254740991 (2^53-1): use a "
    "smaller one.",
)
ORDER_TOO_LONG: Final = ProblemType(
    "order-too-long",
    400,
    "The order has too many different items",
    "Nothing was changed. Check this order out and put the rest into another one.",
)
ORDER_CHANGED: Final = ProblemType(
    "order-changed",
    409,
    "The order was changed while it was checked out",
    "Nothing was taken. Look at the order with GET /orders/find/{order_id}; if it is still what "
    "you want, check out again.",
)
ORDER_PAID: Final = ProblemType(
    "order-paid",
    409,
    "The order is paid already",
    "Nothing was changed. A paid order stays as it is: create a new one.",
)
ORDER_CANCELLED: Final = ProblemType(
    "order-cancelled",
    409,
    "The order is cancelled",
    "Nothing was taken or changed. A cancelled order stays as it is: create a new one.",
)

# --- not the client's fault ----------------------------------------------------------------------

INTERNAL_ERROR: Final = ProblemType(
    "internal-error",
    500,
    "The server made a mistake",
    "It is not known whether anything was changed. Repeat the request with the same "
    "Idempotency-Key; asking again for a checkout is always safe. If it stays, tell the operator "
    "the `incident`, which is in the gateway's log.",
)
STORE_UNAVAILABLE: Final = ProblemType(
    "store-unavailable",
    503,
    "A service or its database didn't answer",
    "It is not known whether anything was changed. After Retry-After seconds repeat the request "
    "with the same Idempotency-Key; asking again for a checkout is always safe, key or no key.",
)
CHECKOUT_UNDONE: Final = ProblemType(
    "checkout-undone",
    503,
    "The checkout was undone, since a service didn't answer in time",
    "Nothing was taken, or it is being given back. Check out again after Retry-After seconds: "
    "nothing is charged twice.",
)
PARTY_AWAY: Final = ProblemType(
    "party-away",
    503,
    "A service that this needs is away",
    "Nothing was tried and nothing was changed. Ask again after Retry-After seconds.",
)
OVERLOADED: Final = ProblemType(
    "overloaded",
    503,
    "Too many requests are waiting",
    "The request was turned away. Ask again after Retry-After seconds, and more slowly; repeat "
    "what moves or creates something with the same Idempotency-Key.",
)
CLOCK_SKEW: Final = ProblemType(
    "clock-skew",
    503,
    "The clocks of two services disagree",
    "Nothing was taken, or it is being given back. Check out again after Retry-After seconds. If "
    "it stays, the operator must set the clocks: /readyz says which.",
)

PROBLEM_TYPES: Final = {
    kind.slug: kind for kind in tuple(vars().values()) if isinstance(kind, ProblemType)
}
"""The closed list: every type above, by its slug."""
