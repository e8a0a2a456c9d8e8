"""/stock: items, their stock and their price."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint

from gateway import problems
from gateway.parties import Party
from gateway.routes.accounts import AccountCalls, number
from proto import ledger_pb2 as pb


def blueprint(stock: Party) -> Blueprint:
    """The calls on items."""
    calls = Blueprint("stock", __name__, url_prefix="/stock")
    items = AccountCalls(stock, "item", problems.ITEM_NOT_FOUND, problems.NOT_ENOUGH_STOCK)

    @calls.post("/item/create/<price>")
    def create(price: str) -> dict[str, Any]:
        return {"item_id": items.create(str(uuid.uuid4()), number(price, "price")).account_id}

    @calls.get("/find/<item_id>")
    def find(item_id: str) -> dict[str, Any]:
        return item(items.find(item_id))

    @calls.post("/add/<item_id>/<amount>")
    def add(item_id: str, amount: str) -> dict[str, Any]:
        return item(items.adjust(item_id, amount, 1))

    @calls.post("/subtract/<item_id>/<amount>")
    def subtract(item_id: str, amount: str) -> dict[str, Any]:
        return item(items.adjust(item_id, amount, -1))

    @calls.post("/batch_init/<n>/<starting_stock>/<item_price>")
    def init(n: str, starting_stock: str, item_price: str) -> dict[str, Any]:
        return items.init(
            number(n, "n"),
            number(starting_stock, "starting_stock"),
            number(item_price, "item_price"),
        )

    return calls


def item(account: pb.Account) -> dict[str, Any]:
    """An item as the API shows it."""
    return {
        "item_id": account.account_id,
        "stock": account.available,
        "price": account.price,
        "held": account.held,
        "sold": account.used,
    }
