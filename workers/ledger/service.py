"""The ledger over gRPC: checks what comes in, asks the engine, and says what failed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NoReturn, TypeVar

import grpc
import redis
from google.protobuf.message import Message

from proto import ledger_pb2 as pb
from proto import ledger_pb2_grpc, orders_pb2
from recoup import faults
from recoup.errors import Unanswered
from recoup.settings import AMOUNT_MAX
from workers.ledger.accounts import Accounts
from workers.ledger.engine import Ledger

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
TID = re.compile(r"[A-Za-z0-9_-]{1,64}\.[0-9]{1,16}")

PENDING_MOST = 1_000
"""Legs in one answer: what one script lists and one round trip describes in a few ms."""

Reply = TypeVar("Reply", bound=Message)


class LedgerService(ledger_pb2_grpc.LedgerServicer):
    """Serves one party's ledger. A request that isn't of the contract's form is refused whole."""

    def __init__(self, ledger: Ledger, accounts: Accounts) -> None:
        self.ledger = ledger
        self.accounts = accounts

    # gRPC fixes the names and the signatures of the methods.
    # ruff: noqa: N802

    def Apply(self, request: pb.ApplyRequest, context: grpc.ServicerContext) -> pb.ApplyReply:
        for deduction in request.deductions:
            _expect(context, TID, [deduction.tid])
            _expect(context, ID, [line.account_id for line in deduction.lines])
            _expect(context, ID, deduction.parties)
            if not deduction.lines:
                _refuse(context, f"{deduction.tid} deducts nothing")
            for line in deduction.lines:
                _expect_amount(context, line.amount)
        for settlement in request.settlements:
            _expect(context, TID, [settlement.tid])
            if settlement.verdict not in (orders_pb2.COMMIT, orders_pb2.ABORT):
                _refuse(context, f"{settlement.tid} can be settled by commit or abort only")
        return _answer(context, lambda: self._apply(request))

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
        _expect(context, TID, request.tids)
        return _answer(context, lambda: self.ledger.status(request.tids))

    def Claim(self, request: pb.ClaimRequest, context: grpc.ServicerContext) -> pb.ClaimReply:
        _expect(context, TID, [request.tid])
        return _answer(context, lambda: self.ledger.claim(request))

    def Note(self, request: pb.NoteRequest, context: grpc.ServicerContext) -> pb.Empty:
        _expect(context, TID, [request.tid])

        def note() -> pb.Empty:
            self.ledger.note(request.tid, request.cause, request.orders_unreachable)
            return pb.Empty()

        return _answer(context, note)

    def Park(self, request: pb.ParkRequest, context: grpc.ServicerContext) -> pb.Empty:
        _expect(context, TID, [request.tid])

        def park() -> pb.Empty:
            self.ledger.park(request.tid, request.reason)
            return pb.Empty()

        return _answer(context, park)

    def Unpark(self, request: pb.UnparkRequest, context: grpc.ServicerContext) -> pb.UnparkReply:
        return _answer(context, lambda: pb.UnparkReply(count=self.ledger.unpark(request.limit)))

    def Pending(self, request: pb.PendingRequest, context: grpc.ServicerContext) -> pb.PendingReply:
        if not 0 < request.limit <= PENDING_MOST:
            _refuse(context, f"{request.limit} is no limit: 1 to {PENDING_MOST}")
        return _answer(context, lambda: self.ledger.pending(request.parked, request.limit))

    def Retry(self, request: pb.RetryRequest, context: grpc.ServicerContext) -> pb.RetryReply:
        _expect(context, TID, request.tids)
        return _answer(context, lambda: self.ledger.retry(request.tids))

    def CreateAccounts(
        self, request: pb.CreateAccountsRequest, context: grpc.ServicerContext
    ) -> pb.AccountsReply:
        for new in request.accounts:
            _expect(context, ID, [new.account_id])
            _expect_amount(context, new.price)
        return _answer(context, lambda: self.accounts.create(request.accounts))

    def FindAccounts(
        self, request: pb.FindAccountsRequest, context: grpc.ServicerContext
    ) -> pb.AccountsReply:
        _expect(context, ID, request.account_ids)
        return _answer(context, lambda: self.accounts.find(request.account_ids))

    def AdjustAccounts(
        self, request: pb.AdjustAccountsRequest, context: grpc.ServicerContext
    ) -> pb.AccountsReply:
        for change in request.adjustments:
            _expect(context, ID, [change.account_id])
            _expect_amount(context, abs(change.amount))
        return _answer(context, lambda: self.accounts.adjust(request.adjustments))

    def InitAccounts(
        self, request: pb.InitAccountsRequest, context: grpc.ServicerContext
    ) -> pb.InitAccountsReply:
        for amount in (request.count, request.amount, request.price):
            _expect_amount(context, amount)
        return _answer(context, lambda: self.accounts.init(request))


def _answer(context: grpc.ServicerContext, work: Callable[[], Reply]) -> Reply:
    """What `work` returns; a database that doesn't answer is UNAVAILABLE, one that refuses a
    script (out of memory, read-only, disk full) FAILED_PRECONDITION."""
    try:
        return work()
    except Unanswered as error:
        context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
    except redis.exceptions.ResponseError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"the database refused: {error}")


def _refuse(context: grpc.ServicerContext, why: str) -> NoReturn:
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, why)


def _expect(context: grpc.ServicerContext, form: re.Pattern[str], names: Iterable[str]) -> None:
    for name in names:
        if not form.fullmatch(name):
            _refuse(context, f"{name!r} is not of the form {form.pattern}")


def _expect_amount(context: grpc.ServicerContext, amount: int) -> None:
    if not 0 <= amount <= AMOUNT_MAX:
        _refuse(context, f"{amount} is not an amount: 0 to {AMOUNT_MAX}")
