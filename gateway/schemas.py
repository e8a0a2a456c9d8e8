"""The JSON that the API answers with, as JSON Schema, each with an example."""

from __future__ import annotations

from typing import Any, Final

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

SCHEMAS: Final[dict[str, Schema]] = {
    "OrderCreated": _object({"order_id": "7f3kq0"}, order_id=ID),
    "Order": _object(
        {
            "order_id": "7f3kq0",
            "paid": False,
            "items": [["41", 2]],
            "user_id": "17",
            "total_cost": 10,
            "state": "open",
            "tid": "7f3kq0.1",
        },
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
        state={"type": "string", "enum": ["open", "paid"]},
        tid=TID,
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
