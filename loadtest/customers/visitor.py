"""The mix: customers who look around, fill a cart, mostly check it out, and think in between."""

from __future__ import annotations

import random
import re
import uuid
from typing import Any

from locust import FastHttpUser
from locust.exception import RescheduleTask

from loadtest.customers import HOST
from loadtest.customers.answers import CHECKOUT, answer_of
from loadtest.customers.visit import draw_visit

FIND_ITEM = "/stock/find/[item_id]"
FIND_USER = "/payment/find_user/[user_id]"
CREATE_USER = "/payment/create_user"
ADD_FUNDS = "/payment/add_funds/[user_id]/[amount]"
CREATE_ORDER = "/orders/create/[user_id]"
ADD_ITEM = "/orders/addItem/[order_id]/[item_id]/[quantity]"
FIND_ORDER = "/orders/find/[order_id]"


def visit(visitor: Visitor) -> None:
    """Looks around, fills a cart, and mostly checks it out."""
    options = visitor.environment.parsed_options
    plan = draw_visit(visitor.draw, options.items_count, options.scarce_percent)
    if not visitor.user_id:
        visitor.sign_up()
    for item in plan.looks_at:
        visitor.get(FIND_ITEM, item)
    visitor.get(FIND_USER, visitor.user_id)
    order_id = visitor.post(CREATE_ORDER, visitor.user_id)["order_id"]
    for item, quantity in plan.lines:
        visitor.get(FIND_ITEM, item)
        visitor.post(ADD_ITEM, order_id, item, quantity)
    paid = not plan.abandons and visitor.pay(order_id)
    if paid and plan.presses_twice:
        visitor.post(CHECKOUT, order_id, already_paid=True)
    if plan.looks_afterwards:
        visitor.get(FIND_ORDER, order_id, paid=paid)


class Visitor(FastHttpUser):  # type: ignore[misc]
    """Visits the shop with an account of their own, which is now and then empty."""

    host = HOST
    tasks = (visit,)
    user_id = ""

    def on_start(self) -> None:
        """Draws on its own: whatever was made before would be the same in each worker."""
        self.draw = random.Random()

    def wait_time(self) -> float:
        """How long this visitor thinks now, in seconds."""
        return self.draw.uniform(0.5, 1.5) * float(self.environment.parsed_options.think_time_s)

    def sign_up(self) -> None:
        """A new account, with part of a purse: not everyone's is empty at the same time."""
        self.user_id = self.post(CREATE_USER)["user_id"]
        self.add_funds(self.draw.random())

    def add_funds(self, purses: float) -> None:
        """Adds so many purses of credit, and at least one credit: less can't be added."""
        options = self.environment.parsed_options
        credit = int(purses * options.purse * options.item_price)
        self.post(ADD_FUNDS, self.user_id, max(1, credit))

    def pay(self, order_id: str) -> bool:
        """Checks out, and again with new credit if there wasn't enough. Whether it was paid."""
        answer = self.post(CHECKOUT, order_id)
        if str(answer.get("type")).endswith("/not-enough-credit"):
            self.add_funds(1)
            answer = self.post(CHECKOUT, order_id)
        return bool(answer.get("paid"))

    def get(self, name: str, *values: object, **must: object) -> dict[str, Any]:
        """Looks at something."""
        return self.ask("GET", name, values, must, {})

    def post(self, name: str, *values: object, **must: object) -> dict[str, Any]:
        """Does something once, however often it is asked for: by a key, or since checkouts need
        none."""
        headers = {} if name == CHECKOUT else {"Idempotency-Key": uuid.uuid4().hex}
        return self.ask("POST", name, values, must, headers)

    def ask(
        self,
        method: str,
        name: str,
        values: tuple[object, ...],
        must: dict[str, object],
        headers: dict[str, str],
    ) -> dict[str, Any]:
        """Asks, and thinks about the answer. A failure ends the visit.

        `values` take the places of what `name` has in brackets; `must` is in a right answer.
        """
        parts = iter(values)
        path = re.sub(r"\[\w+\]", lambda _: str(next(parts)), name)

        def send() -> Any:
            return self.client.request(
                method, path, name=name, headers=headers, catch_response=True
            )

        answer = answer_of(send, name, must)
        if answer is None:
            raise RescheduleTask
        self.wait()
        return answer
