"""Recoup's three services on stores that never change: who asks gets a new store, and an answer.

Everything behind a question is the project's own: the gRPC services, the engine, the order store,
and their Lua scripts. As the same question to the same store at the same time has the same answer,
it is worked out once.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, cast
from unittest.mock import Mock

import redis

from gateway.orders.service import OrdersService
from gateway.orders.store import LUA
from recoup.scripts import Scripts
from recoup.settings import Settings
from tests.model.database import Database, Rewrite
from tests.model.process import Packed, Question
from tests.model.redis import Commands, Frozen, Store
from workers.ledger.accounts import Accounts
from workers.ledger.engine import Ledger
from workers.ledger.service import LedgerService

FORGOTTEN = {"held_at_ms", "settled_at_ms", "next_try_ms", "recent_tries"}
"""What a leg tells the operator, or a sweep, which by it leaves a leg to the workers, or doesn't:
both are explored. Two legs that differ in these alone are one."""

FOR_PEOPLE = {"history", "user", "numbers"}
"""What the order store keeps for people alone. It is taken away after each step: so who decided by
it would decide otherwise here."""

UNCOUNTED = {"tries", "cause"}
"""That a leg has these matters, and not what they say."""

SETTINGS = Settings().model_copy(
    update={"deadline_ms": 500, "lease_ms": 500, "leg_kept_s": 2, "retry_budget_ms": 10**9}
)
"""The clocks of the model go in steps of a second. So a deadline, and a lease, has passed with the
next step; and a settled leg is kept for two, which is more than a deadline and the skew of one step
that there may be between the clocks."""

CONTEXT = Mock(spec=["abort"], **{"abort.side_effect": AssertionError("a service refused a call")})


class System:
    """The services."""

    def __init__(
        self, rewrite: Rewrite = str, settings: Settings = SETTINGS, keeps_clock: bool = False
    ) -> None:
        """`keeps_clock`: the clocks may be set back, so what they have shown before matters."""
        self.settings = settings
        self.stores = ("orders", *settings.parties)
        """Who has a database. All that a state has of each is in this order."""
        self._keeps_clock = keeps_clock
        self._answers: dict[tuple[Store, int, Question], tuple[Store, Any]] = {}
        self._expired: dict[tuple[Store, int], Store] = {}
        self._databases = {name: Database(rewrite) for name in self.stores}
        self._ledgers: dict[str, LedgerService] = {}
        for name in settings.parties:
            client = cast("redis.Redis", self._databases[name])
            ledger, accounts = Ledger(client, name, settings), Accounts(client, name, settings)
            self._ledgers[name] = LedgerService(ledger, accounts)
        self._scripts = Scripts(cast("redis.Redis", self._databases["orders"]), LUA)
        self._orders = OrdersService(self._scripts.run, settings)

    def ask(self, what: Question, store: Store, time_ms: int) -> tuple[Store, Any]:
        """The store afterwards, and the answer."""
        key = (store, time_ms, what)
        found = self._answers.get(key)
        if found is None:
            database = self._databases[what.store]
            database.open(store, time_ms)
            answer = self._carry_out(what)
            found = self._answers[key] = self._tidy(database.close()), answer
        return found

    def _carry_out(self, what: Question) -> Hashable:
        if what.method == "script":
            (result,) = self._scripts.run([cast("Any", what.request)])
            if isinstance(result, Exception):
                raise result
            return _value(result)
        service: Any = self._orders if what.store == "orders" else self._ledgers[what.store]
        if isinstance(what.request, Packed):
            return Packed.of(getattr(service, what.method)(what.request.message(), CONTEXT))
        arguments = cast("tuple[Any, ...]", what.request)
        return _value(getattr(service.ledger, what.method)(*arguments))

    def expired(self, store: Store, time_ms: int) -> Store:
        """The store without what has expired by now."""
        key = (store, time_ms)
        if key not in self._expired:
            self._expired[key] = Commands(store, time_ms).frozen()
        return self._expired[key]

    def _left_out(self, key: str) -> bool:
        """What no rule rests on: what is for people, and a clock that is never set back, which is
        the time itself."""
        kind = key.partition("}:")[2].partition(":")[0]
        return kind in FOR_PEOPLE or (kind == "clock" and not self._keeps_clock)

    def _tidy(self, store: Store) -> Store:
        return Store.of(
            tuple(_tidy(each) for each in store.contents if not self._left_out(each[0]))
        )


def _tidy(each: Frozen) -> Frozen:
    key, kind, contents, expires_ms = each
    if ":leg:" in key:
        contents = tuple(
            (name, "1" if name in UNCOUNTED else value)
            for name, value in contents
            if name not in FORGOTTEN
        )
    return key, kind, contents, expires_ms


def _value(answer: Any) -> Hashable:
    """An answer as a value that can be compared."""
    return tuple(map(_value, answer)) if isinstance(answer, list | tuple) else answer
