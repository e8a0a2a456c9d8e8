"""A state machine of one party's ledger and accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import redis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from proto import ledger_pb2 as pb
from recoup.settings import AMOUNT_MAX, Settings
from tests.integration.books import Books
from tests.integration.machines.clocks import Clock, MachineTime
from tests.integration.machines.ledger_contents import answer, expected, found, shown, word
from tests.integration.machines.ledger_draws import (
    ACCOUNTS,
    ADJUSTMENTS,
    BEGINNINGS,
    CREATIONS,
    FEW,
    FEW_OF_OPENED,
    FIRST,
    IN_TIME,
    INITS,
    KEYS,
    LEASE_MS,
    LIMITS,
    LINES,
    MARGINS,
    TIDS,
    TRIES,
    VERDICTS,
    Lines,
)
from tests.integration.machines.ledger_records import Answer
from tests.integration.machines.ledger_reference import ReferenceLedger


class LedgerMachine(RuleBasedStateMachine):
    """Everything that can be asked of a ledger, in any order, at any time."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        super().__init__()
        client.flushall()
        self.client = client
        self.time = MachineTime(client)
        self.books = Books(client, "stock", settings)
        self.reference = ReferenceLedger(
            clock=Clock(self.time),
            furthest_ms=2 * settings.deadline_ms,
            leg_kept_ms=settings.leg_kept_s * 1000,
            key_kept_ms=settings.idempotency_kept_s * 1000,
        )

    @property
    def ledger(self) -> Any:
        return self.books.ledger

    # --- a checkout's calls ---

    @rule(
        deductions=st.lists(st.tuples(TIDS, LINES, MARGINS), max_size=3),
        settlements=st.lists(st.tuples(TIDS, VERDICTS), max_size=3),
    )
    def apply(
        self,
        deductions: list[tuple[str, Lines, int]],
        settlements: list[tuple[str, tuple[int, str]]],
    ) -> None:
        now = self.reference.clock.now_ms()
        request = pb.ApplyRequest()
        for tid, lines, margin_ms in deductions:
            request.deductions.append(
                self.books.deduction(tid, *lines, deadline_ms=now + margin_ms)
            )
        for tid, (verdict, _) in settlements:
            request.settlements.add(tid=tid, verdict=verdict)
        reply = self.ledger.apply(request)
        assert [word(vote) for vote in reply.votes] == [
            self.reference.deduct(tid, now + margin_ms, summed(lines))
            for tid, lines, margin_ms in deductions
        ]
        assert [pb.Settled.Name(settled).lower() for settled in reply.settled] == [
            self.reference.settle(tid, state) for tid, (_, state) in settlements
        ]
        assert reply.clock_ms == (now if deductions or settlements else 0)

    @rule(tid=TIDS, lines=FEW_OF_OPENED, margin_ms=IN_TIME)
    def hold(self, tid: str, lines: Lines, margin_ms: int) -> None:
        """Most probably a yes: a tid is deducted once, or again."""
        self.apply([(tid, lines, margin_ms)], [])

    @precondition(lambda self: self.reference.legs)
    @rule(data=st.data(), margin_ms=MARGINS)
    def deduct_again(self, data: st.DataObject, margin_ms: int) -> None:
        """The same lines, which may be written in another way."""
        tid = data.draw(st.sampled_from(sorted(self.reference.legs)))
        lines = []
        for account_id, amount in self.reference.legs[tid].amounts.items():
            lines += [(account_id, amount // 2), (account_id, amount - amount // 2)]
        self.apply([(tid, data.draw(st.permutations(lines)), margin_ms)], [])

    @rule(data=st.data(), verdict=VERDICTS)
    def settle(self, data: st.DataObject, verdict: tuple[int, str]) -> None:
        self.apply([], [(self._any(data), verdict)])

    @rule(tids=st.lists(TIDS, max_size=3), account_ids=st.lists(ACCOUNTS, max_size=3))
    def look(self, tids: list[str], account_ids: list[str]) -> None:
        reply = self.ledger.status(tids)
        assert list(reply.legs) == [shown(self.reference, tid) for tid in tids]
        assert reply.clock_ms == (self._now_ms() if tids else 0)
        for parked, index in ((False, self.reference.due), (True, self.reference.parked)):
            pending = self.books.pending(2, parked=parked)
            tids = self.reference.pending(index, 2)
            assert list(pending.legs) == [shown(self.reference, tid) for tid in tids]
            assert (pending.total, pending.clock_ms) == (len(index), self._now_ms())
            assert pending.looked_at == pending.matched == len(index)
        results = self.books.accounts.find(account_ids).results
        assert [*map(answer, results)] == [*map(self.reference.find, account_ids)]

    def _any(self, data: st.DataObject) -> str:
        """A tid, most probably of a leg."""
        return data.draw(st.sampled_from(sorted(self.reference.legs) or ["o.1"]) | TIDS)

    # --- reconciliation ---

    @rule(data=st.data(), act=TRIES)
    def try_to_settle(self, data: st.DataObject, act: Any) -> None:
        """What goes with a try to settle a leg, but for the settling."""
        name, *arguments = act
        getattr(self, name)(self._any(data), *arguments)

    def claim(self, tid: str, off_ms: int | None, backoff_ms: int, lease_ms: int) -> None:
        """`off_ms`: by how much the due time is another than the one given; None: none is given."""
        given_ms = 0 if off_ms is None else self.reference.due.get(tid, 1) + off_ms
        claimed_ms = self.books.claim(tid, given_ms, backoff_ms, lease_ms)
        assert claimed_ms == self.reference.claim(tid, given_ms, backoff_ms, lease_ms)

    def note(self, tid: str, cause: str, unreachable: bool) -> None:
        self.ledger.note(tid, cause, unreachable)
        self.reference.note(tid, cause, unreachable)

    def park(self, tid: str, reason: str) -> None:
        self.ledger.park(tid, reason)
        self.reference.park(tid, reason)

    def retry(self, tid: str) -> None:
        assert list(self.ledger.retry([tid]).due) == [self.reference.retry(tid)]

    @rule(act=st.sampled_from(["take_due", "unpark", "wake"]), limit=LIMITS)
    def sweep(self, act: str, limit: int) -> None:
        getattr(self, act)(limit)

    def unpark(self, limit: int) -> None:
        assert self.ledger.unpark(limit) == self.reference.unpark(limit)

    def take_due(self, limit: int) -> None:
        now_ms, due_ms, legs = self.ledger.take_due(limit, LEASE_MS)
        taken = [(leg.tid, leg.expected_ms) for leg in legs]
        assert taken == self.reference.take_due(limit, LEASE_MS)
        assert (now_ms, due_ms) == (self._now_ms(), self._now_ms() + LEASE_MS)

    def wake(self, limit: int) -> None:
        before = set(self.reference.waiting)
        assert self.ledger.waiting_for_orders() == len(before)
        count = self.ledger.wake(limit)
        # Which of those that wait is left open, so the database is asked.
        woken = before - set(self.client.smembers(self.books.key("waiting")))
        assert count == len(woken) == min(limit, len(before))
        self.reference.wake(woken)

    # --- accounts ---

    @initialize(
        amount=BEGINNINGS,
        more=BEGINNINGS,
        holds=st.lists(st.tuples(FIRST, FEW_OF_OPENED, IN_TIME), min_size=1, max_size=4),
        acts=st.lists(st.tuples(FIRST, TRIES), max_size=4),
        few=FEW,
    )
    def open(
        self, amount: int, more: int, holds: list[tuple[str, Lines, int]], acts: list[Any], few: int
    ) -> None:
        """Begins with some legs: each example leaves some rules out, and much would never happen if
        it were those that hold."""
        self.init(2, amount, 7, "")
        self.create("a", 7, "")
        self.adjust("a", more, "")
        self.apply(holds, [])
        self.adjust("a", few, "")
        for tid, (name, *arguments) in acts:
            getattr(self, name)(tid, *arguments)

    @rule(act=CREATIONS | ADJUSTMENTS | INITS, key=KEYS)
    def keep_accounts(self, act: Any, key: str) -> None:
        name, *arguments = act
        getattr(self, name)(*arguments, key)

    def create(self, account_id: str, price: int, key: str) -> None:
        # Each request makes up an id, so that isn't in the fingerprint.
        idempotency = pb.Idempotency(key=key, fingerprint=f"create {price}")
        new = pb.NewAccount(account_id=account_id, price=price, idempotency=idempotency)
        (result,) = self.books.accounts.create([new]).results
        assert answer(result) == self._once(
            idempotency, lambda: self.reference.create(account_id, price)
        )

    def adjust(self, account_id: str, amount: int, key: str) -> None:
        idempotency = pb.Idempotency(key=key, fingerprint=f"adjust {account_id} {amount}")
        change = pb.Adjustment(account_id=account_id, amount=amount, idempotency=idempotency)
        (result,) = self.books.accounts.adjust([change]).results
        assert answer(result) == self._once(
            idempotency, lambda: self.reference.adjust(account_id, amount)
        )

    def init(self, count: int, amount: int, price: int, key: str) -> None:
        idempotency = pb.Idempotency(key=key, fingerprint=f"init {count} {amount} {price}")
        request = pb.InitAccountsRequest(
            count=count, amount=amount, price=price, idempotency=idempotency
        )
        outcome = self.books.accounts.init(request).outcome
        first, _, _ = self._once(idempotency, lambda: self.reference.init(count, amount, price))
        assert pb.AccountResult.Outcome.Name(outcome).lower() == first

    def _once(self, idempotency: pb.Idempotency, work: Callable[[], Answer]) -> Answer:
        return self.reference.once(idempotency.key, idempotency.fingerprint, work)

    # --- time, and the machine ---

    @rule(ms=st.sampled_from([1, 150, 300, 1_000, 60_000, 120_000, -1, -300, -200_000]))
    def time_passes(self, ms: int) -> None:
        """Or the machine's time is set back."""
        self.time.go(ms)
        # What expires does so by the time of the test, which is not that of the database.
        before = expected(self.reference).keys()
        self.reference.forget()
        for key in before - expected(self.reference).keys():
            self.client.delete(self.books.key(key))

    @rule()
    def the_database_forgets_the_scripts(self) -> None:
        self.client.script_flush()

    # --- what must always hold ---

    @invariant()
    def all_is_as_the_reference_says(self) -> None:
        assert found(self.client, self.books.key("")) == expected(self.reference)

    @invariant()
    def the_books_balance(self) -> None:
        held = dict(self.reference.lost)
        for leg in self.reference.legs.values():
            for account_id, amount, generation in leg.lines if leg.state == "held" else ():
                line = (account_id, generation)
                held[line] = held.get(line, 0) + amount
        for account_id, account in self.reference.accounts.items():
            assert account.put_in == account.available + account.held + account.used <= AMOUNT_MAX
            assert min(account.available, account.held, account.used) >= 0
            assert account.held == held.get((account_id, account.generation), 0)

    @invariant()
    def every_held_leg_is_due_or_parked(self) -> None:
        due, parked = self.reference.due.keys(), self.reference.parked.keys()
        assert not due & parked
        assert parked <= self.reference.reasons.keys()
        for tid, leg in self.reference.legs.items():
            assert leg.state != "held" or tid in due | parked

    def _now_ms(self) -> int:
        return self.reference.clock.now_ms()


def summed(lines: Iterable[tuple[str, int]]) -> dict[str, int]:
    amounts: dict[str, int] = {}
    for account_id, amount in lines:
        amounts[account_id] = amounts.get(account_id, 0) + amount
    return amounts
