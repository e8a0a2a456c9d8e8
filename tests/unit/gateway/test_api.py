"""The calls under /api/v1: what they ask of the order store and the parties, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway import openapi, problem_pages
from gateway.orders.listing import PAGE_MOST, PAGE_USUAL
from gateway.orders.store import OrderStore
from gateway.parties import Party
from gateway.routes import api
from proto import ledger_pb2 as pb
from proto.ledger_pb2 import AccountResult, Leg
from recoup.errors import Unanswered
from recoup.scripts import Call
from recoup.settings import Settings

FIELDS = ["u", "i:2:6", "6", "3", "2"]
"""An order's user, lines, total, version and content, as scripts return them."""
SHOWN = {
    "order_id": "o",
    "paid": False,
    "items": [["i", 2]],
    "user_id": "u",
    "total_cost": 6,
    "state": "open",
    "tid": "o.3",
}
CANCELLED = SHOWN | {"state": "cancelled"}
PAID = SHOWN | {"paid": True, "state": "paid", "tid": "o.2"}
PAST = "2\tcommit\t17\tgateway\tall said yes"
LEG = Leg(
    tid="o.2",
    state=Leg.HELD,
    lines=[pb.Line(account_id="i", amount=2)],
    parties=["stock", "payment"],
    deadline_ms=20,
    held_at_ms=15,
    due_ms=21,
    tries=1,
    cause="no answer",
    recent_tries=[pb.Try(at_ms=16, cause="no answer")],
)
ACCOUNT = pb.Account(account_id="i", price=3, available=5, held=2, used=1, put_in=8, generation=1)


class FakeParty(Party):
    """Has one leg, or none, and one account."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: Leg | None = LEG
        self.fault: Exception | None = None
        self.asked: list[str] = []
        self.outcome: AccountResult.Outcome.ValueType = AccountResult.OK

    def leg(self, tid: str, limit_s: float) -> tuple[Leg | None, int]:
        if self.fault:
            raise self.fault
        return self.found, 30

    def accounts(self, ids: Sequence[str], limit_s: float) -> Sequence[AccountResult]:
        self.asked += ids
        return [AccountResult(outcome=self.outcome, account=ACCOUNT) for _ in ids]


class Shop:
    """The API over an order store whose scripts return what they are told to."""

    def __init__(self) -> None:
        self.returns: dict[str, Any] = {
            "read": [*FIELDS, "2", "", "30"],
            "history": [PAST],
            "decide": ["commit", "0", "2", "2", "3", "", "31"],
            "is_set": 1,
        }
        self.asked: list[Call] = []
        self.stock, self.payment = FakeParty("stock"), FakeParty("payment")
        app = Flask(__name__)
        store = OrderStore(self.run, Settings())
        app.register_blueprint(api.blueprint(self.run, store, [self.stock, self.payment]))
        problem_pages.register(app)
        self.client: FlaskClient = app.test_client()

    def run(self, calls: Sequence[Call]) -> list[Any]:
        self.asked += calls
        results = [self.returns[call.script] for call in calls]
        for result in results:
            if isinstance(result, Unanswered):
                raise result
        return results

    def transaction(self, tid: str = "o.2") -> dict[str, Any]:
        answer = self.client.get(f"/api/v1/transactions/{tid}")
        assert answer.status_code == 200
        document: dict[str, Any] = answer.get_json()
        schemas = openapi.document()["components"]
        jsonschema_rs.validate(
            {"$ref": "#/components/schemas/Transaction", "components": schemas}, document
        )
        return document


@pytest.fixture
def shop() -> Shop:
    return Shop()


def problem(answer: TestResponse) -> tuple[int, str]:
    document = answer.get_json(force=True)
    return answer.status_code, document["type"].rpartition("/")[2]


# --- lists ---------------------------------------------------------------------------------------


def test_a_page_of_orders_is_shown_with_the_way_to_the_next(shop: Shop) -> None:
    shop.returns["list_of_user"] = ["7", ["o", *FIELDS, "", "1"], ["o", *FIELDS, "2", ""]]
    answer = shop.client.get("/api/v1/orders?user_id=u&state=paid&cursor=u9&limit=2")
    assert answer.get_json() == {"orders": [CANCELLED, PAID], "cursor": "u7"}
    (call,) = shop.asked
    assert call.keys == ("{orders}:user:u",)
    assert call.arguments[1:4] == ("9", "paid", 2)


def test_the_last_page_says_so(shop: Shop) -> None:
    shop.returns["list_all"] = [""]
    answer = shop.client.get("/api/v1/orders")
    assert answer.get_json() == {"orders": [], "cursor": None}
    assert shop.asked[-1].arguments[1:4] == ("", "", PAGE_USUAL)


@pytest.mark.parametrize(
    "query",
    [
        "user_id=",
        "user_id=a.b",
        "user_id=u&user_id=v",
        "state=",
        "state=open|paid",
        "cursor=7",
        "cursor=x7",
        "cursor=u7",
        "limit=0",
        f"limit={PAGE_MOST + 1}",
        "limit=-1",
        "limit=%D9%A1",
        "userid=u",
    ],
)
def test_a_query_that_can_not_be_meant_is_refused(shop: Shop, query: str) -> None:
    assert problem(shop.client.get(f"/api/v1/orders?{query}")) == (400, "invalid-query")
    assert shop.asked == []


# --- an order's life -----------------------------------------------------------------------------


def test_an_item_is_removed(shop: Shop) -> None:
    shop.returns["remove_item"] = ["ok", *FIELDS]
    assert shop.client.delete("/api/v1/orders/o/items/i").get_json() == SHOWN
    assert shop.asked == [Call("remove_item", ("{orders}:order:o",), ("i",))]


def test_an_order_is_cancelled(shop: Shop) -> None:
    shop.returns["cancel_order"] = ["ok", *FIELDS, "", "1"]
    answer = shop.client.post("/api/v1/orders/o/cancel", headers={"Idempotency-Key": "k"})
    assert answer.get_json() == CANCELLED
    assert len(shop.asked[0].keys) == 4


@pytest.mark.parametrize(
    ("method", "path", "script"),
    [
        ("DELETE", "/api/v1/orders/o/items/i", "remove_item"),
        ("POST", "/api/v1/orders/o/cancel", "cancel_order"),
    ],
)
@pytest.mark.parametrize(
    ("word", "status", "slug"),
    [
        ("not_found", 404, "order-not-found"),
        ("no_item", 404, "item-not-in-order"),
        ("paid", 409, "order-paid"),
        ("cancelled", 409, "order-cancelled"),
        ("key_reused", 422, "idempotency-key-reused"),
    ],
)
def test_why_an_order_stays_as_it_is_is_told(
    shop: Shop, method: str, path: str, script: str, word: str, status: int, slug: str
) -> None:
    shop.returns[script] = [word]
    assert problem(shop.client.open(path, method=method)) == (status, slug)


@pytest.mark.parametrize(
    ("method", "path", "slug"),
    [
        ("DELETE", "/api/v1/orders/o.1/items/i", "invalid-id"),
        ("DELETE", "/api/v1/orders/o/items/i.1", "invalid-id"),
        ("POST", "/api/v1/orders/o.1/cancel", "invalid-id"),
        ("GET", "/api/v1/transactions/o", "invalid-tid"),
        ("GET", "/api/v1/transactions/o.01", "invalid-tid"),
    ],
)
def test_what_can_not_be_an_id_is_refused(shop: Shop, method: str, path: str, slug: str) -> None:
    assert problem(shop.client.open(path, method=method)) == (400, slug)
    assert shop.asked == []


# --- the story of a transaction ------------------------------------------------------------------


def test_a_transaction_is_told_by_everyone_who_knows_of_it(shop: Shop) -> None:
    told = shop.transaction()
    assert (told["order_id"], told["version"]) == ("o", 2)
    assert (told["verdict"], told["ahead"], told["as_of_ms"]) == ("commit", False, 31)
    assert told["order"] == PAID
    assert told["history"] == [
        {"tid": "o.2", "verdict": "commit", "by": "gateway", "why": "all said yes", "at_ms": 17}
    ]
    part, other = told["parties"]
    assert (part["party"], part["answers"], other["party"]) == ("stock", True, "payment")
    assert part["leg"]["lines"] == [{"account_id": "i", "amount": 2}]
    assert part["leg"]["recent_tries"] == [{"at_ms": 16, "cause": "no answer"}]
    assert (part["leg"]["state"], part["leg"]["settled_at_ms"]) == ("held", None)
    (account,) = part["accounts"]
    assert (account["found"], account["put_in"], account["held"]) == (True, 8, 2)


def test_without_a_leg_the_accounts_are_those_that_the_order_asks(shop: Shop) -> None:
    shop.stock.found = shop.payment.found = None
    told = shop.transaction()
    assert [part["leg"] for part in told["parties"]] == [None, None]
    assert (shop.stock.asked, shop.payment.asked) == (["i"], ["u"])


def test_who_can_not_be_asked_says_so_and_the_rest_is_there(shop: Shop) -> None:
    shop.payment.fault = Unanswered("no answer in time")
    told = shop.transaction()
    part, away = told["parties"]
    assert part["answers"]
    assert away == {
        "party": "payment",
        "answers": False,
        "problem": "no answer in time",
        "as_of_ms": None,
        "leg": None,
        "accounts": None,
    }


def test_an_account_that_is_not_there_has_no_numbers(shop: Shop) -> None:
    shop.stock.outcome = AccountResult.NOT_FOUND
    (account,) = shop.transaction()["parties"][0]["accounts"]
    assert (account["found"], account["available"]) == (False, None)


UNDECIDED = ["", "0", "", "2", "3", "", "31"]
NOBODY = ["", "", "", "", "", "", "", "30"]


@pytest.mark.parametrize(
    ("tid", "read", "known"),
    [("o.3", FIELDS, True), ("o.4", FIELDS, False), ("nobody.1", [], False)],
    ids=["the next attempt", "one that nobody has come to", "of no order"],
)
def test_what_nobody_has_begun_is_not_found(
    shop: Shop, tid: str, read: list[str], known: bool
) -> None:
    # given an order at version 3, or none, of which nothing is decided, and nothing is held
    shop.returns["read"] = [*read, "", "", "30"] if read else NOBODY
    shop.returns["decide"] = UNDECIDED
    shop.stock.found = shop.payment.found = None
    # when it is asked for a version that it has come to, then it is told
    answer = shop.client.get(f"/api/v1/transactions/{tid}")
    if known:
        assert answer.get_json()["verdict"] == "undecided"
        return
    # and a later one isn't, unless somebody holds a leg of it, or may
    assert problem(answer) == (404, "transaction-not-found")
    shop.stock.fault = Unanswered("no answer")
    assert problem(shop.client.get(f"/api/v1/transactions/{tid}")) == (503, "party-away")
    shop.payment.found = LEG
    assert shop.transaction(tid)["verdict"] == "undecided"


def test_without_the_order_store_nobody_knows(shop: Shop) -> None:
    shop.returns["read"] = Unanswered("the database did not answer")
    answer = shop.client.get("/api/v1/transactions/o.2")
    assert problem(answer) == (503, "store-unavailable")
