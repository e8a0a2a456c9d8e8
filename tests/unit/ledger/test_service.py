"""The ledger over gRPC: what isn't of the contract's form is refused whole, and says why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import grpc
import pytest
import redis

from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.errors import Unanswered
from recoup.settings import AMOUNT_MAX
from workers.ledger.service import LedgerService

LINE = pb.Line(account_id="a", amount=1)


class Refused(Exception):
    """The service has ended the call with this status."""


def refuse(code: grpc.StatusCode, details: str) -> None:
    raise Refused(code, details)


@pytest.fixture
def service() -> LedgerService:
    """Over a ledger and accounts that must not be asked."""
    untouchable = Mock(**{"mock_calls.side_effect": AssertionError})
    return LedgerService(untouchable, untouchable)


def call(method: Callable[..., Any], request: object) -> tuple[grpc.StatusCode, str]:
    """The status with which the call ends."""
    with pytest.raises(Refused) as refused:
        method(request, Mock(**{"abort.side_effect": refuse}))
    code, details = refused.value.args
    return code, details


def deduction(
    tid: str = "o.1", lines: tuple[pb.Line, ...] = (LINE,), parties: tuple[str, ...] = ("stock",)
) -> pb.ApplyRequest:
    wrong = pb.Deduction(tid=tid, lines=lines, parties=parties)
    right = pb.Deduction(tid="o.1", lines=[LINE], parties=["stock"])
    return pb.ApplyRequest(deductions=[right, wrong])


def settlement(tid: str, verdict: orders_pb2.Verdict.ValueType) -> pb.ApplyRequest:
    return pb.ApplyRequest(settlements=[pb.Settlement(tid=tid, verdict=verdict)])


@pytest.mark.parametrize(
    "request_",
    [
        deduction(tid="o"),
        deduction(tid="o."),
        deduction(tid="o.x"),
        deduction(tid="o{}.1"),
        deduction(tid="o" * 65 + ".1"),
        deduction(lines=()),
        deduction(lines=(pb.Line(account_id="a:b", amount=1),)),
        deduction(lines=(pb.Line(account_id="", amount=1),)),
        deduction(lines=(pb.Line(account_id="a", amount=-1),)),
        deduction(lines=(pb.Line(account_id="a", amount=AMOUNT_MAX + 1),)),
        deduction(parties=("stock,payment",)),
        settlement("o.1", orders_pb2.UNDECIDED),
        settlement("o", orders_pb2.COMMIT),
    ],
    ids=str,
)
def test_what_is_not_of_its_form_is_not_applied(
    service: LedgerService, request_: pb.ApplyRequest
) -> None:
    code, _ = call(service.Apply, request_)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    service.ledger.apply.assert_not_called()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("Status", pb.StatusRequest(tids=["o.1", "o"])),
        ("Claim", pb.ClaimRequest(tid="o")),
        ("Note", pb.NoteRequest(tid="o")),
        ("Park", pb.ParkRequest(tid="o")),
        ("Pending", pb.PendingRequest(limit=0)),
        ("Pending", pb.PendingRequest(limit=1_001)),
        ("Retry", pb.RetryRequest(tids=["o.1", "o"])),
        ("FindAccounts", pb.FindAccountsRequest(account_ids=["a b"])),
        ("CreateAccounts", pb.CreateAccountsRequest(accounts=[pb.NewAccount(account_id="")])),
        (
            "CreateAccounts",
            pb.CreateAccountsRequest(accounts=[pb.NewAccount(account_id="a", price=-1)]),
        ),
        (
            "AdjustAccounts",
            pb.AdjustAccountsRequest(
                adjustments=[pb.Adjustment(account_id="a", amount=-AMOUNT_MAX - 1)]
            ),
        ),
        ("InitAccounts", pb.InitAccountsRequest(count=-1)),
        ("InitAccounts", pb.InitAccountsRequest(count=1, amount=AMOUNT_MAX + 1)),
    ],
    ids=str,
)
def test_nor_is_anything_else_done(service: LedgerService, name: str, request_: object) -> None:
    code, _ = call(getattr(service, name), request_)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert service.ledger.method_calls == []  # type: ignore[attr-defined]
    assert service.accounts.method_calls == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unanswered("no database"), grpc.StatusCode.UNAVAILABLE),
        (redis.exceptions.ResponseError("OOM"), grpc.StatusCode.FAILED_PRECONDITION),
    ],
)
def test_a_database_that_does_not_answer_or_refuses(
    service: LedgerService, error: Exception, code: grpc.StatusCode
) -> None:
    service.ledger.apply.side_effect = error  # type: ignore[attr-defined]
    assert call(service.Apply, pb.ApplyRequest()) == (
        code,
        str(error) if code == grpc.StatusCode.UNAVAILABLE else f"the database refused: {error}",
    )
