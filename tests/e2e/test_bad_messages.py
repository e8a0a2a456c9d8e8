"""Whatever lies in the broker's queues: the worker lives on, and only verdicts change anything."""

from __future__ import annotations

import base64
import json
import pickle
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.e2e.client import Shop, eventually
from tests.e2e.stack import Stack

PARTIES = ("stock", "payment")
WORKERS = tuple(f"{party}-worker" for party in PARTIES)
SERVICES = ("orders", *PARTIES)


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Shop]:
    with Shop(stack.url) as shop:
        yield shop


@pytest.fixture
def broker(stack: Stack) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(stack.settings.database_url("broker")) as broker:
        yield broker


@pytest.fixture(autouse=True)
def unharmed(stack: Stack, shop: Shop, broker: redis.Redis) -> Iterator[None]:
    """The same workers do the next good message; an open order, and all that isn't there, stay."""
    user, item = shop.new_user(credit=10), shop.new_item(price=1, stock=10)
    order = shop.new_order(user, (item, 1))
    before = [shop.user(user), shop.item(item), shop.order(order)]
    pids = [stack.supervisor.pid(worker) for worker in WORKERS]
    yield
    eventually(lambda: all(broker.llen(party) == 0 for party in PARTIES))
    assert [shop.user(user), shop.item(item), shop.order(order)] == before
    # and the next checkout is settled
    assert shop.check_out(order).status == 200
    eventually(lambda: shop.user(user)["spent"] == 1 and shop.item(item)["sold"] == 1)
    assert [stack.supervisor.pid(worker) for worker in WORKERS] == pids
    for service in SERVICES:
        with redis.Redis.from_url(stack.settings.database_url(service)) as store:
            assert list(store.scan_iter("*forged*", count=10_000)) == []


def put(broker: redis.Redis, *messages: bytes | str) -> None:
    """Leaves messages for both workers."""
    for party in PARTIES:
        broker.lpush(party, *messages)


def message(
    task: str, arguments: Any, keywords: Any = None, content_type: str = "application/json"
) -> dict[str, Any]:
    """A message as Celery writes it."""
    content: Any = [arguments, keywords or {}, {}]
    pickled = content_type == "application/x-python-serialize"
    body = pickle.dumps(content) if pickled else json.dumps(content).encode()
    task_id = str(uuid.uuid4())
    return {
        "body": base64.b64encode(body).decode(),
        "content-encoding": "binary" if pickled else "utf-8",
        "content-type": content_type,
        "headers": {"lang": "py", "task": task, "id": task_id, "root_id": task_id, "retries": 0},
        "properties": {
            "correlation_id": task_id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": task.partition(".")[0]},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }


def call(broker: redis.Redis, name: str, *arguments: Any, **keywords: Any) -> None:
    """Leaves a call of a task for the workers of each party."""
    for party in PARTIES:
        broker.lpush(party, json.dumps(message(f"{party}.{name}", arguments, keywords)))


def without(key: str) -> str:
    """A message that lacks something."""
    broken = message("stock.settle", [["forged.1"]])
    del broken[key]
    return json.dumps(broken)


def test_what_is_no_message(broker: redis.Redis) -> None:
    put(broker, b"not json", b"\xff\xfe\x00", b"", b"7", b"null", b'"text"', b"[]", b"{}")
    put(broker, b"[" * 100_000, b'{"a":' * 100_000, b"x" * 5_000_000)
    put(broker, '{"properties": {}}', '{"properties": 7}', '{"properties": {"delivery_tag": []}}')


def test_what_is_only_almost_one(broker: redis.Redis) -> None:
    put(broker, *(without(key) for key in ("body", "content-type", "headers", "properties")))
    odd = message("stock.settle", [["forged.1"]])
    put(broker, json.dumps(odd | {"body": "!!! not base64"}))
    put(broker, json.dumps(odd | {"body": base64.b64encode(b"not json").decode()}))
    put(broker, json.dumps(odd | {"headers": ["a", "list"]}))
    for header, value in (("id", None), ("task", 7), ("eta", "soon"), ("retries", "many")):
        put(broker, json.dumps(odd | {"headers": odd["headers"] | {header: value}}))
    properties = odd["properties"]
    for name in ("delivery_tag", "delivery_info", "body_encoding"):
        put(broker, json.dumps(odd | {"properties": properties | {name: {"odd": 1}}}))


def test_what_would_run_code_when_it_is_read(broker: redis.Redis) -> None:
    pickled = message("stock.settle", [["forged.1"]], content_type="application/x-python-serialize")
    put(broker, json.dumps(pickled))
    put(broker, json.dumps(pickled | {"content-type": "application/x-nothing"}))


def test_what_nobody_has_a_task_for(broker: redis.Redis) -> None:
    put(broker, *(json.dumps(message(task, [])) for task in ("os.system", "stock.steal", "", "é")))
    # and the tasks of the other party
    for party, other in (PARTIES, PARTIES[::-1]):
        broker.lpush(party, json.dumps(message(f"{other}.settle", [["forged.1"]])))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [None],
        [7],
        ["forged.1"],
        [{"forged.1": 1}],
        [["forged.1"], "soon"],
        [["forged.1"], -1],
        [["forged.1"], 2**70],
        [["forged.1"], 0, "more"],
        [[None, 7, True, [], {}, "", "forged", "forged.", "forged.-1", "forged.01", "x" * 10_000]],
        [["forged.1", "forged.2", "forged." + "9" * 15]],
        [[f"forged.{version}" for version in range(20_000)]],
    ],
    ids=lambda arguments: json.dumps(arguments)[:40],
)
def test_a_settlement_of_what_there_is_not(broker: redis.Redis, arguments: list[Any]) -> None:
    call(broker, "settle", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [None],
        [7],
        [["forged.1"]],
        ["forged"],
        ["forged.01"],
        ["forged.1"],
        ["forged.1", "soon"],
        ["forged.1", -1],
        ["forged.1", 2**70],
        ["forged.1", 0, "more"],
    ],
    ids=lambda arguments: json.dumps(arguments)[:40],
)
def test_a_compensation_of_what_there_is_not(broker: redis.Redis, arguments: list[Any]) -> None:
    call(broker, "compensate", *arguments)
    call(broker, "compensate", *arguments, odd=1)
    call(broker, "retry_parked", *arguments)


def test_an_order_that_is_open_stays_open_whoever_wants_it_settled(
    broker: redis.Redis, shop: Shop
) -> None:
    # given an open order, of which nothing is held
    user, item = shop.new_user(credit=10), shop.new_item(price=1, stock=10)
    order = shop.new_order(user, (item, 1))
    tid = shop.order(order)["tid"]
    # when its tids, now and later, are to be settled
    later = [f"{order}.{version}" for version in range(1, 9)]
    call(broker, "settle", [tid, *later])
    for each in (tid, *later):
        call(broker, "compensate", each)
    eventually(lambda: all(broker.llen(party) == 0 for party in PARTIES))
    # then it still can be paid, once
    assert shop.order(order)["tid"] == tid
    assert shop.check_out(order).json["tid"] == tid
    eventually(lambda: shop.user(user)["spent"] == 1)
