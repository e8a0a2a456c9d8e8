"""The checkout: read the order, deduct from all parties, decide, give back or hand over, answer.

The rules are in `docs/protocol.md`. Whatever line is the last one executed here, the parties'
due indexes know what is held, and the order store alone decides what becomes of it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import TypeVar

import gevent

from gateway import metrics, votes
from gateway.admission import Admission
from gateway.answers import Answer, Away, Cancelled, Changed, Empty, NotFound, Paid, Refused, Undone
from gateway.batching import Pending
from gateway.handover import Handover
from gateway.orders.records import Decision, Order, Proposal
from gateway.orders.store import OrderStore
from gateway.parties import OVER, Party
from gateway.roles import lines
from proto import ledger_pb2 as pb
from recoup import faults, logs, reasons, tracing
from recoup.errors import NotSent, RecoupError, Unanswered
from recoup.settings import Settings

log = logs.logger(__name__)

LAST_MOMENT_S = 0.05
"""An answer that a call got at the very end of its time still has to arrive here."""

BACKOFF_FIRST_S = 0.02
BACKOFF_MOST_S = 0.5
"""Between tries for what others hold: as long as a checkout takes, up to what is still a blink."""


class Checkout:
    """Checks orders out."""

    def __init__(
        self, orders: OrderStore, parties: Sequence[Party], hand_over: Handover, settings: Settings
    ) -> None:
        """`parties` in the order in which they are asked when it must be one after the other."""
        self._orders = orders
        self._parties = parties
        self._hand_over = hand_over
        self._settings = settings
        self.admission = Admission(settings)

    def run(self, order_id: str) -> Answer:
        """Pays the order, or says why not. Raises Unanswered when the order store is away: then
        the outcome is unknown, and asking again is safe."""
        return self.admission.run(lambda: self._run(order_id))

    def _run(self, order_id: str) -> Answer:
        order = self._orders.read(order_id)
        faults.point("gateway.after_read")
        if order is None:
            return NotFound()
        if order.paid_at is not None:
            return Paid(order_id, order.tid, order.total_cost, already=True)
        if order.cancelled:
            return Cancelled()
        if not order.lines:
            return Empty()
        for party in self._parties:
            if party.away:
                return Away(party.name)
        return self._try(order)

    @tracing.tries
    def _try(self, order: Order) -> Answer:
        """One try under the version that was read; more under the next ones, while what is
        missing may come back."""
        version, clock_ms = order.version, order.clock_ms
        end_s = time.monotonic() + self._settings.retry_budget_ms / 1000
        for tries in range(self._settings.retry_tries):
            tid = f"{order.order_id}.{version}"
            cast = self._deduct(order, tid, clock_ms, one_by_one=tries > 0)
            faults.point("gateway.after_votes")
            pause_s = random.uniform(0, min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2**tries))
            again = votes.may_come_back(cast) and time.monotonic() + pause_s < end_s
            again = again and tries + 1 < self._settings.retry_tries
            decision = self._decide(tid, cast, again)
            faults.point("gateway.after_verdict")
            if decision.verdict == "commit":
                self._hand_over.put_paid((party.name for party in self._parties), tid)
                return Paid(order.order_id, tid, order.total_cost, already=False)
            tell_of_silence(tid, cast, decision)
            self._give_back(tid, cast)
            faults.point("gateway.after_give_back")
            unchanged = decision.paid_at is None and decision.content == order.content
            if not (again and unchanged and decision.version == version + 1):
                break
            metrics.CHECKOUT_RETRIES.inc()
            gevent.sleep(pause_s)
            # The decision's clock is the older by the pause, so the deadline is the nearer.
            version, clock_ms = decision.version, decision.clock_ms + int(pause_s * 1000)
        closed = bool(votes.refusal(cast)) and not again
        return self._after_abort(order, tid, cast, decision, closed)

    @tracing.one("deduct", lambda self, order, tid, *_, **__: tid)
    def _deduct(
        self, order: Order, tid: str, clock_ms: int, one_by_one: bool
    ) -> dict[str, pb.Vote | None]:
        """Each party's vote. Everyone at once; or one by one, and no further than the first who
        doesn't say yes, so that two checkouts can't each hold what the other lacks."""
        deadline_ms = clock_ms + self._settings.deadline_ms
        end_s = time.monotonic() + self._settings.deadline_ms / 1000
        names = [party.name for party in self._parties]
        cast: dict[str, pb.Vote | None] = {}
        under_way = []
        for party in self._parties:
            deduction = pb.Deduction(
                tid=tid, deadline_ms=deadline_ms, lines=lines(order, party.name), parties=names
            )
            try:
                pending = party.deduct(deduction, end_s)
            except NotSent:
                cast[party.name] = pb.Vote(answer=pb.Vote.NO_ANSWER)
                break
            if not one_by_one:
                under_way.append((party.name, pending))
                continue
            cast[party.name] = vote = answer_by(pending, end_s)
            if vote is None or vote.answer != pb.Vote.YES:
                break
        return cast | {name: answer_by(pending, end_s) for name, pending in under_way}

    @tracing.one("decide", lambda self, tid, *_: tid)
    def _decide(self, tid: str, cast: votes.Votes, again: bool) -> Decision:
        """The verdict on this try. Raises Unanswered when the order store stays away; then the
        workers are told to find out."""
        proposal: Proposal = "abort"
        if votes.all_yes(cast):
            proposal = "commit"
        elif votes.refusal(cast) and not again:
            proposal = "close"  # the answer will be "not paid", so nobody else may go on
        try:
            decision = self._propose(tid, proposal, votes.why(cast))
        except (Unanswered, NotSent) as error:
            log.error("gives up, and leaves it to the workers: %s", error, tid=tid)
            self._hand_over.put((party.name for party in self._parties), tid)
            raise
        metrics.VERDICTS[decision.verdict].inc()
        return decision

    def _propose(self, tid: str, proposal: Proposal, why: str) -> Decision:
        """Proposes until the order store answers, for as long as a deadline: the first proposal
        wins, so that this may be done twice."""
        end_s = time.monotonic() + self._settings.deadline_ms / 1000
        while True:
            try:
                return self._orders.propose(tid, proposal, reasons.GATEWAY, why)
            except Unanswered:
                if time.monotonic() > end_s:
                    raise
                gevent.sleep(BACKOFF_MOST_S)

    @tracing.one("give back", lambda self, tid, *_: tid)
    def _give_back(self, tid: str, cast: votes.Votes) -> None:
        """Has each party that may hold a leg return it; who doesn't confirm it in time is left to
        the workers."""
        began_s = time.monotonic()
        end_s = began_s + self._settings.give_back_limit_ms / 1000
        under_way = []
        for party in self._parties:
            if party.name not in cast or not votes.may_hold(cast[party.name]):
                continue
            try:
                under_way.append((party.name, party.give_back(tid, end_s)))
            except NotSent:
                self._leave_to_workers(party.name, tid)
        for name, pending in under_way:
            settled = answer_by(pending, end_s)
            if settled is None or settled not in OVER:
                self._leave_to_workers(name, tid)
        if under_way:
            metrics.HOP_DURATION_S["give_back"].observe(time.monotonic() - began_s)

    def _leave_to_workers(self, party: str, tid: str) -> None:
        """They go on with what could not be given back at once."""
        log.warning(
            "%s did not give back in time: left to its workers", party, tid=tid, party=party
        )
        self._hand_over.put([party], tid)

    def _after_abort(
        self, order: Order, tid: str, cast: votes.Votes, decision: Decision, closed: bool
    ) -> Answer:
        """What to answer when no further try follows the abort."""
        refused = votes.refusal(cast)
        changed = decision.content != order.content
        # A cancelled order has no other checkouts that could go on.
        if (refused or changed) and not (closed or decision.cancelled):
            # Others may be checking out the same order. "Not paid" has to stay true of them.
            why = reasons.CART_CHANGED if changed else votes.why(cast)
            decision = self._propose(tid, "close", why)
        if decision.cancelled:
            return Cancelled()
        if decision.paid_at is not None:
            return self._paid_meanwhile(order.order_id)
        if changed:
            return Changed()
        if refused:
            party, vote = refused
            return Refused(party, vote)
        log.warning("checkout undone: answered 503", tid=tid)
        return Undone(votes.clock_is_off(cast))

    def _paid_meanwhile(self, order_id: str) -> Answer:
        order = self._orders.read(order_id)
        if order is None or order.paid_at is None:  # written anew since
            return Changed()
        return Paid(order_id, order.tid, order.total_cost, already=True)


def tell_of_silence(tid: str, cast: votes.Votes, decision: Decision) -> None:
    """Logs who has given no vote that a customer could have caused: why a try was in vain."""
    for party, vote in cast.items():
        if vote is None:
            silent = "%s did not answer in time"
            log.warning(silent, party, tid=tid, party=party, verdict=decision.verdict)
        elif vote.answer not in (*votes.REFUSALS, pb.Vote.YES):
            said = pb.Vote.Answer.Name(vote.answer).lower()
            log.warning("%s says %s", party, said, tid=tid, party=party, verdict=decision.verdict)


T = TypeVar("T")


def answer_by(pending: Pending[T], end_s: float) -> T | None:
    """What arrives until `end_s`; None if nothing does."""
    try:
        return pending.get(max(0.0, end_s - time.monotonic()) + LAST_MOMENT_S)
    except RecoupError:
        return None
