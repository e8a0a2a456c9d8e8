"""The ledger: the legs and the due index of one party, on one Redis database.

Stock and payment are both made of this; what they call an item or a user is an account here (and
`accounts.py` has what concerns accounts alone). Each operation takes a batch, makes one round
trip, and runs one Lua script for each item, so that check and write are one step and one item's
trouble is that item's alone. Messages are those of `proto/ledger.proto`.

Keys, all under one hash tag (`{stock}:…`):

    account:<id>  hash   price, available, held, used, put_in, generation; used_before (what its
                         earlier generations have sold, or spent; absent: nothing)
    totals        hash   put_in, available, held, used of all accounts; absent, or with a field
                         `unknown`: not known
    leg:<tid>     hash   state, digest, lines ("id:amount:generation,…"), parties, deadline_ms, …
    due           zset   tid -> ms at which someone must look at the held leg
    parked        zset   tid -> ms since when; `reasons` hash: tid -> why
    waiting       set    tids that wait for the order store to answer again
    clock         string the highest TIME seen, in ms
    idem:<key>    list   fingerprint of a request, then its first answer
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup import logs, tracing
from recoup.scripts import Call, Scripts
from recoup.settings import Settings
from workers.ledger.accounts import LUA, key_prefix, logged

log = logs.logger(__name__)

ANSWERS = {
    "yes": pb.Vote.YES,
    "returned": pb.Vote.RETURNED,
    "late": pb.Vote.LATE,
    "ahead": pb.Vote.AHEAD,
    "short": pb.Vote.SHORT,
    "short_for_now": pb.Vote.SHORT_FOR_NOW,
    "unknown": pb.Vote.UNKNOWN_ACCOUNT,
    "conflict": pb.Vote.CONFLICT,
}
SETTLED = {
    "settled": pb.SETTLED,
    "already": pb.ALREADY,
    "no_leg": pb.NO_LEG,
    "contradiction": pb.CONTRADICTION,
    "missing_account": pb.MISSING_ACCOUNT,
    "held_too_little": pb.HELD_TOO_LITTLE,
}
STATES = {"held": pb.Leg.HELD, "committed": pb.Leg.COMMITTED, "returned": pb.Leg.RETURNED}
VERDICTS = {orders_pb2.COMMIT: "commit", orders_pb2.ABORT: "abort"}

DEADLINES_AHEAD = 2
"""A deadline further ahead than this many deadlines can only come from a clock that is off."""

MEASURED_LEGS = 2_000
"""Legs that one measurement looks at: about 2 ms, in which others wait, and more than are held
unless many wait anyway."""


@dataclass(frozen=True, slots=True)
class DueLeg:
    """A leg that a sweep has taken."""

    tid: str
    expected_ms: int
    """When it was to be tried: at its deadline, or at the time that its last try has named."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums over all accounts of a party."""

    put_in: int
    available: int
    held: int
    used: int

    @property
    def imbalance(self) -> int:
        """Always 0: each script that moves something writes both sides."""
        return self.put_in - self.available - self.held - self.used


@dataclass(frozen=True, slots=True)
class Measures:
    """What is worth watching of a party."""

    legs_due: int
    """Held legs that aren't parked, whenever they are due."""
    legs_parked: int
    legs_overdue: int
    """Those past their deadline; of no more legs than MEASURED_LEGS, so it may be more."""
    oldest_overdue_ms: int
    totals: Totals | None
    """None: not known, since nothing was put in yet, or the accounts are older than the totals."""


class Ledger:
    """One party's legs."""

    def __init__(self, client: redis.Redis, party: str, settings: Settings) -> None:
        self.party = party
        self.settings = settings
        self._scripts = Scripts(client, LUA)
        self._prefix = key_prefix(party)
        self._due = self._prefix + "due"
        self._parked = self._prefix + "parked"
        self._reasons = self._prefix + "reasons"
        self._waiting = self._prefix + "waiting"
        self._clock = self._prefix + "clock"
        self._totals = self._prefix + "totals"

    # --- a checkout's calls ---

    @tracing.many(
        "scripts",
        lambda self, asked: [each.tid for each in (*asked.deductions, *asked.settlements)],
    )
    def apply(self, request: pb.ApplyRequest) -> pb.ApplyReply:
        """Holds and settles legs. Raises Unanswered when the database doesn't answer."""
        calls = [self._deduct_call(deduction) for deduction in request.deductions]
        calls += [self._settle_call(settlement) for settlement in request.settlements]
        results = self._run(calls)
        held, settled = results[: len(request.deductions)], results[len(request.deductions) :]
        reply = pb.ApplyReply(votes=map(_vote, held), settled=map(_settled, settled))
        reply.clock_ms = max((int(result[-1]) for result in results if result), default=0)
        return reply

    def _deduct_call(self, deduction: pb.Deduction) -> Call:
        lines = _merged(deduction.lines)
        # With other parties it is another leg: they would never all hold theirs.
        what = repr((lines, sorted(deduction.parties)))
        digest = hashlib.blake2s(what.encode(), digest_size=8).hexdigest()
        furthest_ms = DEADLINES_AHEAD * self.settings.deadline_ms
        keys = [self._leg(deduction.tid), self._due, self._clock, self._totals]
        arguments: list[str | int] = [deduction.tid, deduction.deadline_ms, furthest_ms, digest]
        arguments.append(",".join(deduction.parties))
        for account_id, amount in lines:
            keys.append(self._account(account_id))
            arguments += (account_id, amount)
        return Call("deduct", keys, arguments)

    def _settle_call(self, settlement: pb.Settlement) -> Call:
        keys = [self._leg(settlement.tid), self._due, self._parked]
        keys += [self._reasons, self._waiting, self._clock, self._totals]
        kept_ms = self.settings.leg_kept_s * 1000
        verdict = VERDICTS[settlement.verdict]
        return Call("settle", keys, (settlement.tid, verdict, kept_ms, self._account("")))

    # --- reconciliation ---

    def status(self, tids: Sequence[str]) -> pb.StatusReply:
        """What is known of each tid, and the clock. Writes nothing."""
        keys = (self._due, self._reasons, self._clock)
        results = self._run([Call("status", (self._leg(tid), *keys), (tid,)) for tid in tids])
        reply = pb.StatusReply(legs=map(_leg, tids, results))
        reply.clock_ms = max((int(result[3]) for result in results if result), default=0)
        return reply

    def claim(self, request: pb.ClaimRequest) -> pb.ClaimReply:
        """Begins one try to settle a leg, unless it has become somebody else's."""
        keys = (self._leg(request.tid), self._due, self._reasons, self._clock)
        arguments = (request.tid, request.due_ms, request.backoff_ms, request.lease_ms)
        word, due_ms = self._scripts.run_one(Call("claim", keys, arguments))
        return pb.ClaimReply(claimed=word == "claimed", due_ms=int(due_ms))

    def note(self, tid: str, cause: str, orders_unreachable: bool) -> None:
        """Writes on a held leg why its last try did not settle it."""
        arguments = (tid, cause, int(orders_unreachable))
        self._scripts.run_one(Call("note", (self._leg(tid), self._waiting), arguments))

    def park(self, tid: str, reason: str) -> None:
        """Puts a leg aside, with its reason."""
        keys = (self._leg(tid), self._due, self._parked, self._reasons, self._waiting, self._clock)
        self._scripts.run_one(Call("park", keys, (tid, reason)))

    def unpark(self, limit: int) -> int:
        """Makes up to `limit` parked legs due; returns how many."""
        call = Call("unpark", (self._parked, self._due, self._clock), (limit,))
        return int(self._scripts.run_one(call))

    def pending(self, parked: bool, limit: int) -> pb.PendingReply:
        """The legs that wait, those first that have waited longest; or those that are parked."""
        keys = (self._parked if parked else self._due, self._clock)
        now, total, *tids = self._scripts.run_one(Call("pending", keys, (limit,)))
        return pb.PendingReply(legs=self.status(tids).legs, total=int(total), clock_ms=int(now))

    def retry(self, tids: Sequence[str]) -> pb.RetryReply:
        """Makes legs due now, parked or not; says of each whether there was anything to."""
        keys = (self._due, self._parked, self._clock)
        results = self._run([Call("retry", (self._leg(tid), *keys), (tid,)) for tid in tids])
        return pb.RetryReply(due=[result == 1 for result in results])

    def measure(self) -> Measures:
        """What is worth watching, at one instant. Writes nothing."""
        keys = (self._due, self._parked, self._totals, self._clock)
        call = Call("measure", keys, (self._leg(""), MEASURED_LEGS))
        due, parked, overdue, oldest_ms, *totals = self._scripts.run_one(call)
        known = Totals(*map(int, totals)) if totals[0] else None
        return Measures(int(due), int(parked), int(overdue), int(oldest_ms), known)

    def take_due(self, limit: int, lease_ms: int) -> tuple[int, int, list[DueLeg]]:
        """Takes legs that are due: (clock_ms, their new due_ms, the legs). What was due and has no
        leg any more is taken out, and logged."""
        keys = (self._due, self._reasons, self._clock)
        call = Call("due", keys, (limit, lease_ms, self._leg("")))
        now, due_ms, *rest = self._scripts.run_one(call)
        taken = list(zip(rest[::2], rest[1::2], strict=True))
        for tid, _ in [each for each in taken if not each[1]]:
            lost = "%s of %s was due, and its leg is gone: writes were lost"
            log.error(lost, tid, self.party, tid=tid, party=self.party)
        return int(now), int(due_ms), [DueLeg(tid, int(ms)) for tid, ms in taken if ms]

    def wake(self, limit: int) -> int:
        """Makes up to `limit` legs that wait for the order store due now; returns how many."""
        call = Call("wake", (self._waiting, self._due, self._clock), (limit,))
        return int(self._scripts.run_one(call))

    def waiting_for_orders(self) -> int:
        """How many legs wait for the order store to answer again."""
        return int(self._scripts.run_one(Call("waiting", (self._waiting,))))

    # --- keys ---

    def _leg(self, tid: str) -> str:
        return f"{self._prefix}leg:{tid}"

    def _account(self, account_id: str) -> str:
        return f"{self._prefix}account:{account_id}"

    def _run(self, calls: Sequence[Call]) -> list[Any]:
        return logged(self._scripts.run(calls), calls)


def _merged(lines: Iterable[pb.Line]) -> list[tuple[str, int]]:
    """One line for each account, in an order that is always the same."""
    amounts: dict[str, int] = {}
    for line in lines:
        amounts[line.account_id] = amounts.get(line.account_id, 0) + line.amount
    return sorted(amounts.items())


def _vote(result: list[str] | None) -> pb.Vote:
    return pb.Vote(answer=ANSWERS[result[0]], account_id=result[1]) if result else pb.Vote()


def _settled(result: list[str] | None) -> pb.Settled.ValueType:
    return SETTLED[result[0]] if result else pb.FAILED


def _leg(tid: str, result: list[Any] | None) -> pb.Leg:
    """The leg that status.lua describes; MALFORMED if its record can't be read."""
    if result is None:
        return pb.Leg(tid=tid, state=pb.Leg.MALFORMED)
    pairs, due_ms, parked, _ = result
    fields = dict(zip(pairs[::2], pairs[1::2], strict=True))
    leg = pb.Leg(tid=tid, due_ms=int(float(due_ms or 0)), parked=parked)
    if not fields:
        return leg
    try:
        leg.state = STATES[fields["state"]]
        for line in filter(None, fields["lines"].split(",")):
            account_id, amount, _ = line.split(":")
            leg.lines.add(account_id=account_id, amount=int(amount))
        leg.parties[:] = fields["parties"].split(",")
        leg.cause = fields.get("cause", "")
        for name in ("deadline_ms", "held_at_ms", "settled_at_ms", "tries", "next_try_ms"):
            setattr(leg, name, int(fields.get(name, 0)))
    except (KeyError, ValueError):
        log.exception("the record of leg %s can't be read", tid, tid=tid)
        leg.state = pb.Leg.MALFORMED
    return leg
