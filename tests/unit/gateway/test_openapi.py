"""The documentation says all of the contract, fits together, and stays on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway import openapi
from gateway.problems import MIMETYPE, PROBLEM_TYPES
from gateway.schemas import SCHEMAS
from recoup.settings import AMOUNT_MAX

FROZEN = {
    ("post", "/orders/create/{user_id}"): {"order_id"},
    ("get", "/orders/find/{order_id}"): {
        *("order_id", "paid", "items", "user_id", "total_cost", "state", "tid")
    },
    ("get", "/orders/find_order/{order_id}"): {
        *("order_id", "paid", "items", "user_id", "total_cost", "state", "tid")
    },
    ("post", "/orders/addItem/{order_id}/{item_id}/{quantity}"): {
        *("order_id", "paid", "items", "user_id", "total_cost", "state", "tid")
    },
    ("post", "/orders/checkout/{order_id}"): {
        *("order_id", "paid", "tid", "total_cost", "already_paid")
    },
    ("post", "/orders/batch_init/{n}/{n_items}/{n_users}/{item_price}"): {"msg"},
    ("post", "/stock/item/create/{price}"): {"item_id"},
    ("get", "/stock/find/{item_id}"): {"item_id", "stock", "price", "held", "sold"},
    ("post", "/stock/add/{item_id}/{amount}"): {"item_id", "stock", "price", "held", "sold"},
    ("post", "/stock/subtract/{item_id}/{amount}"): {"item_id", "stock", "price", "held", "sold"},
    ("post", "/stock/batch_init/{n}/{starting_stock}/{item_price}"): {"msg"},
    ("post", "/payment/create_user"): {"user_id"},
    ("get", "/payment/find_user/{user_id}"): {"user_id", "credit", "held", "spent"},
    ("post", "/payment/add_funds/{user_id}/{amount}"): {"user_id", "credit", "held", "spent"},
    ("post", "/payment/pay/{user_id}/{amount}"): {"user_id", "credit", "held", "spent"},
    ("post", "/payment/batch_init/{n}/{starting_money}"): {"msg"},
    ("get", "/api/v1/orders"): {"orders", "cursor"},
    ("delete", "/api/v1/orders/{order_id}/items/{item_id}"): {
        *("order_id", "paid", "items", "user_id", "total_cost", "state", "tid")
    },
    ("post", "/api/v1/orders/{order_id}/cancel"): {
        *("order_id", "paid", "items", "user_id", "total_cost", "state", "tid")
    },
    ("get", "/api/v1/transactions/{tid}"): {
        *("tid", "order_id", "version", "verdict", "ahead", "as_of_ms"),
        *("order", "history", "parties"),
    },
    ("get", "/healthz"): {"status"},
    ("get", "/readyz"): {"ready", "services"},
    ("get", "/api/v1/problems"): {"problems"},
    ("get", "/api/v1/problems/{slug}"): {"type", "title", "status", "advice"},
}
"""The contract, written out once more: the fields of each call's 200."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document()


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__)
    openapi.register(app)
    return app.test_client()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """What a `$ref` refers to."""
    for part in node["$ref"].removeprefix("#/").split("/"):
        document = document[part]
    return document


def references(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def types_of(operation: dict[str, Any], status: str) -> set[str]:
    schema = operation["responses"][status]["content"][MIMETYPE]["schema"]
    return {uri.rsplit("/", 1)[1] for uri in schema["allOf"][1]["properties"]["type"]["enum"]}


def test_every_call_of_the_contract_is_there_with_its_fields(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    described = {}
    for method, path, operation in operations(document):
        content = operation["responses"]["200"]["content"]
        if schema := content.get("application/json", {}).get("schema"):
            fields = resolved(document, schema)
            assert set(fields["required"]) == set(fields["properties"])
            described[method, path] = set(fields["required"])
    assert described == FROZEN
    assert {"/metrics", "/openapi.json"} <= set(document["paths"])


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = list(references(document))
    assert len(found) > 100
    for reference in found:
        assert resolved(document, reference)


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    tags = {tag["name"] for tag in document["tags"]}
    assert all(set(operation["tags"]) <= tags for _, _, operation in operations(document))


def test_a_call_declares_the_parameters_of_its_path(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        declared = [resolved(document, parameter) for parameter in operation["parameters"]]
        in_path = [parameter for parameter in declared if parameter["in"] == "path"]
        assert [parameter["name"] for parameter in in_path] == re.findall(r"{(\w+)}", path)
        assert all(parameter["required"] for parameter in in_path)
        in_headers = [parameter["name"] for parameter in declared if parameter["in"] == "header"]
        # A checkout doesn't look at the header, so it may be anything there.
        keyed = method == "post" and "checkout" not in path
        assert in_headers == (["Idempotency-Key"] if keyed else [])
        in_query = [parameter for parameter in declared if parameter["in"] == "query"]
        assert not any(parameter["required"] for parameter in in_query)
        assert bool(in_query) == (path == "/api/v1/orders")


def test_parameters_say_what_is_allowed(document: dict[str, Any]) -> None:
    parameters = document["components"]["parameters"]
    assert parameters["order_id"]["schema"]["pattern"] == "^[A-Za-z0-9_-]{1,64}$"
    assert parameters["price"]["schema"]["minimum"] == 0
    assert parameters["quantity"]["schema"]["minimum"] == 1
    assert parameters["amount"]["schema"]["maximum"] == AMOUNT_MAX


def test_problems_of_a_call_are_told_by_status(document: dict[str, Any]) -> None:
    checkout = document["paths"]["/orders/checkout/{order_id}"]["post"]
    assert set(checkout["responses"]) == {"200", "400", "404", "409", "500", "503"}
    assert types_of(checkout, "400") == {
        *("empty-order", "not-enough-stock", "not-enough-credit", "unknown-item"),
        *("unknown-user", "party-refused", "invalid-id"),
    }
    assert types_of(checkout, "409") == {"order-changed", "order-cancelled"}
    assert types_of(checkout, "503") == {
        *("store-unavailable", "checkout-undone", "party-away", "overloaded", "clock-skew")
    }
    pay = document["paths"]["/payment/pay/{user_id}/{amount}"]["post"]
    assert types_of(pay, "400") == {
        *("not-enough-credit", "invalid-id", "invalid-number", "invalid-idempotency-key")
    }
    assert types_of(pay, "404") == {"user-not-found"}
    assert types_of(pay, "422") == {"idempotency-key-reused"}


def test_every_problem_has_its_status_its_example_and_its_wait(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        for status, answer in operation["responses"].items():
            if MIMETYPE not in answer["content"]:
                continue
            slugs = types_of(operation, status)
            assert {str(PROBLEM_TYPES[slug].status) for slug in slugs} == {status}
            examples = answer["content"][MIMETYPE]["examples"]
            assert set(examples) == slugs
            for slug, example in examples.items():
                assert resolved(document, example)["value"]["title"] == PROBLEM_TYPES[slug].title
            assert ("Retry-After" in answer.get("headers", {})) == (status == "503")


def test_examples_have_the_fields_that_they_show() -> None:
    shown = [schema for schema in SCHEMAS.values() if "examples" in schema]
    assert len(shown) > 8
    for schema in shown:
        for example in schema["examples"]:
            assert set(example) == set(schema["required"])


def test_the_document_is_served(client: FlaskClient, document: dict[str, Any]) -> None:
    answer = client.get("/openapi.json")
    assert answer.mimetype == "application/json"
    assert answer.get_json() == document


def test_the_documentation_has_a_short_address(client: FlaskClient) -> None:
    assert client.get("/docs").headers["Location"].endswith("/docs/")


def test_the_page_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    # when the page is opened, under whatever name
    page = client.get("/docs/", headers={"Host": "shop.example"})
    # then it reads our document and sends it to nobody
    assert '"url": "/openapi.json"' in page.text
    assert '"validatorUrl": null' in page.text
    # and takes nothing from the request, and nothing from another server
    assert "shop.example" not in page.text
    assert not re.search(r"(src|href)=\"(https?:)?//", page.text)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
    # and what it takes from this one is there
    files = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert len(files) >= 4
    for file in files:
        with client.get(file) as served:
            assert served.status_code == 200
