"""The API's documentation: its OpenAPI document, and a page on which to read and try it.

Both are made once, when the gateway starts, and neither needs anything from another machine.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from apispec import APISpec
from flask import Flask, Response
from flask_swagger_ui import get_swaggerui_blueprint

from gateway.contract import CALLS, ID_NAMES, Call
from gateway.inputs import BOUNDS, KEY_PATTERN
from gateway.orders.listing import CURSOR_PATTERN, PAGE_MOST, PAGE_USUAL
from gateway.problems import MIMETYPE, PROBLEM_TYPES, Problem, ProblemType
from gateway.schemas import SCHEMAS, STATE
from gateway.shapes import ID, TID, Schema, whole_number

DOCUMENT = "/openapi.json"
PAGE = "/docs"

CONTRACT_VERSION = "1.0.0"
"""Of the contract, not of the software: it changes when the paths or the JSON do."""

ABOUT = """\
A checkout that always balances: an order is paid, with its stock and its credit deducted exactly
once, or it isn't, and nothing is missing.

Amounts are whole numbers. Everything stands in the path, or in the query of a list; bodies are
ignored. Whatever goes wrong
is a problem document (RFC 9457) that says what to do, of one of the types at /api/v1/problems.
"""

# The page needs its own inline script and nothing from elsewhere; so a browser shall ask for
# nothing from elsewhere, whatever a later version of the page may want.
PAGE_POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"


def register(app: Flask) -> None:
    """Serves the document at /openapi.json and the page at /docs/."""
    body = json.dumps(document()).encode()
    page = get_swaggerui_blueprint(
        PAGE,
        DOCUMENT,
        config={
            "app_name": "Recoup",
            "layout": "BaseLayout",  # the other one has a bar for the addresses of other documents
            "validatorUrl": None,  # else the page shows the document to a server elsewhere
            "oauth2RedirectUrl": None,  # else it is made from the Host header, unescaped
            "displayRequestDuration": True,
        },
        blueprint_name="docs",
    )

    page.after_request(_keep_home)
    app.register_blueprint(page)
    app.add_url_rule(DOCUMENT, "openapi", lambda: Response(body, mimetype="application/json"))


def document() -> dict[str, Any]:
    """The OpenAPI document of the whole contract."""
    spec = APISpec(
        title="Recoup",
        version=CONTRACT_VERSION,
        openapi_version="3.1.0",
        info={"description": ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
        security=[],
    )
    for name, about in TAGS.items():
        spec.tag({"name": name, "description": about})
    for name, schema in SCHEMAS.items():
        spec.components.schema(name, schema)
    for name, parameter in PARAMETERS.items():
        spec.components.parameter(name, parameter["in"], parameter)
    for kind in PROBLEM_TYPES.values():
        spec.components.example(kind.slug, {"value": Problem(kind).document()})
    spec.components.header("RetryAfter", RETRY_AFTER)
    for call in CALLS:
        spec.path(call.path, operations={call.method: _operation(call)})
    return spec.to_dict()


def _keep_home(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = PAGE_POLICY
    return answer


TAGS = {
    "orders": "Carts, and their checkout.",
    "transactions": "Attempts to check out: what became of each, and why.",
    "stock": "Items: how many there are, and what one costs.",
    "payment": "Users and their credit.",
    "operation": "For whoever runs this.",
}

RETRY_AFTER: Schema = {
    "description": "Seconds to wait before asking again.",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}

PARAMETERS: dict[str, Schema] = {
    **{name: {"in": "path", "name": name, "schema": ID} for name in ID_NAMES},
    **{
        name: {
            "in": "path",
            "name": name,
            "description": "Plain digits; no sign, fraction or exponent.",
            "schema": whole_number(least, most),
        }
        for name, (least, most) in BOUNDS.items()
    },
    "tid": {"in": "path", "name": "tid", "schema": TID},
    "slug": {
        "in": "path",
        "name": "slug",
        "schema": {"type": "string", "enum": list(PROBLEM_TYPES)},
    },
    "Idempotency-Key": {
        "in": "header",
        "name": "Idempotency-Key",
        "required": False,
        "description": "The same key with the same request gives the first answer again, for 24 "
        "hours; with another path or body, 422. Answers from 500 up aren't kept.",
        "schema": {"type": "string", "pattern": f"^{KEY_PATTERN}$"},
        "example": "2f1c8e0a-3a52-4c0e-9d27-5f2b8f7f0a11",
    },
}


QUERY: dict[str, Schema] = {
    "user_id": {"description": "Whose; left out: everyone's.", "schema": ID},
    "state": {"description": "In which state; left out: in any.", "schema": STATE},
    "cursor": {
        "description": "As the page before gave it; left out: from the first.",
        "schema": {"type": "string", "pattern": f"^{CURSOR_PATTERN}$"},
    },
    "limit": {
        "description": "The most in one page.",
        "schema": whole_number(1, PAGE_MOST) | {"default": PAGE_USUAL},
    },
}
"""What may stand behind a question mark."""

PARAMETERS |= {
    f"query_{name}": {"in": "query", "name": name, "required": False, **parameter}
    for name, parameter in QUERY.items()
}


def _operation(call: Call) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": call.name,
        "tags": [call.tag],
        "summary": call.summary,
        "parameters": [
            *call.parameters,
            *(["Idempotency-Key"] if call.remembers else []),
            *(f"query_{name}" for name in call.query),
        ],
        "responses": {"200": _answer(call), **_problem_answers(call)},
    }
    if call.note:
        operation["description"] = call.note
    if call.answer == "Ready":
        operation["responses"]["503"] = _answer(call) | {"description": "Something is away."}
    return operation


def _answer(call: Call) -> dict[str, Any]:
    if call.answer in SCHEMAS:
        schema = {"$ref": f"#/components/schemas/{call.answer}"}
        content: dict[str, Any] = {"application/json": {"schema": schema}}
    else:
        content = {call.answer: {}}
    return {"description": "Done.", "content": content}


def _problem_answers(call: Call) -> dict[str, dict[str, Any]]:
    kinds_by_status = defaultdict(list)
    for kind in call.problems:
        kinds_by_status[str(kind.status)].append(kind)
    return {status: _problem_answer(kinds) for status, kinds in sorted(kinds_by_status.items())}


def _problem_answer(kinds: list[ProblemType]) -> dict[str, Any]:
    """One status of one call, with exactly the types that it can be there."""
    of_these = {
        "type": {"enum": [kind.uri for kind in kinds]},
        "status": {"const": kinds[0].status},
    }
    answer: dict[str, Any] = {
        "description": " ".join(f"{kind.title}." for kind in kinds),
        "content": {
            MIMETYPE: {
                "schema": {
                    "allOf": [{"$ref": "#/components/schemas/Problem"}, {"properties": of_these}]
                },
                "examples": {
                    kind.slug: {"$ref": f"#/components/examples/{kind.slug}"} for kind in kinds
                },
            }
        },
    }
    if kinds[0].status == 503:
        answer["headers"] = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
    return answer
