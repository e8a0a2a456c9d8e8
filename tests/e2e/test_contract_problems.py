"""What is refused is explained: problem documents of a closed list of types, and never a crash."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.e2e.client import Answer, Shop, Stack

TYPE = re.compile(r"/api/v1/problems/[a-z0-9-]+")
NOBODY = "nobody-by-this-name"


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:
    with Shop(stack.url) as shop:
        yield shop


@pytest.fixture(scope="module")
def names(stack: Stack) -> dict[str, str]:
    """A user who has spent everything, an item out of stock, and an order of each kind."""
    with Shop(stack.url) as shop:
        user, item = shop.new_user(credit=1), shop.new_item(price=5)
        paid = shop.new_order(user, (shop.new_item(price=1, stock=1), 1))
        assert shop.check_out(paid).ok
        return {
            "user": user,
            "item": item,
            "empty": shop.new_order(user),
            "open": shop.new_order(user, (item, 1)),
            "paid": paid,
        }


REFUSALS = [
    (404, "GET", f"/orders/find/{NOBODY}"),
    (404, "GET", f"/orders/find_order/{NOBODY}"),
    (404, "GET", f"/stock/find/{NOBODY}"),
    (404, "GET", f"/payment/find_user/{NOBODY}"),
    (404, "POST", f"/orders/checkout/{NOBODY}"),
    (404, "POST", f"/orders/addItem/{NOBODY}/{{item}}/1"),
    (404, "POST", f"/orders/addItem/{{open}}/{NOBODY}/1"),
    (404, "POST", f"/stock/add/{NOBODY}/1"),
    (404, "POST", f"/stock/subtract/{NOBODY}/1"),
    (404, "POST", f"/payment/add_funds/{NOBODY}/1"),
    (404, "POST", f"/payment/pay/{NOBODY}/1"),
    (404, "GET", "/nothing/at/all"),
    (400, "POST", "/stock/subtract/{item}/1"),
    (400, "POST", "/stock/add/{item}/-1"),
    (400, "POST", "/payment/pay/{user}/1"),
    (400, "POST", "/orders/checkout/{open}"),
    (400, "POST", "/orders/checkout/{empty}"),
    (409, "POST", "/orders/addItem/{paid}/{item}/1"),
    (405, "GET", "/payment/create_user"),
    (405, "DELETE", "/orders/find/{open}"),
]


@pytest.mark.parametrize(
    ("status", "method", "path"), REFUSALS, ids=[f"{m} {path}" for _, m, path in REFUSALS]
)
def test_a_refusal_is_a_problem_document(
    shop: Shop, names: dict[str, str], status: int, method: str, path: str
) -> None:
    answer = shop.ask(method, path.format(**names))
    assert answer.status == status
    assert_problem(answer)


def assert_problem(answer: Answer) -> None:
    """It is a problem document, complete and true."""
    assert answer.headers["content-type"].split(";")[0] == "application/problem+json"
    problem = answer.json
    assert TYPE.fullmatch(problem["type"])
    assert problem["status"] == answer.status
    assert problem["title"].strip()
    assert problem["detail"].strip()


def test_each_type_is_explained_where_it_points(shop: Shop, names: dict[str, str]) -> None:
    types = {shop.ask(method, path.format(**names)).json["type"] for _, method, path in REFUSALS}
    for uri in types:
        assert shop.get(uri).status == 200


def test_the_list_of_types_is_closed(shop: Shop) -> None:
    assert shop.get("/api/v1/problems/not-a-problem-we-have").status == 404


def test_refusals_of_different_causes_have_different_types(
    shop: Shop, names: dict[str, str]
) -> None:
    paths = [
        f"/orders/checkout/{NOBODY}",
        "/orders/checkout/{empty}",
        "/orders/checkout/{open}",
        "/orders/addItem/{paid}/{item}/1",
        f"/stock/add/{NOBODY}/1",
        f"/payment/pay/{NOBODY}/1",
        "/payment/pay/{user}/1",
        "/payment/pay/{user}/x",
    ]
    types = [shop.post(path.format(**names)).json["type"] for path in paths]
    assert len(set(types)) == len(types)


@pytest.mark.parametrize(
    "bad_id",
    ["%20", "a.b", "a:b", "%7Bstock%7D", "%C3%A9", "a%0Ab", "a%00b", "%2e%2e", "*", "x" * 65],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/orders/find/{}"),
        ("POST", "/orders/checkout/{}"),
        ("POST", "/orders/create/{}"),
        ("POST", "/orders/addItem/{}/0/1"),
        ("GET", "/stock/find/{}"),
        ("POST", "/stock/add/{}/1"),
        ("GET", "/payment/find_user/{}"),
        ("POST", "/payment/pay/{}/1"),
    ],
)
def test_what_can_not_be_an_id_is_refused(shop: Shop, method: str, path: str, bad_id: str) -> None:
    answer = shop.ask(method, path.format(bad_id))
    assert answer.refused
    assert_problem(answer)


def test_the_longest_id_is_an_id(shop: Shop) -> None:
    user_id = "Az09_-" + "x" * 58
    order_id = shop.new_order(user_id)
    assert shop.order(order_id)["user_id"] == user_id


@pytest.mark.parametrize(
    "body", [b"{", b'{"quantity": 99}', b"\xff\x00"], ids=["broken", "json", "bytes"]
)
def test_a_body_is_ignored(shop: Shop, body: bytes) -> None:
    item_id = shop.new_item(price=1, stock=5)
    assert shop.post(f"/stock/add/{item_id}/1", body=body).status == 200
    assert shop.item(item_id)["stock"] == 6


def test_a_giant_body_is_ignored_or_refused(shop: Shop) -> None:
    item_id = shop.new_item()
    answer = shop.post(f"/stock/add/{item_id}/1", body=b"x" * 2_000_000)
    assert answer.status in (200, 413)
    assert shop.item(item_id)["stock"] == (1 if answer.ok else 0)
