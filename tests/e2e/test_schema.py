"""The API is what its OpenAPI document says, for whatever that document allows, and forbids."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, Response, checks

from gateway import openapi
from tests.e2e.client import Shop, Stack

MANY = 20
"""A batch_init of up to a million is allowed, and takes a minute; here it writes no more."""

schema = schemathesis.openapi.from_dict(openapi.document())


def no_crash(_: Any, answer: Response, case: Case) -> None:
    """503 says that asking again is safe; any other 5xx is a mistake of the server's."""
    assert answer.status_code < 500 or answer.status_code == 503


CHECKS = [
    no_crash,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
    checks.negative_data_rejection,
]


def test_it_is_the_document_that_is_served(stack: Stack) -> None:
    with Shop(stack.url) as shop:
        assert shop.found("/openapi.json") == openapi.document()


@schema.parametrize()
@settings(
    max_examples=50,
    deadline=None,  # a limit of time is for those who measure
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_every_call_is_as_it_is_described(stack: Stack, case: Case) -> None:
    count = (case.path_parameters or {}).get("n")
    if isinstance(count, int) and MANY < count <= 10**6:
        case.path_parameters["n"] = MANY
    case.call_and_validate(base_url=stack.url, checks=CHECKS, timeout=60)
