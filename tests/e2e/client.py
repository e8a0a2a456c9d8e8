"""A client of the API as any of its users might write one, and a short vocabulary over it."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, Self

import urllib3

AMOUNT_MAX = 2**53 - 1
# A limit for what should take milliseconds: reached only when it never comes.
PATIENCE_S = 60
POLL_S = 0.05
ANSWER_LIMIT = urllib3.Timeout(connect=10, read=120)


class Stack(Protocol):
    """A running system."""

    url: str


@dataclass(frozen=True)
class Answer:
    """What came back for one request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON, with each integer exact."""
        return json.loads(self.body)

    @property
    def ok(self) -> bool:
        """It was done."""
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """It was not done, and nothing changed."""
        return 400 <= self.status < 500


class Shop:
    """The API of one system."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._pool = urllib3.PoolManager(maxsize=64, timeout=ANSWER_LIMIT, retries=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.clear()

    def ask(self, method: str, path: str, key: str | None = None, body: bytes = b"") -> Answer:
        """Sends one request, once."""
        headers = {"Idempotency-Key": key} if key else {}
        answer = self._pool.request(method, self._url + path, headers=headers, body=body or None)
        return Answer(answer.status, answer.headers, answer.data)

    def get(self, path: str) -> Answer:
        """Reads."""
        return self.ask("GET", path)

    def post(self, path: str, key: str | None = None, body: bytes = b"") -> Answer:
        """Does something."""
        return self.ask("POST", path, key, body)

    def done(self, path: str) -> Any:
        """Does something that has to succeed, and tells the answer."""
        answer = self.post(path)
        assert answer.ok, f"POST {path}: {answer.status} {answer.body!r}"
        return answer.json

    def found(self, path: str) -> Any:
        """Reads something that has to be there."""
        answer = self.get(path)
        assert answer.ok, f"GET {path}: {answer.status} {answer.body!r}"
        return answer.json

    # --- what a test needs before it begins ---

    def new_item(self, price: int = 1, stock: int = 0) -> str:
        """An item with so many pieces."""
        item_id: str = self.done(f"/stock/item/create/{price}")["item_id"]
        if stock:
            self.done(f"/stock/add/{item_id}/{stock}")
        return item_id

    def new_user(self, credit: int = 0) -> str:
        """A user with so much credit."""
        user_id: str = self.done("/payment/create_user")["user_id"]
        if credit:
            self.done(f"/payment/add_funds/{user_id}/{credit}")
        return user_id

    def new_order(self, user_id: str, *lines: tuple[str, int]) -> str:
        """An order of items in quantities."""
        order_id: str = self.done(f"/orders/create/{user_id}")["order_id"]
        for item_id, quantity in lines:
            self.done(f"/orders/addItem/{order_id}/{item_id}/{quantity}")
        return order_id

    # --- what it looks at afterwards ---

    def item(self, item_id: str) -> Any:
        """The item as it is."""
        return self.found(f"/stock/find/{item_id}")

    def user(self, user_id: str) -> Any:
        """The user as he is."""
        return self.found(f"/payment/find_user/{user_id}")

    def order(self, order_id: str) -> Any:
        """The order as it is."""
        return self.found(f"/orders/find/{order_id}")

    def check_out(self, order_id: str) -> Answer:
        """Checks out, whatever comes of it."""
        return self.post(f"/orders/checkout/{order_id}")


def quantities(order: Any) -> dict[str, int]:
    """How many pieces of each item an order has, whether or not it names an item twice."""
    pieces: Counter[str] = Counter()
    for item_id, quantity in order["items"]:
        pieces[item_id] += quantity
    return dict(pieces)


def at_once(*calls: Callable[[], Answer]) -> list[Answer]:
    """Makes all calls at the same moment; their answers in the same order."""
    gate = threading.Barrier(len(calls))

    def call(request: Callable[[], Answer]) -> Answer:
        gate.wait(PATIENCE_S)
        return request()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


def eventually(holds: Callable[[], bool]) -> None:
    """Returns once it holds."""
    give_up = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < give_up, "it never came to hold"
        time.sleep(POLL_S)
