"""What items and users have in common over HTTP: an account's result as an answer or a problem."""

from __future__ import annotations

from typing import Any

from flask import request

from gateway import problems
from gateway.inputs import BOUNDS, a_whole_number, an_id, idempotency
from gateway.parties import Party
from gateway.problems import Problem, ProblemType
from proto import ledger_pb2 as pb

SCOPE = "recoup"
"""One scope for all keys; each store knows only its own."""


def number(text: str, what: str) -> int:
    """The number in the path that is called `what`, within its bounds."""
    least, most = BOUNDS[what]
    return a_whole_number(text, what, least, most)


def keyed() -> tuple[str, str] | None:
    """The idempotency key and fingerprint of the current request, if it has one."""
    return idempotency(request, SCOPE)


def idempotency_message() -> pb.Idempotency:
    """The same, as a party is told of it."""
    key, fingerprint = keyed() or ("", "")
    return pb.Idempotency(key=key, fingerprint=fingerprint)


class AccountCalls:
    """The plain calls on one party's accounts. `kind` names an account: item or user."""

    def __init__(
        self, party: Party, kind: str, not_found: ProblemType, not_enough: ProblemType
    ) -> None:
        self._party = party
        self._id_name = f"{kind}_id"
        self._problems = {
            pb.AccountResult.NOT_FOUND: (not_found, f"There is no {kind} {{id}}."),
            pb.AccountResult.NOT_ENOUGH: (not_enough, f"{kind.title()} {{id}} has less than that."),
            pb.AccountResult.TOO_MUCH: (problems.AMOUNT_TOO_LARGE, ""),
            pb.AccountResult.KEY_REUSED: (problems.IDEMPOTENCY_KEY_REUSED, ""),
            pb.AccountResult.ERROR: (
                problems.STORE_UNAVAILABLE,
                f"The record of {kind} {{id}} can't be read or written; the log of "
                f"{party.name} says why.",
            ),
        }

    def find(self, account_id: str) -> pb.Account:
        """The account, or a 404."""
        return self._account(account_id, self._party.find(an_id(account_id, self._id_name)))

    def adjust(self, account_id: str, amount: str, sign: int) -> pb.Account:
        """The account after adding (sign 1) or subtracting (-1)."""
        adjustment = pb.Adjustment(
            account_id=an_id(account_id, self._id_name),
            amount=sign * number(amount, "amount"),
            idempotency=idempotency_message(),
        )
        return self._account(account_id, self._party.adjust(adjustment))

    def create(self, account_id: str, price: int) -> pb.Account:
        """The new account: under a known idempotency key, the one that it created first."""
        new = pb.NewAccount(account_id=account_id, price=price, idempotency=idempotency_message())
        return self._account(account_id, self._party.create(new))

    def init(self, count: int, amount: int, price: int) -> dict[str, str]:
        """Writes accounts "0" to "count-1" anew."""
        request = pb.InitAccountsRequest(
            count=count, amount=amount, price=price, idempotency=idempotency_message()
        )
        outcome = self._party.init(request)
        if outcome != pb.AccountResult.OK:
            raise self._problem("", outcome)
        return {"msg": f"Batch init for {self._party.name} successful"}

    def _account(self, account_id: str, result: pb.AccountResult) -> pb.Account:
        if result.outcome != pb.AccountResult.OK:
            raise self._problem(account_id, result.outcome)
        return result.account

    def _problem(self, account_id: str, outcome: pb.AccountResult.Outcome.ValueType) -> Problem:
        kind, detail = self._problems[outcome]
        named: dict[str, Any] = {self._id_name: account_id} if account_id else {}
        return Problem(kind, detail.format(id=account_id), **named)
