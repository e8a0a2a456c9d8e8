"""The JSON that the API answers with, as JSON Schema, each with an example."""

from __future__ import annotations

from typing import Final, get_args

from gateway.orders.records import State
from gateway.problems import PROBLEM_TYPES
from gateway.shapes import ID, TEXT, TID, YES_OR_NO, Schema, an_object, whole_number
from gateway.story_schemas import ORDER_EXAMPLE, STORY_SCHEMAS

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

SCHEMAS: Final[dict[str, Schema]] = STORY_SCHEMAS | {
    "OrderCreated": an_object({"order_id": "7f3kq0"}, order_id=ID),
    "Order": an_object(
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
    "OrderList": an_object(
        {"orders": [ORDER_EXAMPLE], "cursor": "u12"},
        orders={"type": "array", "items": {"$ref": "#/components/schemas/Order"}},
        cursor={
            "type": ["string", "null"],
            "description": "Of the next page; null: this was the last.",
        },
    ),
    "CheckedOut": an_object(
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
    "Message": an_object({"msg": "done"}, msg=TEXT),
    "ItemCreated": an_object({"item_id": "41"}, item_id=ID),
    "Item": an_object(
        {"item_id": "41", "stock": 97, "price": 5, "held": 1, "sold": 2},
        item_id=ID,
        stock=whole_number(description="What is available."),
        price=whole_number(description="Of one piece."),
        held=whole_number(description="Taken by checkouts that are still under way."),
        sold=whole_number(),
    ),
    "UserCreated": an_object({"user_id": "17"}, user_id=ID),
    "User": an_object(
        {"user_id": "17", "credit": 90, "held": 0, "spent": 10},
        user_id=ID,
        credit=whole_number(description="What is available."),
        held=whole_number(description="Taken by checkouts that are still under way."),
        spent=whole_number(),
    ),
    "Alive": an_object({"status": "ok"}, status={"type": "string", "const": "ok"}),
    "Ready": an_object(
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
