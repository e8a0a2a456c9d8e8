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
    leg:<tid>     hash   state, digest, lines ("id:amount:generation,…"), parties, deadline_ms, …;
                         recent_tries ("at_ms cause" a line each; absent: none)
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
from recoup.scripts import Call, Scripts, is_durable
from recoup.settings import Settings
from workers.ledger import answers
from workers.ledger.accounts import LUA, key_prefix, logged
from workers.ledger.counts import Counts
from workers.ledger.measures import MEASURED_LEGS, Measures, measures
from workers.ledger.waiting import LOOK_STEP, LOOKED_LEGS, causes, fits, waiting

log = logs.logger(__name__)

VERDICTS = {orders_pb2.COMMIT: "commit", orders_pb2.ABORT: "abort"}

DEADLINES_AHEAD = 2
"""A deadline further ahead than this many deadlines can only come from a clock that is off."""


@dataclass(frozen=True, slots=True)
class DueLeg:
    """A leg that a sweep has taken."""

    tid: str
    expected_ms: int
    """When it was to be tried: at its deadline, or at the time that its last try has named."""


class Ledger:
    """One party's legs."""

    def __init__(self, client: redis.Redis, party: str, settings: Settings) -> None:
        self.party = party
        self.settings = settings
        self._counts = Counts(party)
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
        self._counts.settled(request, settled)
        reply = pb.ApplyReply(votes=map(answers.vote, held), settled=map(answers.settled, settled))
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
        reply = pb.StatusReply(legs=map(answers.leg, tids, results))
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
        keys = (self._leg(tid), self._waiting, self._clock)
        if self._scripts.run_one(Call("note", keys, arguments)):
            self._counts.waits()

    def park(self, tid: str, reason: str) -> None:
        """Puts a leg aside, with its reason."""
        keys = (self._leg(tid), self._due, self._parked, self._reasons, self._waiting, self._clock)
        if self._scripts.run_one(Call("park", keys, (tid, reason))):
            self._counts.parked()

    def unpark(self, limit: int) -> int:
        """Makes up to `limit` parked legs due; returns how many."""
        keys = (self._parked, self._due, self._reasons, self._clock)
        return int(self._scripts.run_one(Call("unpark", keys, (limit, self._leg("")))))

    def pending(self, asked: pb.PendingRequest) -> pb.PendingReply:
        """The legs that wait, or are parked, and fit; and why they wait. Writes nothing.

        It looks at the LOOKED_LEGS that have stood in the index for longest, in steps, so not all
        at one instant. Of those that fit it tells the causes, and of the longest held all there is.
        """
        index = self._parked if asked.parked else self._due
        call = Call("pending", (index, self._clock), (LOOKED_LEGS,))
        now, total, tids = self._scripts.run_one(call)
        clock_ms = int(now)
        reply = pb.PendingReply(total=int(total), clock_ms=clock_ms)
        fitting = []
        for first in range(0, len(tids), LOOK_STEP):
            arguments = (self._leg(""), *tids[first : first + LOOK_STEP])
            rows = self._scripts.run_one(Call("look", (index, self._reasons), arguments))
            reply.looked_at += len(rows)
            fitting += [leg for leg in map(waiting, rows) if fits(leg, asked, clock_ms)]
        fitting.sort(key=lambda leg: leg.held_at_ms)
        reply.matched = len(fitting)
        reply.causes.extend(causes(fitting, clock_ms))
        legs = self.status([leg.tid for leg in fitting[: asked.limit]]).legs
        reply.legs.extend(leg for leg in legs if leg.due_ms or leg.parked)  # not settled meanwhile
        return reply

    def retry(self, tids: Sequence[str]) -> pb.RetryReply:
        """Makes legs due now, parked or not; says of each whether there was anything to."""
        keys = (self._due, self._parked, self._reasons, self._clock)
        results = self._run([Call("retry", (self._leg(tid), *keys), (tid,)) for tid in tids])
        return pb.RetryReply(due=[result == 1 for result in results])

    def measure(self) -> Measures:
        """What is worth watching, at one instant. Writes nothing."""
        keys = (self._due, self._parked, self._reasons, self._totals, self._clock)
        call = Call("measure", keys, (self._leg(""), MEASURED_LEGS))
        return measures(self._scripts.run_one(call))

    def is_durable(self) -> bool:
        """Whether its database keeps what it acknowledges, as far as its settings tell."""
        return is_durable(self._scripts.client)

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
