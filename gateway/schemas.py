"""The JSON that the API answers with, as JSON Schema, each with an example."""

from __future__ import annotations

from typing import Any, Final, get_args

from gateway.orders.records import State
from gateway.problems import PROBLEM_TYPES
from recoup.bounds import ID_PATTERN, TID_PATTERN
from recoup.settings import AMOUNT_MAX

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
YES_OR_NO: Final[Schema] = {"type": "boolean"}
ID: Final[Schema] = {"type": "string", "pattern": f"^{ID_PATTERN}$"}
TID: Final[Schema] = {
    "type": "string",
    "pattern": f"^{TID_PATTERN}$",
    "description": "Names the attempt to check out this version of the order.",
}


def whole_number(least: int = 0, most: int = AMOUNT_MAX, description: str = "") -> Schema:
    """The schema of an integer within bounds."""
    schema = {"type": "integer", "format": "int64", "minimum": least, "maximum": most}
    return schema | {"description": description} if description else schema


def _object(example: Schema, **properties: Schema) -> Schema:
    """An object that has all of these properties. More may come with a later version."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "examples": [example],
    }


def _or_null(schema: Schema) -> Schema:
    """The schema, or null: it isn't known, or there is none."""
    return schema | {"type": [schema["type"], "null"]}


PROBLEM_TYPE: Final[Schema] = {
    "type": {
        "type": "string",
        "format": "uri-reference",
        "enum": [kind.uri for kind in PROBLEM_TYPES.values()],
    },
    "title": TEXT,
    "status": {"type": "integer", "minimum": 400, "maximum": 599},
    "advice": {"type": "string", "description": "What to do, and whether anything has changed."},
}

STATE: Final[Schema] = {"type": "string", "enum": list(get_args(State))}

ORDER_EXAMPLE: Final[Schema] = {
    "order_id": "7f3kq0",
    "paid": False,
    "items": [["41", 2]],
    "user_id": "17",
    "total_cost": 10,
    "state": "open",
    "tid": "7f3kq0.1",
}

PAST_EXAMPLE: Final[Schema] = {
    "tid": "7f3kq0.1",
    "verdict": "commit",
    "by": "gateway",
    "why": "all said yes",
    "at_ms": 1_790_000_000_040,
}

LEG_EXAMPLE: Final[Schema] = {
    "state": "committed",
    "lines": [{"account_id": "41", "amount": 2}],
    "parties": ["stock", "payment"],
    "deadline_ms": 1_790_000_005_000,
    "held_at_ms": 1_790_000_000_020,
    "settled_at_ms": 1_790_000_000_160,
    "due_ms": None,
    "tries": 0,
    "cause": "",
    "next_try_ms": None,
    "parked": "",
    "recent_tries": [],
}

ACCOUNT_EXAMPLE: Final[Schema] = {
    "account_id": "41",
    "found": True,
    "price": 5,
    "available": 97,
    "held": 1,
    "used": 2,
    "put_in": 100,
    "generation": 1,
}

PART_EXAMPLE: Final[Schema] = {
    "party": "stock",
    "answers": True,
    "problem": "",
    "as_of_ms": 1_790_000_000_250,
    "leg": LEG_EXAMPLE,
    "accounts": [ACCOUNT_EXAMPLE],
}

SCHEMAS: Final[dict[str, Schema]] = {
    "OrderCreated": _object({"order_id": "7f3kq0"}, order_id=ID),
    "Order": _object(
        ORDER_EXAMPLE,
        order_id=ID,
        paid=YES_OR_NO,
        items={
            "type": "array",
            "items": {
                "type": "array",
                # Not `prefixItems`, which says it better: tools mistake it for a list of schemas.
                "items": {"anyOf": [ID, whole_number(1)]},
                "minItems": 2,
                "maxItems": 2,
                "description": "An item's id, then its quantity.",
            },
        },
        user_id=ID,
        total_cost=whole_number(),
        state=STATE,
        tid=TID,
    ),
    "OrderList": _object(
        {"orders": [ORDER_EXAMPLE], "cursor": "u12"},
        orders={"type": "array", "items": {"$ref": "#/components/schemas/Order"}},
        cursor={
            "type": ["string", "null"],
            "description": "Of the next page; null: this was the last.",
        },
    ),
    "CheckedOut": _object(
        {
            "order_id": "7f3kq0",
            "paid": True,
            "tid": "7f3kq0.1",
            "total_cost": 10,
            "already_paid": False,
        },
        order_id=ID,
        paid={"type": "boolean", "const": True},
        tid=TID,
        total_cost=whole_number(),
        already_paid=YES_OR_NO
        | {"description": "It had been paid before; this time nothing was charged."},
    ),
    "Transaction": _object(
        {
            "tid": "7f3kq0.1",
            "order_id": "7f3kq0",
            "version": 1,
            "verdict": "commit",
            "ahead": False,
            "as_of_ms": 1_790_000_000_250,
            "order": ORDER_EXAMPLE | {"paid": True, "state": "paid"},
            "history": [PAST_EXAMPLE],
            "parties": [PART_EXAMPLE],
        },
        tid=TID,
        order_id=ID,
        version=whole_number(),
        verdict={"type": "string", "enum": ["commit", "abort", "undecided"]},
        ahead=YES_OR_NO | {"description": "The order store has lost writes."},
        as_of_ms=whole_number(description="By the order store's clock."),
        order={"anyOf": [{"$ref": "#/components/schemas/Order"}, {"type": "null"}]},
        history={
            "type": "array",
            "items": {"$ref": "#/components/schemas/Past"},
            "description": "What was decided about the order lately, the latest last. It is kept "
            "for some days; the verdict for ever.",
        },
        parties={"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
    ),
    "Past": _object(
        PAST_EXAMPLE,
        tid=TID,
        verdict={"type": "string", "enum": ["commit", "abort"]},
        by=TEXT | {"description": "A process, or an operator; may be empty."},
        why=TEXT,
        at_ms=whole_number(),
    ),
    "Part": _object(
        PART_EXAMPLE,
        party=TEXT,
        answers=YES_OR_NO,
        problem=TEXT | {"description": "Why it can't be asked; else empty."},
        as_of_ms=_or_null(whole_number(description="By the party's clock.")),
        leg={"anyOf": [{"$ref": "#/components/schemas/Leg"}, {"type": "null"}]},
        accounts={
            "type": ["array", "null"],
            "items": {"$ref": "#/components/schemas/Account"},
            "description": "Those that the leg is about; if there is none, what the order asks.",
        },
    ),
    "Leg": _object(
        LEG_EXAMPLE,
        state={"type": "string", "enum": ["held", "committed", "returned", "malformed"]},
        lines={
            "type": "array",
            "items": _object(
                {"account_id": "41", "amount": 2}, account_id=ID, amount=whole_number()
            ),
        },
        parties={"type": "array", "items": TEXT},
        deadline_ms=_or_null(whole_number()),
        held_at_ms=_or_null(whole_number()),
        settled_at_ms=_or_null(whole_number()),
        due_ms=_or_null(whole_number(description="When somebody looks at it next.")),
        tries=whole_number(description="That didn't settle it."),
        cause=TEXT | {"description": "Why the last of them didn't."},
        next_try_ms=_or_null(whole_number()),
        parked=TEXT | {"description": "Why it is parked; empty: it isn't."},
        recent_tries={
            "type": "array",
            "items": _object(
                {"at_ms": 1_790_000_000_200, "cause": "x"}, at_ms=whole_number(), cause=TEXT
            ),
        },
    ),
    "Account": _object(
        ACCOUNT_EXAMPLE,
        account_id=ID,
        found=YES_OR_NO | {"description": "It is there, and can be read; else no number is known."},
        price=_or_null(whole_number()),
        available=_or_null(whole_number()),
        held=_or_null(whole_number()),
        used=_or_null(whole_number(description="Sold, or spent.")),
        put_in=_or_null(whole_number(description="Is available + held + used.")),
        generation=_or_null(whole_number()),
    ),
    "Message": _object({"msg": "done"}, msg=TEXT),
    "ItemCreated": _object({"item_id": "41"}, item_id=ID),
    "Item": _object(
        {"item_id": "41", "stock": 97, "price": 5, "held": 1, "sold": 2},
        item_id=ID,
        stock=whole_number(description="What is available."),
        price=whole_number(description="Of one piece."),
        held=whole_number(description="Taken by checkouts that are still under way."),
        sold=whole_number(),
    ),
    "UserCreated": _object({"user_id": "17"}, user_id=ID),
    "User": _object(
        {"user_id": "17", "credit": 90, "held": 0, "spent": 10},
        user_id=ID,
        credit=whole_number(description="What is available."),
        held=whole_number(description="Taken by checkouts that are still under way."),
        spent=whole_number(),
    ),
    "Alive": _object({"status": "ok"}, status={"type": "string", "const": "ok"}),
    "Ready": _object(
        {"ready": True, "services": {"orders": {"ok": True}}},
        ready=YES_OR_NO,
        services={
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["ok"],
                "properties": {"ok": YES_OR_NO},
            },
        },
    ),
    "ProblemType": {
        "type": "object",
        "required": list(PROBLEM_TYPE),
        "properties": PROBLEM_TYPE,
    },
    "ProblemTypes": {
        "type": "object",
        "required": ["problems"],
        "properties": {
            "problems": {"type": "array", "items": {"$ref": "#/components/schemas/ProblemType"}}
        },
    },
    "Problem": {
        "type": "object",
        "description": "RFC 9457. Some types have more members, such as `order_id`.",
        "required": list(PROBLEM_TYPE),
        "properties": PROBLEM_TYPE
        | {
            "detail": {"type": "string", "description": "What was wrong this time."},
            "instance": {"type": "string", "format": "uri-reference"},
            "retry_after_s": {"type": "integer", "minimum": 1},
        },
    },
}
