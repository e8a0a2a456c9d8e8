"""The ledger over gRPC: checks what comes in, asks the engine, and says what failed."""

from __future__ import annotations

import threading
from collections.abc import Callable

import grpc

from proto import ledger_pb2 as pb
from proto import ledger_pb2_grpc
from recoup import faults, logs
from recoup.answering import answer
from recoup.server import THREADS
from workers.ledger import forms
from workers.ledger.accounts import Accounts
from workers.ledger.engine import Ledger

log = logs.logger(__name__)

INITS_MOST = THREADS // 2
"""At once: each takes a thread for seconds, and checkouts need the others."""


def never() -> None:
    """There is no sweep beside this service."""


class LedgerService(ledger_pb2_grpc.LedgerServicer):
    """Serves one party's ledger. A request that isn't of its form (`forms.py`) is refused whole."""

    def __init__(
        self, ledger: Ledger, accounts: Accounts, swept_ago_ms: Callable[[], int | None] = never
    ) -> None:
        """`swept_ago_ms`: for how long the sweep of this process hasn't ended well."""
        self.ledger = ledger
        self.accounts = accounts
        self._swept_ago_ms = swept_ago_ms
        self._inits = threading.BoundedSemaphore(INITS_MOST)

    # gRPC fixes the names and the signatures of the methods.
    # ruff: noqa: N802

    def Apply(self, request: pb.ApplyRequest, context: grpc.ServicerContext) -> pb.ApplyReply:
        def apply() -> pb.ApplyReply:
            forms.check_apply(request, self.ledger.party)
            return self._apply(request)

        return answer(context, apply)

    def _apply(self, request: pb.ApplyRequest) -> pb.ApplyReply:
        if request.deductions:
            faults.point("party.before_deduct")
        if request.settlements:
            faults.point("party.before_settle")
        reply = self.ledger.apply(request)
        if request.deductions:
            faults.point("party.after_deduct")
        if request.settlements:
            faults.point("party.after_settle")
        return reply

    def Status(self, request: pb.StatusRequest, context: grpc.ServicerContext) -> pb.StatusReply:
        def status() -> pb.StatusReply:
            forms.check_tids(request.tids)
            return self.ledger.status(request.tids)

        return answer(context, status)

    def Claim(self, request: pb.ClaimRequest, context: grpc.ServicerContext) -> pb.ClaimReply:
        def claim() -> pb.ClaimReply:
            forms.check_claim(request)
            reply = self.ledger.claim(request)
            if reply.claimed:
                self._tell("is tried by a worker", request.tid)
            return reply

        return answer(context, claim)

    def Note(self, request: pb.NoteRequest, context: grpc.ServicerContext) -> pb.Empty:
        def note() -> pb.Empty:
            forms.check_text(request.tid, request.cause)
            self.ledger.note(request.tid, request.cause, request.orders_unreachable)
            self._tell("not settled yet", request.tid, cause=request.cause)
            return pb.Empty()

        return answer(context, note)

    def Park(self, request: pb.ParkRequest, context: grpc.ServicerContext) -> pb.Empty:
        def park() -> pb.Empty:
            forms.check_text(request.tid, request.reason)
            self.ledger.park(request.tid, request.reason)
            self._tell("parked", request.tid, cause=request.reason)
            return pb.Empty()

        return answer(context, park)

    def Unpark(self, request: pb.UnparkRequest, context: grpc.ServicerContext) -> pb.UnparkReply:
        def unpark() -> pb.UnparkReply:
            forms.check_limit(request.limit)
            return pb.UnparkReply(count=self.ledger.unpark(request.limit))

        return answer(context, unpark)

    def Pending(self, request: pb.PendingRequest, context: grpc.ServicerContext) -> pb.PendingReply:
        def pending() -> pb.PendingReply:
            forms.check_pending(request)
            return self.ledger.pending(request)

        return answer(context, pending)

    def Retry(self, request: pb.RetryRequest, context: grpc.ServicerContext) -> pb.RetryReply:
        def retry() -> pb.RetryReply:
            forms.check_tids(request.tids)
            return self.ledger.retry(request.tids)

        return answer(context, retry)

    def _tell(self, event: str, tid: str, cause: str = "") -> None:
        """Logs what becomes of a leg that resists. Of the many others there is no line."""
        log.info(event, tid=tid, party=self.ledger.party, cause=cause)

    def Overview(
        self, request: pb.OverviewRequest, context: grpc.ServicerContext
    ) -> pb.OverviewReply:
        return answer(context, self._overview)

    def _overview(self) -> pb.OverviewReply:
        ago_ms, now = self._swept_ago_ms(), self.ledger.measure()
        reply = pb.OverviewReply(
            legs_due=now.legs_due,
            legs_parked=now.legs_parked,
            legs_overdue=now.legs_overdue,
            oldest_overdue_ms=now.oldest_overdue_ms,
            totals_known=now.totals is not None,
            swept_at_ms=0 if ago_ms is None else now.clock_ms - ago_ms,
            durable=self.ledger.is_durable(),
            clock_ms=now.clock_ms,
        )
        if now.totals:
            reply.put_in, reply.available = now.totals.put_in, now.totals.available
            reply.held, reply.used = now.totals.held, now.totals.used
        return reply

    def CreateAccounts(
        self, request: pb.CreateAccountsRequest, context: grpc.ServicerContext
    ) -> pb.AccountsReply:
        def create() -> pb.AccountsReply:
            forms.check_creations(request)
            return self.accounts.create(request.accounts)

        return answer(context, create)

    def FindAccounts(
        self, request: pb.FindAccountsRequest, context: grpc.ServicerContext
    ) -> pb.AccountsReply:
        def find() -> pb.AccountsReply:
            forms.check_finds(request)
            return self.accounts.find(request.account_ids)

        return answer(context, find)

    def AdjustAccounts(
        self, request: pb.AdjustAccountsRequest, context: grpc.ServicerContext
    ) -> pb.AccountsReply:
        def adjust() -> pb.AccountsReply:
            forms.check_adjustments(request)
            return self.accounts.adjust(request.adjustments)

        return answer(context, adjust)

    def InitAccounts(
        self, request: pb.InitAccountsRequest, context: grpc.ServicerContext
    ) -> pb.InitAccountsReply:
        def init() -> pb.InitAccountsReply:
            forms.check_init(request)
            if not self._inits.acquire(blocking=False):
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "others write accounts anew")
            try:
                return self.accounts.init(request)
            finally:
                self._inits.release()

        return answer(context, init)
