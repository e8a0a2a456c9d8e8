"""What a party's ledger must do, in plain Python: the scripts are held to this.

Each method is one operation; it returns what the operation answers, and changes what it must
change. Nothing here knows how the scripts do it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from recoup.settings import AMOUNT_MAX
from tests.integration.machines.clocks import Clock
from tests.integration.machines.ledger_records import Account, Answer, Leg, Remembered

TRIES_KEPT = 10
"""So many tries are remembered with a leg."""


@dataclass
class ReferenceLedger:
    """One party's ledger and accounts."""

    clock: Clock
    furthest_ms: int
    leg_kept_ms: int
    key_kept_ms: int
    accounts: dict[str, Account] = field(default_factory=dict)
    legs: dict[str, Leg] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    parked: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    keys: dict[str, Remembered] = field(default_factory=dict)
    used_before: dict[str, int] = field(default_factory=dict)
    """What earlier generations of each account have used."""
    lost: dict[tuple[str, int], int] = field(default_factory=dict)
    """What each generation of an account holds for legs that are gone."""

    # --- legs ---

    def deduct(self, tid: str, deadline_ms: int, amounts: Mapping[str, int]) -> tuple[str, str]:
        """The answer, and the account that it is about."""
        now = self.clock.now_ms()
        ahead = deadline_ms > now + self.furthest_ms
        if leg := self.legs.get(tid):
            return self._deduct_again(tid, leg, deadline_ms, amounts, ahead), ""
        if ahead:
            return "ahead", ""
        if deadline_ms < now:
            return "late", ""
        refusals = [(self._refusal(id, amounts[id]), id) for id in sorted(amounts)]
        for refusal in refusals:
            if refusal[0] in ("unknown_account", "short"):
                return refusal
        for refusal in reversed(refusals):
            if refusal[0] == "short_for_now":
                return refusal
        for account_id, amount in amounts.items():
            self.accounts[account_id].available -= amount
            self.accounts[account_id].held += amount
        lines = [(id, amounts[id], self.accounts[id].generation) for id in sorted(amounts)]
        self.legs[tid] = Leg("held", lines, deadline_ms, held_at_ms=now)
        self.due[tid] = deadline_ms
        self.clock.keep()
        return "yes", ""

    def _deduct_again(
        self, tid: str, leg: Leg, deadline_ms: int, amounts: Mapping[str, int], ahead: bool
    ) -> str:
        if leg.amounts != amounts:
            return "conflict"
        if leg.state == "returned":
            return "returned"
        if leg.state == "held" and not ahead and deadline_ms > leg.deadline_ms:
            leg.deadline_ms = deadline_ms
            if tid in self.due:
                self.due[tid] = max(self.due[tid], deadline_ms)
        return "yes"

    def _refusal(self, account_id: str, amount: int) -> str:
        account = self.accounts.get(account_id)
        if account is None:
            return "unknown_account"
        if amount > account.available + account.held:
            return "short"
        return "short_for_now" if amount > account.available else ""

    def settle(self, tid: str, state: str) -> str:
        """`state`: what the verdict makes of a held leg, committed or returned."""
        leg = self.legs.get(tid)
        if leg is None:
            return "no_leg"
        now = self.clock.now_ms()
        if leg.state != "held":
            if leg.state != state:
                return "contradiction"
            if tid in self.reasons:
                leg.expires_ms = now + self.leg_kept_ms
            self._leave_indexes(tid)
            return "already"
        for account_id, amount, generation in leg.lines:
            account = self.accounts[account_id]
            if account.generation == generation:
                account.held -= amount
                if state == "committed":
                    account.used += amount
                else:
                    account.available += amount
            elif state == "committed":
                self._used_before(account_id, amount)
        leg.state, leg.settled_at_ms, leg.expires_ms = state, now, now + self.leg_kept_ms
        self._leave_indexes(tid)
        self.clock.keep()
        return "settled"

    def _leave_indexes(self, tid: str) -> None:
        self.due.pop(tid, None)
        self.parked.pop(tid, None)
        self.reasons.pop(tid, None)
        self.waiting.discard(tid)

    # --- who looks at a leg, and when ---

    def claim(self, tid: str, due_ms: int, backoff_ms: int, lease_ms: int) -> int:
        """The new due time, or 0."""
        if tid not in self.due:
            return 0
        if tid not in self.legs:
            del self.due[tid]
            return 0
        if due_ms not in (0, self.due[tid]):
            return 0
        leg = self.legs[tid]
        leg.tries += 1
        leg.next_try_ms = self.clock.now_ms() + backoff_ms
        self.due[tid] = leg.next_try_ms + lease_ms
        self.clock.keep()
        return self.due[tid]

    def note(self, tid: str, cause: str, orders_unreachable: bool) -> None:
        leg = self.legs.get(tid)
        if leg is None or leg.state != "held":
            return
        self._has_failed(leg, cause)
        self.waiting.discard(tid)
        if orders_unreachable:
            self.waiting.add(tid)
        self.clock.keep()

    def _has_failed(self, leg: Leg, cause: str) -> None:
        leg.cause = cause
        leg.recent_tries = [*leg.recent_tries, (self.clock.now_ms(), cause)][-TRIES_KEPT:]

    def park(self, tid: str, reason: str) -> None:
        if tid not in self.legs:
            return
        self.legs[tid].expires_ms = None
        self._has_failed(self.legs[tid], reason)
        self.due.pop(tid, None)
        self.parked.setdefault(tid, self.clock.now_ms())
        self.reasons[tid] = reason
        self.waiting.discard(tid)
        self.clock.keep()

    def unpark(self, limit: int) -> int:
        tids = longest(self.parked, limit)
        for tid in tids:
            del self.parked[tid]
            self.due[tid] = self.clock.now_ms()
        self.clock.keep()
        return len(tids)

    def retry(self, tid: str) -> bool:
        if tid not in self.due and tid not in self.parked:
            return False
        self.parked.pop(tid, None)
        self.due[tid] = self.clock.now_ms()
        if tid in self.legs:
            self.legs[tid].next_try_ms = self.due[tid]
        self.clock.keep()
        return True

    def pending(self, index: Mapping[str, int], limit: int) -> list[str]:
        """Those that wait, the longest held first; among equals, those that were to be first."""
        legs = {tid: self.legs.get(tid) for tid in longest(index, len(index))}
        return sorted(legs, key=lambda tid: leg.held_at_ms if (leg := legs[tid]) else 0)[:limit]

    def take_due(self, limit: int, lease_ms: int) -> list[tuple[str, int]]:
        """The legs that are due, and when each was to be tried. What has none is due no more."""
        now = self.clock.now_ms()
        overdue = {tid: due_ms for tid, due_ms in self.due.items() if due_ms <= now}
        taken = longest(overdue, limit)
        for tid in taken:
            del self.due[tid]
        legs = {tid: self.legs[tid] for tid in taken if tid in self.legs}
        self.due |= dict.fromkeys(legs, now + lease_ms)
        self.clock.keep()
        return [(tid, leg.next_try_ms or leg.deadline_ms) for tid, leg in legs.items()]

    def wake(self, tids: set[str]) -> None:
        """Wakes these: which of those that wait is left open."""
        self.waiting -= tids
        for tid in tids & self.due.keys():
            self.due[tid] = self.clock.now_ms()
        self.clock.keep()

    def lose(self, tid: str) -> bool:
        """A leg's record is gone, and its entry isn't. Whether that may be: what has resisted
        stands in other indexes too, and is left to tests of its own."""
        if tid not in self.legs or tid in self.reasons or tid in self.waiting:
            return False
        leg = self.legs.pop(tid)
        for account_id, amount, generation in leg.lines if leg.state == "held" else ():
            line = (account_id, generation)
            self.lost[line] = self.lost.get(line, 0) + amount
        return True

    # --- accounts ---

    def once(self, key: str, fingerprint: str, work: Callable[[], Answer]) -> Answer:
        """The first answer under a key (empty: there is none), else that of `work`."""
        if first := self.keys.get(key):
            return first.answer if first.fingerprint == fingerprint else ("key_reused", "", None)
        answer = work()
        if key and answer[0] != "error":
            expires_ms = self.clock.machine_ms + self.key_kept_ms
            self.keys[key] = Remembered(fingerprint, answer, expires_ms)
        return answer

    def create(self, account_id: str, price: int) -> Answer:
        if account_id in self.accounts:
            return "error", "", None
        self.accounts[account_id] = Account(price)
        return self.find(account_id)

    def find(self, account_id: str) -> Answer:
        if account_id not in self.accounts:
            return "not_found", "", None
        return "ok", account_id, replace(self.accounts[account_id])

    def adjust(self, account_id: str, amount: int) -> Answer:
        account = self.accounts.get(account_id)
        if account is None:
            return "not_found", "", None
        if account.available + amount < 0:
            return "not_enough", "", None
        if account.put_in + amount > AMOUNT_MAX:
            return "too_much", "", None
        account.available += amount
        account.put_in += amount
        return self.find(account_id)

    def init(self, count: int, amount: int, price: int) -> Answer:
        for account_id in map(str, range(count)):
            old = self.accounts.get(account_id)
            generation = old.generation + 1 if old else 1
            self._used_before(account_id, old.used if old else 0)
            self.accounts[account_id] = Account(
                price, available=amount, put_in=amount, generation=generation
            )
        return "ok", "", None

    def _used_before(self, account_id: str, amount: int) -> None:
        if amount:
            self.used_before[account_id] = self.used_before.get(account_id, 0) + amount

    # --- time ---

    def forget(self) -> None:
        """What the machine's time has ended is gone."""
        now = self.clock.machine_ms
        self.legs = {t: leg for t, leg in self.legs.items() if (leg.expires_ms or now + 1) > now}
        self.keys = {key: kept for key, kept in self.keys.items() if kept.expires_ms > now}


def longest(index: Mapping[str, int], limit: int) -> list[str]:
    """Those that have stood in an index for longest."""
    return sorted(index, key=lambda tid: (index[tid], tid))[:limit]
