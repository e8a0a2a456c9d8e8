"""The JSON of a transaction's story: the order, what was decided, and each party's part."""

from __future__ import annotations

from typing import Final

from gateway.shapes import ID, TEXT, TID, YES_OR_NO, Schema, an_object, or_null, whole_number

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

STORY_SCHEMAS: Final[dict[str, Schema]] = {
    "Transaction": an_object(
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
    "Past": an_object(
        PAST_EXAMPLE,
        tid=TID,
        verdict={"type": "string", "enum": ["commit", "abort"]},
        by=TEXT | {"description": "A process, or an operator; may be empty."},
        why=TEXT,
        at_ms=whole_number(),
    ),
    "Part": an_object(
        PART_EXAMPLE,
        party=TEXT,
        answers=YES_OR_NO,
        problem=TEXT | {"description": "Why it can't be asked; else empty."},
        as_of_ms=or_null(whole_number(description="By the party's clock.")),
        leg={"anyOf": [{"$ref": "#/components/schemas/Leg"}, {"type": "null"}]},
        accounts={
            "type": ["array", "null"],
            "items": {"$ref": "#/components/schemas/Account"},
            "description": "Those that the leg is about; if there is none, what the order asks.",
        },
    ),
    "Leg": an_object(
        LEG_EXAMPLE,
        state={"type": "string", "enum": ["held", "committed", "returned", "malformed"]},
        lines={
            "type": "array",
            "items": an_object(
                {"account_id": "41", "amount": 2}, account_id=ID, amount=whole_number()
            ),
        },
        parties={"type": "array", "items": TEXT},
        deadline_ms=or_null(whole_number()),
        held_at_ms=or_null(whole_number()),
        settled_at_ms=or_null(whole_number()),
        due_ms=or_null(whole_number(description="When somebody looks at it next.")),
        tries=whole_number(description="That didn't settle it."),
        cause=TEXT | {"description": "Why the last of them didn't."},
        next_try_ms=or_null(whole_number()),
        parked=TEXT | {"description": "Why it is parked; empty: it isn't."},
        recent_tries={
            "type": "array",
            "items": an_object(
                {"at_ms": 1_790_000_000_200, "cause": "x"}, at_ms=whole_number(), cause=TEXT
            ),
        },
    ),
    "Account": an_object(
        ACCOUNT_EXAMPLE,
        account_id=ID,
        found=YES_OR_NO | {"description": "It is there, and can be read; else no number is known."},
        price=or_null(whole_number()),
        available=or_null(whole_number()),
        held=or_null(whole_number()),
        used=or_null(whole_number(description="Sold, or spent.")),
        put_in=or_null(whole_number(description="Is available + held + used.")),
        generation=or_null(whole_number()),
    ),
}
