"""The in-memory Redis of `tests/model` does what a real one does: the same calls, the same data."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import redis

from gateway.orders.records import Proposal
from gateway.orders.store import LUA, OrderStore
from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.scripts import Scripts
from recoup.settings import AMOUNT_MAX, PARTIES, Settings
from tests.integration.books import move_clock
from tests.integration.conftest import HOUR_MS
from tests.model.database import Database
from tests.model.redis import Commands, SortedSet, Store, freeze
from workers.ledger.accounts import Accounts
from workers.ledger.engine import Ledger

CALLS = 400
"""In one run, of about twenty kinds, on a few accounts, legs and orders: enough to meet again."""

IDS = ("0", "1", "broken")
TIDS = ("0.1", "0.2", "1.3", "broken.1")
AMOUNTS = (0, 1, 2, 3, 7, 10**15 + 1, AMOUNT_MAX)
LONG = 1_000
"""A limit that nothing reaches: which ones Redis chooses is left to chance."""


class Twin:
    """The project's order store, and a party of it, on one database."""

    def __init__(self, client: redis.Redis, party: str, settings: Settings) -> None:
        self.ledger = Ledger(client, party, settings)
        self.accounts = Accounts(client, party, settings)
        self.orders = OrderStore(Scripts(client, LUA).run, settings)


Call = Callable[[Twin], object]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """That a broken record can't be read is logged each time."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


KINDS = 22
"""Of calls; see `any_call`."""


def any_call(chance: random.Random) -> tuple[int, Call]:
    """Something that the project asks of a database, and what kind of thing that is."""
    tid, id, kept = chance.choice(TIDS), chance.choice(IDS), chance.choice(("", "", "k", "l"))
    key = pb.Idempotency(key=kept, fingerprint=chance.choice("fg"))
    keyed = (kept, key.fingerprint) if kept else None
    amount = chance.choice(AMOUNTS)
    lines = [
        pb.Line(account_id=each, amount=chance.choice(AMOUNTS))
        for each in chance.sample(IDS, chance.choice((1, 1, 2)))
    ]
    deadline_ms = int(time.time() * 1000) + HOUR_MS + chance.choice((-1000, 10_000, 20_000, 10**6))
    deduction = pb.Deduction(tid=tid, deadline_ms=deadline_ms, lines=lines, parties=PARTIES)
    verdict = chance.choice((orders_pb2.COMMIT, orders_pb2.ABORT))
    settlement = pb.Settlement(tid=tid, verdict=verdict)
    claim = pb.ClaimRequest(tid=tid, due_ms=chance.choice((0, 5)), backoff_ms=7, lease_ms=11)
    proposal: Proposal = chance.choice(("commit", "abort", "close", ""))
    new = pb.NewAccount(account_id=id, price=amount, idempotency=key)
    change = pb.Adjustment(account_id=id, amount=chance.choice((1, -1)) * amount, idempotency=key)
    anew = pb.InitAccountsRequest(count=2, amount=3, price=amount, idempotency=key)
    away = chance.choice((True, False))
    calls: list[Call] = [
        lambda twin: twin.ledger.apply(pb.ApplyRequest(deductions=[deduction])),
        lambda twin: twin.ledger.apply(pb.ApplyRequest(settlements=[settlement])),
        lambda twin: twin.ledger.status([tid]),
        lambda twin: twin.ledger.claim(claim),
        lambda twin: twin.ledger.note(tid, "a cause", away),
        lambda twin: twin.ledger.park(tid, "a reason"),
        lambda twin: twin.ledger.unpark(chance.choice((1, LONG))),
        lambda twin: twin.ledger.take_due(LONG, 13),
        lambda twin: (twin.ledger.waiting_for_orders(), twin.ledger.wake(LONG)),
        lambda twin: twin.ledger.pending(
            pb.PendingRequest(parked=away, limit=LONG, order_id="0" if kept else "")
        ),
        lambda twin: twin.ledger.retry([tid]),
        lambda twin: twin.accounts.create([new]),
        lambda twin: twin.accounts.find([id]),
        lambda twin: twin.accounts.adjust([change]),
        lambda twin: twin.accounts.init(anew),
        lambda twin: twin.orders.create(id, "u", keyed),
        lambda twin: twin.orders.add_item(id, chance.choice(IDS), 1, amount, keyed),
        lambda twin: twin.orders.read(id),
        lambda twin: twin.orders.remove_item(id, chance.choice(IDS)),
        lambda twin: twin.orders.cancel(id, "u", keyed),
        lambda twin: twin.orders.propose(tid, proposal, "me", "so"),
        lambda twin: twin.orders.init(2, 1, 1, 5, keyed),
    ]
    assert len(calls) == KINDS
    return chance.choices(list(enumerate(calls)), [6, 4] + [1] * (KINDS - 2))[0]


def outcome(call: Call, twin: Twin, seed: int) -> object:
    """What a call comes to. Whatever it chooses by chance, it chooses the same each time."""
    random.seed(seed)
    try:
        return call(twin)
    except Exception as error:  # of a broken record, or a key that was used for another call
        return type(error)


def kept(key: str) -> bool:
    """Whether it is kept for a time: an idempotency key, or a history."""
    return "idem:" in key or "history:" in key


def contents(client: redis.Redis) -> Store:
    """What a real database holds, as the model's would hold it."""
    found = []
    for key in sorted(cast("list[str]", client.keys("*"))):
        kind = str(client.type(key))  # type: ignore[no-untyped-call]
        value: Any = {
            "string": lambda key: client.get(key),
            "list": lambda key: client.lrange(key, 0, -1),
            "set": lambda key: client.smembers(key),
            "zset": lambda key: SortedSet(cast("Any", client.zrange(key, 0, -1, withscores=True))),
            "hash": lambda key: client.hgetall(key),
        }[kind](key)
        expires_ms = client.pexpiretime(key)
        # How long these are kept, counts from real time.
        found.append((key, *freeze(value), 0 if kept(key) else max(expires_ms, 0) or None))
    return Store.of(tuple(found))


@pytest.mark.parametrize("seed", range(6))
def test_the_same_calls_have_the_same_answers_and_leave_the_same(
    client: redis.Redis, settings: Settings, seed: int
) -> None:
    chance = random.Random(seed)
    party = chance.choice(PARTIES)
    # Given a real database and the model's, at the same time, with some broken records
    for store in ("orders", party):
        move_clock(client, store, HOUR_MS)
    client.set(f"{{{party}}}:leg:broken.1", "what is this?")
    client.set(f"{{{party}}}:account:broken", "what is this?")
    client.hset("{orders}:order:broken", mapping={"user": "u", "version": "x"})
    database = Database(loud=False)
    database.open(contents(client), int(time.time() * 1000))
    model = Twin(cast("redis.Redis", database), party, settings)
    real = Twin(client, party, settings)
    answered_kinds = set()
    for number in range(CALLS):
        # When both are asked the same
        kind, call = any_call(chance)
        state = chance.getstate()
        answered = outcome(call, real, number)
        chance.setstate(state)
        # Then they answer the same, and hold the same
        assert outcome(call, model, number) == answered, number
        if not isinstance(answered, type):
            answered_kinds.add(kind)
        if number % 20 == 0 or number == CALLS - 1:
            assert without_kept(database.close()) == contents(client).contents, number
    # And that was about everything
    assert answered_kinds == set(range(KINDS))


def without_kept(store: Store) -> tuple[Any, ...]:
    return tuple(
        (key, kind, value, 0 if kept(key) else expires_ms)
        for key, kind, value, expires_ms in store.contents
    )


def test_a_command_that_the_model_does_not_know_is_an_error_of_the_model() -> None:
    with pytest.raises(NotImplementedError, match="GEOADD"):
        Commands(Store.of(()), 0).call("GEOADD", "key", "1", "2", "x")


@pytest.mark.parametrize("expires_in_ms", [1, 1_000])
def test_what_has_expired_is_gone(client: redis.Redis, expires_in_ms: int) -> None:
    # Given a key that expires, and one that doesn't
    now_ms = int(time.time() * 1000) + 3_600_000
    commands = Commands(Store.of(()), now_ms)
    for each in (commands, client):
        call = each.call if isinstance(each, Commands) else each.execute_command
        call("SET", "kept", "x")
        call("HSET", "gone", "field", "x")
        assert call("PEXPIREAT", "gone", str(now_ms + expires_in_ms)) == 1
        assert call("PEXPIREAT", "nothing", str(now_ms)) == 0
    # Then both say when, and the model's is gone with that moment, and not before
    store = commands.frozen()
    assert contents(client).contents == store.contents
    assert Commands(store, now_ms + expires_in_ms - 1).call("EXISTS", "gone") == 1
    assert Commands(store, now_ms + expires_in_ms).call("EXISTS", "gone") == 0
    assert Commands(store, now_ms + expires_in_ms).call("EXISTS", "kept") == 1
