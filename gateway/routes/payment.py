"""/payment: users and their credit."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint

from gateway import problems
from gateway.parties import Party
from gateway.routes.accounts import AccountCalls, number
from proto import ledger_pb2 as pb


def blueprint(payment: Party) -> Blueprint:
    """The calls on users."""
    calls = Blueprint("payment", __name__, url_prefix="/payment")
    users = AccountCalls(payment, "user", problems.USER_NOT_FOUND, problems.NOT_ENOUGH_CREDIT)

    @calls.post("/create_user")
    def create() -> dict[str, Any]:
        return {"user_id": users.create(str(uuid.uuid4()), price=0).account_id}

    @calls.get("/find_user/<user_id>")
    def find(user_id: str) -> dict[str, Any]:
        return user(users.find(user_id))

    @calls.post("/add_funds/<user_id>/<amount>")
    def add(user_id: str, amount: str) -> dict[str, Any]:
        return user(users.adjust(user_id, amount, 1))

    @calls.post("/pay/<user_id>/<amount>")
    def pay(user_id: str, amount: str) -> dict[str, Any]:
        return user(users.adjust(user_id, amount, -1))

    @calls.post("/batch_init/<n>/<starting_money>")
    def init(n: str, starting_money: str) -> dict[str, Any]:
        return users.init(number(n, "n"), number(starting_money, "starting_money"), price=0)

    return calls


def user(account: pb.Account) -> dict[str, Any]:
    """A user as the API shows it."""
    return {
        "user_id": account.account_id,
        "credit": account.available,
        "held": account.held,
        "spent": account.used,
    }
