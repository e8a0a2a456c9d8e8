"""One party's ledger and accounts, in the words of the tests."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import redis

from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.settings import PARTIES, Settings
from workers.ledger.accounts import Accounts
from workers.ledger.engine import Ledger

Verdict: TypeAlias = orders_pb2.Verdict.ValueType
COMMIT, ABORT = orders_pb2.COMMIT, orders_pb2.ABORT

Photograph = dict[Any, tuple[bytes | None, int]]
"""Every key, with its value as the database would store it, and when it expires."""


class Photographer:
    """Takes everything that a database holds, to the last byte."""

    def __init__(self, raw: redis.Redis) -> None:
        """`raw`: a client that decodes nothing."""
        self._raw = raw

    def __call__(self) -> Photograph:
        keys = cast("list[Any]", self._raw.keys("*"))
        return {key: (self._raw.dump(key), self._raw.pexpiretime(key)) for key in keys}


def move_clock(client: redis.Redis, store: str, ms: int) -> None:
    """Moves the clock of a store ahead, without waiting: it is the highest time it has seen."""
    key = f"{{{store}}}:clock"
    seen_ms = max(int(client.get(key) or 0), time.time_ns() // 1_000_000)
    client.set(key, seen_ms + ms)


class Books:
    """The books of one party."""

    def __init__(self, client: redis.Redis, name: str, settings: Settings) -> None:
        self.client = client
        self.name = name
        self.settings = settings
        self.ledger = Ledger(client, name, settings)
        self.accounts = Accounts(client, name, settings)

    def key(self, rest: str) -> str:
        return f"{{{self.name}}}:{rest}"

    # --- accounts ---

    def open(self, account_id: str, amount: int, price: int = 0) -> None:
        """Opens an account, and puts something in."""
        self.accounts.create([pb.NewAccount(account_id=account_id, price=price)])
        if amount:
            self.adjust(account_id, amount)

    def adjust(self, account_id: str, amount: int, **idempotency: str) -> pb.AccountResult:
        change = pb.Adjustment(
            account_id=account_id, amount=amount, idempotency=pb.Idempotency(**idempotency)
        )
        (result,) = self.accounts.adjust([change]).results
        return result

    def init(self, count: int, amount: int, price: int = 0, **idempotency: str) -> int:
        """Writes accounts "0" to "count-1" anew; the outcome."""
        key = pb.Idempotency(**idempotency)
        request = pb.InitAccountsRequest(count=count, amount=amount, price=price, idempotency=key)
        return self.accounts.init(request).outcome

    def account(self, account_id: str) -> pb.Account:
        (result,) = self.accounts.find([account_id]).results
        assert result.outcome == pb.AccountResult.OK
        return result.account

    def balance(self, account_id: str) -> tuple[int, int, int]:
        """What is available, held and used (sold, or spent)."""
        account = self.account(account_id)
        assert account.put_in == account.available + account.held + account.used
        return account.available, account.held, account.used

    # --- legs ---

    def deduction(
        self,
        tid: str,
        *lines: tuple[str, int],
        deadline_ms: int | None = None,
        parties: Sequence[str] = PARTIES,
    ) -> pb.Deduction:
        if deadline_ms is None:
            deadline_ms = self.now_ms() + self.settings.deadline_ms
        return pb.Deduction(
            tid=tid,
            deadline_ms=deadline_ms,
            lines=[pb.Line(account_id=account_id, amount=amount) for account_id, amount in lines],
            parties=parties,
        )

    def deduct(
        self,
        tid: str,
        *lines: tuple[str, int],
        deadline_ms: int | None = None,
        parties: Sequence[str] = PARTIES,
    ) -> tuple[int, str]:
        """The answer, and the account that it is about."""
        deduction = self.deduction(tid, *lines, deadline_ms=deadline_ms, parties=parties)
        (vote,) = self.ledger.apply(pb.ApplyRequest(deductions=[deduction])).votes
        return vote.answer, vote.account_id

    def hold(self, tid: str, *lines: tuple[str, int], deadline_ms: int | None = None) -> None:
        """A deduction that must succeed."""
        assert self.deduct(tid, *lines, deadline_ms=deadline_ms) == (pb.Vote.YES, "")

    def settle(self, tid: str, verdict: Verdict) -> int:
        settlement = pb.Settlement(tid=tid, verdict=verdict)
        (settled,) = self.ledger.apply(pb.ApplyRequest(settlements=[settlement])).settled
        return settled

    def leg(self, tid: str) -> pb.Leg:
        (leg,) = self.ledger.status([tid]).legs
        return leg

    def due(self) -> dict[str, int]:
        """The due index: each leg, and when somebody must look at it."""
        entries: Any = self.client.zrange(self.key("due"), 0, -1, withscores=True)
        return {tid: int(ms) for tid, ms in entries}

    def parked(self) -> set[str]:
        tids: Any = self.client.zrange(self.key("parked"), 0, -1)
        return set(tids)

    def listed(self, tid: str) -> set[str]:
        """The indexes in which a tid stands."""
        return {
            index
            for index, found in {
                "due": self.client.zscore(self.key("due"), tid) is not None,
                "parked": self.client.zscore(self.key("parked"), tid) is not None,
                "reasons": self.client.hexists(self.key("reasons"), tid),
                "waiting": self.client.sismember(self.key("waiting"), tid),
            }.items()
            if found
        }

    def pending(self, limit: int = 100, **asked: Any) -> pb.PendingReply:
        """Those that wait, or are parked, and fit."""
        return self.ledger.pending(pb.PendingRequest(limit=limit, **asked))

    def claim(self, tid: str, due_ms: int, backoff_ms: int = 10, lease_ms: int = 200) -> int:
        """The new due time; 0 if the leg has become somebody else's."""
        request = pb.ClaimRequest(tid=tid, due_ms=due_ms, backoff_ms=backoff_ms, lease_ms=lease_ms)
        reply = self.ledger.claim(request)
        assert reply.claimed == bool(reply.due_ms)
        return int(reply.due_ms)

    def take_due(self, limit: int = 100) -> dict[str, int]:
        """What a sweep takes: each leg, and when it was to be tried."""
        _, _, legs = self.ledger.take_due(limit, self.settings.lease_ms)
        return {leg.tid: leg.expected_ms for leg in legs}

    # --- time ---

    def now_ms(self) -> int:
        """The party's clock."""
        return int(self.ledger.status(["probe.0"]).clock_ms)

    def pass_ms(self, ms: int) -> None:
        """Moves the party's clock ahead, where it stands still until real time catches up."""
        move_clock(self.client, self.name, ms)
