"""Every path asks for the right thing, and says what came of it as the contract has it."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway import metrics, openapi, problem_pages
from gateway.admission import TurnedAway
from gateway.answers import Answer, Away, Cancelled, Changed, Empty, NotFound, Paid, Refused, Undone
from gateway.app import make_app
from gateway.checkout import Checkout
from gateway.orders.records import Decision, Line, Order, Proposal
from gateway.orders.store import Idempotency, OrderStore
from gateway.parties import Party
from gateway.problems import MIMETYPE
from gateway.routes import operation, orders, payment, stock
from gateway.watch import Watch
from proto import ledger_pb2 as pb
from proto.ledger_pb2 import AccountResult, Vote
from recoup.errors import NotSent, Unanswered
from recoup.settings import AMOUNT_MAX, Settings

SETTINGS = Settings()
QUARTER_MS = SETTINGS.deadline_ms / 4

ORDER = Order("o", "u", (Line("i", 2, 6),), 6, version=3, content=2, paid_at=None, clock_ms=0)
ACCOUNT = pb.Account(account_id="a", price=3, available=5, held=2, used=1)


class FakeParty(Party):
    """Gives one result to whatever is asked, and remembers what that was."""

    def __init__(self, name: str, asked: list[Any]) -> None:
        self.name = name
        self.away = False
        self.clock_offset_ms = None
        self.outcome = AccountResult.OK
        self.fault: Exception | None = None
        self._asked = asked

    def find(self, account_id: str) -> AccountResult:
        return self._result(account_id)

    def adjust(self, adjustment: pb.Adjustment) -> AccountResult:
        return self._result(adjustment)

    def create(self, account: pb.NewAccount) -> AccountResult:
        return self._result(account)

    def init(self, request: pb.InitAccountsRequest) -> AccountResult.Outcome.ValueType:
        return self._result(request).outcome

    def ping(self, limit_s: float) -> None:
        self._result(limit_s)

    def _result(self, what: object) -> AccountResult:
        self._asked.append(what)
        if self.fault:
            raise self.fault
        return AccountResult(outcome=self.outcome, account=ACCOUNT)


class FakeOrders(OrderStore):
    """Gives the results it is told to, and remembers what was asked."""

    def __init__(self, asked: list[Any]) -> None:
        self.order: Order | None = ORDER
        self.added: Order | str = ORDER
        self.key_reused = False
        self.fault: Exception | None = None
        self._asked = asked

    def read(self, order_id: str) -> Order | None:
        self._ask(order_id)
        return self.order

    def create(self, order_id: str, user_id: str, idempotency: Idempotency | None) -> str | None:
        self._ask(order_id, user_id, idempotency)
        return None if self.key_reused else "first"

    def add_item(
        self, order_id: str, item_id: str, quantity: int, cost: int, idempotency: Idempotency | None
    ) -> Order | str:
        self._ask(order_id, item_id, quantity, cost, idempotency)
        return self.added

    def init(
        self, count: int, items: int, users: int, price: int, idempotency: Idempotency | None
    ) -> bool:
        self._ask(count, items, users, price, idempotency)
        return not self.key_reused

    def propose(self, tid: str, proposal: Proposal, by: str = "", why: str = "") -> Decision:
        self._ask(tid, proposal)
        return Decision("abort", False, None, None, 0, 0)

    def _ask(self, *what: object) -> None:
        self._asked.append(what)
        if self.fault:
            raise self.fault


class FakeCheckout(Checkout):
    """Gives one answer to every checkout."""

    def __init__(self, asked: list[Any]) -> None:
        self.answer: Answer | Exception = NotFound()
        self._asked = asked

    def run(self, order_id: str) -> Answer:
        self._asked.append(order_id)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Shop:
    """The API over fakes."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.orders = FakeOrders(self.asked)
        self.stock = FakeParty("stock", self.asked)
        self.payment = FakeParty("payment", self.asked)
        self.checkout = FakeCheckout(self.asked)
        self.clock_offset_ms: float | None = None
        app = Flask(__name__)
        app.register_blueprint(orders.blueprint(self.orders, self.stock, self.checkout))
        app.register_blueprint(stock.blueprint(self.stock))
        app.register_blueprint(payment.blueprint(self.payment))
        both = (self.stock, self.payment)
        app.register_blueprint(
            operation.blueprint(Watch(self.orders, both, lambda: self.clock_offset_ms, SETTINGS))
        )
        problem_pages.register(app)
        self._client: FlaskClient = app.test_client()

    def get(self, path: str) -> TestResponse:
        return self._client.get(path)

    def post(self, path: str, key: str | None = None) -> TestResponse:
        return self._client.post(path, headers={"Idempotency-Key": key} if key else {})

    def call(self, call: str) -> TestResponse:
        """Makes a call that is written as "GET /path"."""
        method, path = call.split()
        return self._client.open(path, method=method)

    def everyone_fails_with(self, fault: Exception) -> None:
        self.orders.fault = self.stock.fault = self.payment.fault = fault
        self.checkout.answer = fault


@pytest.fixture
def shop() -> Shop:
    return Shop()


def problem(answer: TestResponse) -> tuple[int, str]:
    """Status and type of a problem document."""
    assert answer.content_type == MIMETYPE
    document = answer.get_json(force=True)
    assert document["status"] == answer.status_code
    return answer.status_code, document["type"].rsplit("/", 1)[1]


# --- checking out --------------------------------------------------------------------------------

VOTE = {answer: Vote(answer=answer, account_id="a") for answer in Vote.Answer.values()}

PROBLEMS: list[tuple[Answer, int, str, dict[str, str]]] = [
    (NotFound(), 404, "order-not-found", {}),
    (Empty(), 400, "empty-order", {}),
    (Changed(), 409, "order-changed", {}),
    (Cancelled(), 409, "order-cancelled", {}),
    (Refused("stock", VOTE[Vote.SHORT]), 400, "not-enough-stock", {"item_id": "a"}),
    (Refused("stock", VOTE[Vote.SHORT_FOR_NOW]), 400, "not-enough-stock", {"item_id": "a"}),
    (Refused("stock", VOTE[Vote.UNKNOWN_ACCOUNT]), 400, "unknown-item", {"item_id": "a"}),
    (Refused("payment", VOTE[Vote.SHORT]), 400, "not-enough-credit", {"user_id": "a"}),
    (Refused("payment", VOTE[Vote.SHORT_FOR_NOW]), 400, "not-enough-credit", {"user_id": "a"}),
    (Refused("payment", VOTE[Vote.UNKNOWN_ACCOUNT]), 400, "unknown-user", {"user_id": "a"}),
    (
        Refused("shipping", VOTE[Vote.SHORT]),
        400,
        "party-refused",
        {"party": "shipping", "account_id": "a"},
    ),
    (
        Refused("shipping", VOTE[Vote.UNKNOWN_ACCOUNT]),
        400,
        "party-refused",
        {"party": "shipping", "account_id": "a"},
    ),
    (Away("payment"), 503, "party-away", {}),
    (Undone(clock_is_off=False), 503, "checkout-undone", {}),
    (Undone(clock_is_off=True), 503, "clock-skew", {}),
    (TurnedAway(), 503, "overloaded", {}),
]


def checkouts(outcome: str) -> float:
    (metric,) = metrics.CHECKOUTS[outcome].collect()
    return metric.samples[0].value


@pytest.mark.parametrize(
    ("answer", "status", "slug", "names"), PROBLEMS, ids=[slug for _, _, slug, _ in PROBLEMS]
)
def test_what_keeps_an_order_from_being_paid_is_told(
    shop: Shop, answer: Answer, status: int, slug: str, names: dict[str, str]
) -> None:
    # given a checkout that comes to nothing
    shop.checkout.answer, before = answer, checkouts(slug)
    # when it is asked for
    told = shop.post("/orders/checkout/o")
    # then the client is told why, and what it is about, and it is counted
    assert problem(told) == (status, slug)
    document = told.get_json(force=True)
    assert names.items() <= document.items()
    assert document["order_id"] == "o"
    assert checkouts(slug) == before + 1


def test_who_is_turned_away_is_told_when_to_come_back(shop: Shop) -> None:
    # given an overload, when many are turned away, then they don't all come back at once
    shop.checkout.answer = TurnedAway()
    told = {int(shop.post("/orders/checkout/o").headers["Retry-After"]) for _ in range(100)}
    assert told == set(range(orders.COME_BACK_S[0], orders.COME_BACK_S[1] + 1))


@pytest.mark.parametrize(
    ("already", "outcome"), [(False, "paid"), (True, "already-paid")], ids=["now", "before"]
)
def test_an_order_that_is_paid_is_paid_whoever_did_it(
    shop: Shop, already: bool, outcome: str
) -> None:
    shop.checkout.answer, before = Paid("o", "o.3", 6, already), checkouts(outcome)
    told = shop.post("/orders/checkout/o")
    assert told.status_code == 200
    assert told.get_json() == {
        "order_id": "o",
        "paid": True,
        "tid": "o.3",
        "total_cost": 6,
        "already_paid": already,
    }
    assert checkouts(outcome) == before + 1


def test_every_answer_of_a_checkout_is_looked_at_here() -> None:
    assert {type(answer) for answer, *_ in PROBLEMS} | {Paid} == set(get_args(Answer))


@pytest.mark.parametrize(
    ("fault", "slug"),
    [
        (Unanswered("lost"), "store-unavailable"),
        (NotSent("full"), "overloaded"),
        (ZeroDivisionError("a mistake"), "internal-error"),
    ],
)
def test_a_checkout_whose_outcome_is_unknown_is_counted_too(
    shop: Shop, fault: Exception, slug: str
) -> None:
    shop.checkout.answer, before = fault, checkouts(slug)
    assert problem(shop.post("/orders/checkout/o")) == (503 if slug[0] != "i" else 500, slug)
    assert checkouts(slug) == before + 1


# --- orders --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/orders/find/o", "/orders/find_order/o"])
@pytest.mark.parametrize(
    ("paid_at", "state", "tid"), [(None, "open", "o.3"), (2, "paid", "o.2")], ids=["open", "paid"]
)
def test_an_order_is_shown(
    shop: Shop, path: str, paid_at: int | None, state: str, tid: str
) -> None:
    shop.orders.order = Order("o", "u", ORDER.lines, 6, 3, 2, paid_at, 0)
    assert shop.get(path).get_json() == {
        "order_id": "o",
        "paid": state == "paid",
        "items": [["i", 2]],
        "user_id": "u",
        "total_cost": 6,
        "state": state,
        "tid": tid,
    }
    assert shop.asked == [("o",)]


def test_an_order_that_is_not_there_is_not_found(shop: Shop) -> None:
    shop.orders.order = None
    assert problem(shop.get("/orders/find/o")) == (404, "order-not-found")


def test_an_order_gets_a_new_id_unless_it_was_created_before(shop: Shop) -> None:
    # when two are created, then a new id is proposed for each, and the store's counts
    for _ in range(2):
        assert shop.post("/orders/create/u").get_json() == {"order_id": "first"}
    (one, *asked), (other, *_) = shop.asked
    assert one != other
    assert asked == ["u", None]


def test_what_is_added_costs_what_its_pieces_cost(shop: Shop) -> None:
    # given an item at 3, when four are added, then the order grows by 12
    assert shop.post("/orders/addItem/o/i/4").get_json()["order_id"] == "o"
    assert shop.asked == ["i", ("o", "i", 4, 12, None)]


@pytest.mark.parametrize(
    ("word", "status", "slug"),
    [
        ("not_found", 404, "order-not-found"),
        ("paid", 409, "order-paid"),
        ("cancelled", 409, "order-cancelled"),
        ("too_much", 400, "amount-too-large"),
        ("too_long", 400, "order-too-long"),
        ("key_reused", 422, "idempotency-key-reused"),
    ],
)
def test_what_keeps_an_item_from_being_added_is_told(
    shop: Shop, word: str, status: int, slug: str
) -> None:
    shop.orders.added = word
    assert problem(shop.post("/orders/addItem/o/i/4")) == (status, slug)


def test_an_unknown_item_is_never_added(shop: Shop) -> None:
    shop.stock.outcome = AccountResult.NOT_FOUND
    assert problem(shop.post("/orders/addItem/o/i/4")) == (404, "item-not-found")
    assert shop.asked == ["i"]


def test_what_costs_more_than_can_be_paid_is_never_added(shop: Shop) -> None:
    answer = shop.post(f"/orders/addItem/o/i/{AMOUNT_MAX // 2}")
    assert problem(answer) == (400, "amount-too-large")
    assert shop.asked == ["i"]


def test_orders_are_written_anew(shop: Shop) -> None:
    answer = shop.post("/orders/batch_init/5/4/3/2")
    assert answer.get_json() == {"msg": "Batch init for orders successful"}
    assert shop.asked == [(5, 4, 3, 2, None)]


def test_two_items_must_not_cost_more_than_can_be_paid(shop: Shop) -> None:
    assert shop.post(f"/orders/batch_init/5/4/3/{AMOUNT_MAX // 2}").status_code == 200
    answer = shop.post(f"/orders/batch_init/5/4/3/{AMOUNT_MAX // 2 + 1}")
    assert problem(answer) == (400, "amount-too-large")
    assert len(shop.asked) == 1


@pytest.mark.parametrize("path", ["/orders/create/u", "/orders/batch_init/5/4/3/2"])
def test_a_key_of_another_request_is_refused(shop: Shop, path: str) -> None:
    shop.orders.key_reused = True
    assert problem(shop.post(path, key="k")) == (422, "idempotency-key-reused")


# --- items and users -----------------------------------------------------------------------------

ITEM = {"item_id": "a", "stock": 5, "price": 3, "held": 2, "sold": 1}
USER = {"user_id": "a", "credit": 5, "held": 2, "spent": 1}


@pytest.mark.parametrize(
    ("call", "shown", "asked"),
    [
        ("GET /stock/find/a", ITEM, "a"),
        ("POST /stock/add/a/4", ITEM, pb.Adjustment(account_id="a", amount=4)),
        ("POST /stock/subtract/a/4", ITEM, pb.Adjustment(account_id="a", amount=-4)),
        (
            "POST /stock/batch_init/4/5/6",
            {"msg": "Batch init for stock successful"},
            pb.InitAccountsRequest(count=4, amount=5, price=6),
        ),
        ("GET /payment/find_user/a", USER, "a"),
        ("POST /payment/add_funds/a/4", USER, pb.Adjustment(account_id="a", amount=4)),
        ("POST /payment/pay/a/4", USER, pb.Adjustment(account_id="a", amount=-4)),
        (
            "POST /payment/batch_init/4/5",
            {"msg": "Batch init for payment successful"},
            pb.InitAccountsRequest(count=4, amount=5),
        ),
    ],
)
def test_an_account_is_asked_for_and_shown(
    shop: Shop, call: str, shown: dict[str, Any], asked: object
) -> None:
    assert shop.call(call).get_json() == shown
    (message,) = shop.asked
    if isinstance(asked, pb.Adjustment | pb.InitAccountsRequest):
        message.ClearField("idempotency")
    assert message == asked


@pytest.mark.parametrize(
    ("path", "id_name", "price"),
    [("/stock/item/create/7", "item_id", 7), ("/payment/create_user", "user_id", 0)],
)
def test_an_account_gets_a_new_id_unless_it_was_created_before(
    shop: Shop, path: str, id_name: str, price: int
) -> None:
    # when two are created, then a new id is proposed for each, and the party's counts
    assert [shop.post(path).get_json() for _ in range(2)] == [{id_name: "a"}] * 2
    first, second = shop.asked
    assert first.account_id != second.account_id
    assert first.price == price


OUTCOMES = {
    AccountResult.ERROR: (503, "store-unavailable", "store-unavailable"),
    AccountResult.NOT_FOUND: (404, "item-not-found", "user-not-found"),
    AccountResult.NOT_ENOUGH: (400, "not-enough-stock", "not-enough-credit"),
    AccountResult.TOO_MUCH: (400, "amount-too-large", "amount-too-large"),
    AccountResult.KEY_REUSED: (422, "idempotency-key-reused", "idempotency-key-reused"),
}


@pytest.mark.parametrize("outcome", OUTCOMES, ids=AccountResult.Outcome.Name)
def test_every_outcome_of_an_account_is_told(
    shop: Shop, outcome: AccountResult.Outcome.ValueType
) -> None:
    shop.stock.outcome = shop.payment.outcome = outcome
    status, of_items, of_users = OUTCOMES[outcome]
    for call in (
        *("GET /stock/find/a", "POST /stock/add/a/4", "POST /stock/subtract/a/4"),
        *("POST /stock/item/create/4", "POST /stock/batch_init/4/5/6"),
    ):
        assert problem(shop.call(call)) == (status, of_items)
    for call in (
        *("GET /payment/find_user/a", "POST /payment/add_funds/a/4", "POST /payment/pay/a/4"),
        *("POST /payment/create_user", "POST /payment/batch_init/4/5"),
    ):
        assert problem(shop.call(call)) == (status, of_users)


def test_every_outcome_is_looked_at_here() -> None:
    assert {*OUTCOMES, AccountResult.OK} == set(AccountResult.Outcome.values())


def test_a_problem_names_the_account(shop: Shop) -> None:
    shop.payment.outcome = AccountResult.NOT_ENOUGH
    document = shop.post("/payment/pay/a/4").get_json(force=True)
    assert document["user_id"] == "a"
    assert document["detail"] == "User a has less than that."


# --- what can't be meant -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        "POST /orders/create/a.b",
        "GET /orders/find/a.b",
        "GET /orders/find_order/a.b",
        "POST /orders/addItem/o/a.b/1",
        "POST /orders/addItem/a.b/i/1",
        "POST /orders/checkout/a.b",
        "GET /stock/find/a.b",
        "POST /stock/add/a.b/1",
        "POST /stock/subtract/a.b/1",
        "GET /payment/find_user/a.b",
        "POST /payment/add_funds/a.b/1",
        "POST /payment/pay/a.b/1",
    ],
)
def test_what_can_not_be_an_id_is_refused_before_anybody_is_asked(shop: Shop, call: str) -> None:
    assert problem(shop.call(call)) == (400, "invalid-id")
    assert shop.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/orders/addItem/o/i/{}",
        "/orders/batch_init/{}/1/1/1",
        "/orders/batch_init/1/{}/1/1",
        "/orders/batch_init/1/1/{}/1",
        "/orders/batch_init/1/1/1/{}",
        "/stock/item/create/{}",
        "/stock/add/a/{}",
        "/stock/subtract/a/{}",
        "/stock/batch_init/{}/1/1",
        "/stock/batch_init/1/{}/1",
        "/stock/batch_init/1/1/{}",
        "/payment/add_funds/a/{}",
        "/payment/pay/a/{}",
        "/payment/batch_init/{}/1",
        "/payment/batch_init/1/{}",
    ],
)
def test_what_is_no_number_is_refused_before_anybody_is_asked(shop: Shop, path: str) -> None:
    for text in ("-1", "1.5", "many", str(AMOUNT_MAX + 1)):
        assert problem(shop.post(path.format(text))) == (400, "invalid-number")
    assert shop.asked == []


@pytest.mark.parametrize(
    "path",
    ["/orders/addItem/o/i/0", "/stock/add/a/0", "/payment/pay/a/0", "/stock/batch_init/0/1/1"],
)
def test_zero_is_no_number_where_it_makes_no_sense(shop: Shop, path: str) -> None:
    assert problem(shop.post(path)) == (400, "invalid-number")
    assert shop.asked == []


# --- what is asked again -------------------------------------------------------------------------

REMEMBERED = [
    "/orders/create/u",
    "/orders/addItem/o/i/4",
    "/orders/batch_init/5/4/3/2",
    "/stock/item/create/4",
    "/stock/add/a/4",
    "/stock/subtract/a/4",
    "/stock/batch_init/4/5/6",
    "/payment/create_user",
    "/payment/add_funds/a/4",
    "/payment/pay/a/4",
    "/payment/batch_init/4/5",
]


def told_key(asked: object) -> tuple[str, str]:
    """The idempotency key and fingerprint that a store or a party was told."""
    if isinstance(asked, tuple):
        return asked[-1] or ("", "")
    message: Any = asked
    return message.idempotency.key, message.idempotency.fingerprint


@pytest.mark.parametrize("path", REMEMBERED)
def test_a_key_is_passed_on_with_what_it_was_used_for(shop: Shop, path: str) -> None:
    # when a request is made, again, otherwise, and without a key
    told = []
    for asked_for, key in ((path, "k"), (path, "k"), (path, "other"), (path, None)):
        shop.post(asked_for, key=key)
        told.append(told_key(shop.asked[-1]))
    first, again, other, none = told
    # then whoever acts can tell one from another
    assert first == again
    assert first[0] != other[0]
    assert first[1] == other[1]
    assert none == ("", "")


def test_another_request_under_the_same_key_can_be_told(shop: Shop) -> None:
    for path in ("/stock/add/a/4", "/stock/add/a/5"):
        shop.post(path, key="k")
    first, other = map(told_key, shop.asked)
    assert first[0] == other[0]
    assert first[1] != other[1]


def test_a_key_that_can_not_be_one_is_refused_before_anybody_is_asked(shop: Shop) -> None:
    for path in REMEMBERED:
        assert problem(shop.post(path, key="two words")) == (400, "invalid-idempotency-key")
    assert shop.asked == []


# --- nobody answers ------------------------------------------------------------------------------

EVERY_CALL = [
    *(f"POST {path}" for path in REMEMBERED),
    "POST /orders/checkout/o",
    "GET /orders/find/o",
    "GET /orders/find_order/o",
    "GET /stock/find/a",
    "GET /payment/find_user/a",
]


@pytest.mark.parametrize(
    ("fault", "slug"), [(Unanswered("lost"), "store-unavailable"), (NotSent("full"), "overloaded")]
)
def test_without_an_answer_every_call_says_when_to_ask_again(
    shop: Shop, fault: Exception, slug: str
) -> None:
    shop.everyone_fails_with(fault)
    for call in EVERY_CALL:
        answer = shop.call(call)
        assert problem(answer) == (503, slug), call
        assert answer.headers["Retry-After"] == "1"


# --- operation -----------------------------------------------------------------------------------


def test_a_process_that_runs_is_alive(shop: Shop) -> None:
    shop.everyone_fails_with(Unanswered("lost"))
    answer = shop.get("/healthz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


def test_when_all_answer_it_is_ready(shop: Shop) -> None:
    answer = shop.get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "ready": True,
        "all_ok": True,
        "services": {
            "orders": {"ok": True},
            "stock": {"ok": True, "breaker": "closed"},
            "payment": {"ok": True, "breaker": "closed"},
        },
    }
    # and asking has decided nothing
    assert ("nobody.0", "") in shop.asked


def test_without_orders_it_is_not_ready(shop: Shop) -> None:
    shop.orders.fault = Unanswered("the database did not answer")
    answer = shop.get("/readyz")
    assert answer.status_code == 503
    document = answer.get_json()
    assert (document["ready"], document["all_ok"]) == (False, False)
    assert document["services"]["orders"] == {"ok": False, "problem": "the database did not answer"}
    assert document["services"]["stock"]["ok"]


def test_without_a_party_it_still_serves_and_says_so(shop: Shop) -> None:
    # given a party that is away, for so long that its breaker is open
    shop.payment.fault, shop.payment.away = Unanswered("no answer"), True
    # when it is asked, then whatever needs no payment can still be had
    answer = shop.get("/readyz")
    assert answer.status_code == 200
    document = answer.get_json()
    assert (document["ready"], document["all_ok"]) == (True, False)
    assert document["services"]["payment"] == {
        "ok": False,
        "problem": "no answer",
        "breaker": "open",
    }


@pytest.mark.parametrize("sign", [1, -1], ids=["ahead", "behind"])
def test_a_clock_that_is_off_by_more_than_a_quarter_of_a_deadline_is_an_alarm(
    shop: Shop, sign: int
) -> None:
    # given two clocks, one within what is allowed, and one beyond
    shop.clock_offset_ms = 1_000.0
    shop.stock.clock_offset_ms = shop.clock_offset_ms + sign * (QUARTER_MS - 1)
    shop.payment.clock_offset_ms = shop.clock_offset_ms + sign * (QUARTER_MS + 1)
    # when it is asked
    document = shop.get("/readyz").get_json()
    # then both are told, and the one is a problem
    assert document["all_ok"] is False
    services = document["services"]
    assert services["stock"]["ok"]
    assert services["stock"]["clock_skew_s"] == sign * (QUARTER_MS - 1) / 1000
    assert services["payment"]["problem"] == "its clock is off"
    assert services["payment"]["ok"] is False
    # and measured
    (metric,) = metrics.CLOCK_SKEW_S["payment"].collect()
    assert metric.samples[0].value == sign * (QUARTER_MS + 1) / 1000


def test_a_clock_that_nobody_has_seen_is_not_compared(shop: Shop) -> None:
    shop.stock.clock_offset_ms = 1e9
    services = shop.get("/readyz").get_json()["services"]
    assert services["stock"] == {"ok": True, "breaker": "closed"}


def test_measurements_are_served(shop: Shop) -> None:
    answer = shop.get("/metrics")
    assert answer.content_type.startswith("text/plain; version=")
    assert "recoup_checkouts_total" in answer.text


def test_who_measures_need_not_ask_whether_it_is_ready(shop: Shop) -> None:
    # given a party that doesn't answer, and one whose clock is ahead; which nobody has asked about
    shop.stock.fault = Unanswered("no answer")
    shop.clock_offset_ms, shop.payment.clock_offset_ms = 1_000.0, 3_000.0
    # when it is measured, then both are told
    lines = shop.get("/metrics").text.splitlines()
    assert 'recoup_peer_up{from="gateway",to="stock"} 0.0' in lines
    assert 'recoup_peer_up{from="gateway",to="payment"} 1.0' in lines
    assert 'recoup_clock_skew_seconds{party="payment"} 2.0' in lines


# --- the whole -----------------------------------------------------------------------------------


def test_the_documentation_names_every_path_and_no_other() -> None:
    # given the app as it is served, when its routes are compared with its documentation
    served = {
        (method.lower(), re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in make_app(SETTINGS).url_map.iter_rules()
        if rule.rule != "/" and not rule.rule.startswith(("/docs/", "/console"))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    documented = {
        (method, path) for path, item in openapi.document()["paths"].items() for method in item
    }
    # then each is the other
    assert served == documented
    assert len(served) > 20
