"""The accounts of one party: items with their stock, or users with their credit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis

from proto import ledger_pb2 as pb
from recoup import logs
from recoup.scripts import Call, Scripts
from recoup.settings import AMOUNT_MAX, Settings

log = logs.logger(__name__)

LUA = Path(__file__).with_name("lua")

OUTCOMES = {
    "ok": pb.AccountResult.OK,
    "not_found": pb.AccountResult.NOT_FOUND,
    "not_enough": pb.AccountResult.NOT_ENOUGH,
    "too_much": pb.AccountResult.TOO_MUCH,
    "key_reused": pb.AccountResult.KEY_REUSED,
    "exists": pb.AccountResult.ERROR,
}

INIT_STEP = 500
"""Accounts that one script writes anew: about 2 ms, in which a checkout has to wait."""


def key_prefix(party: str) -> str:
    """What all keys of a party begin with: its hash tag."""
    return f"{{{party}}}:"


class Accounts:
    """One party's accounts. Batches, like all operations of the ledger: see `engine.py`."""

    def __init__(self, client: redis.Redis, party: str, settings: Settings) -> None:
        self.settings = settings
        self._scripts = Scripts(client, LUA)
        self._prefix = key_prefix(party)
        self._totals = self._prefix + "totals"

    def create(self, accounts: Sequence[pb.NewAccount]) -> pb.AccountsReply:
        """Creates empty accounts."""
        return self._run(
            [
                self._call("create_account", new.account_id, (new.price,), new.idempotency)
                for new in accounts
            ]
        )

    def find(self, account_ids: Sequence[str]) -> pb.AccountsReply:
        """The accounts as they are."""
        return self._run([Call("find_account", (self._key(id),), (id,)) for id in account_ids])

    def adjust(self, adjustments: Sequence[pb.Adjustment]) -> pb.AccountsReply:
        """Adds to accounts, or subtracts from what is available of them."""
        return self._run(
            [
                self._call(
                    "adjust_account",
                    change.account_id,
                    (change.amount, AMOUNT_MAX),
                    change.idempotency,
                    self._totals,
                )
                for change in adjustments
            ]
        )

    def init(self, request: pb.InitAccountsRequest) -> pb.InitAccountsReply:
        """Writes accounts "0" to "count-1" anew, in steps between which others get their turn.

        Its answer is remembered with the last step, so a repeat of an init that broke off begins
        again. Raises Unanswered when the database doesn't answer.
        """
        keys = self._idempotency_keys(request.idempotency)
        fingerprint = request.idempotency.fingerprint
        answer: list[str] = []
        if keys:
            answer = self._scripts.run_one(Call("recall", keys, (fingerprint,)))
        for first in range(0, 0 if answer else request.count, INIT_STEP):
            last = min(first + INIT_STEP, request.count) - 1
            remember = keys if last + 1 == request.count else []
            arguments = (self._key(""), first, last, request.amount, request.price)
            answer = self._scripts.run_one(
                Call(
                    "init_accounts",
                    (self._totals, *remember),
                    (*arguments, fingerprint, self.settings.idempotency_kept_s),
                )
            )
        return pb.InitAccountsReply(outcome=OUTCOMES[answer[0]])

    def _call(
        self,
        script: str,
        id: str,
        arguments: tuple[int, ...],
        idempotency: pb.Idempotency,
        *keys: str,
    ) -> Call:
        keys = (self._key(id), *keys, *self._idempotency_keys(idempotency))
        kept_s = self.settings.idempotency_kept_s
        return Call(script, keys, (id, *arguments, idempotency.fingerprint, kept_s))

    def _run(self, calls: Sequence[Call]) -> pb.AccountsReply:
        return pb.AccountsReply(results=map(_result, logged(self._scripts.run(calls), calls)))

    def _key(self, account_id: str) -> str:
        return f"{self._prefix}account:{account_id}"

    def _idempotency_keys(self, idempotency: pb.Idempotency) -> list[str]:
        return [f"{self._prefix}idem:{idempotency.key}"] if idempotency.key else []


def _result(result: list[str] | None) -> pb.AccountResult:
    if result is None:
        return pb.AccountResult(outcome=pb.AccountResult.ERROR)
    if result[0] != "ok":
        return pb.AccountResult(outcome=OUTCOMES[result[0]])
    account_id, *numbers = result[1:]
    try:
        price, available, held, used, put_in, generation = map(int, numbers)
    except (TypeError, ValueError):  # its record lacks a field, or has something else there
        log.error("account %s can't be read: %s", account_id, numbers)
        return pb.AccountResult(outcome=pb.AccountResult.ERROR)
    account = pb.Account(
        account_id=account_id,
        price=price,
        available=available,
        held=held,
        used=used,
        put_in=put_in,
        generation=generation,
    )
    return pb.AccountResult(outcome=pb.AccountResult.OK, account=account)


def logged(results: Sequence[Any], calls: Sequence[Call]) -> list[Any]:
    """The results, with None in place of each error, which is logged: it is that call's alone."""
    for result, call in zip(results, calls, strict=True):
        if isinstance(result, Exception):
            log.error("%s on %s failed: %s", call.script, call.keys[0], result)
    return [None if isinstance(result, Exception) else result for result in results]
