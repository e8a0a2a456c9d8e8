"""The ledger over gRPC: what isn't of the contract's form is refused whole, and says why."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock

import grpc
import pytest
import redis

from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.bounds import COUNT_MAX, ITEMS_MOST, LINES_MAX, LOOK_AGAIN_MOST_MS, TEXT_MOST
from recoup.errors import Unanswered
from recoup.settings import AMOUNT_MAX
from workers.ledger.service import INITS_MOST, LedgerService

LIMIT_S = 30
"""Of waiting for what comes at once: reached only when it never does."""

LINE = pb.Line(account_id="a", amount=1)
LONG = pb.Idempotency(key="k", fingerprint="x" * 256)


class Refused(Exception):
    """The service has ended the call with this status."""


def refuse(code: grpc.StatusCode, details: str) -> None:
    raise Refused(code, details)


@pytest.fixture
def service() -> LedgerService:
    """Over a ledger and accounts that must not be asked."""
    untouchable = Mock(**{"mock_calls.side_effect": AssertionError}, party="stock")
    return LedgerService(untouchable, untouchable)


def call(method: Callable[..., Any], request: object) -> tuple[grpc.StatusCode, str]:
    """The status with which the call ends."""
    with pytest.raises(Refused) as refused:
        method(request, Mock(**{"abort.side_effect": refuse}))
    code, details = refused.value.args
    return code, details


def deduction(
    tid: str = "o.1",
    lines: Sequence[pb.Line] = (LINE,),
    parties: tuple[str, ...] = ("stock",),
    deadline_ms: int = 0,
) -> pb.ApplyRequest:
    wrong = pb.Deduction(tid=tid, lines=lines, parties=parties, deadline_ms=deadline_ms)
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
        deduction(tid="o.01"),
        deduction(tid="o." + "9" * 16),
        deduction(lines=()),
        deduction(lines=(pb.Line(account_id="a:b", amount=1),)),
        deduction(lines=(pb.Line(account_id="", amount=1),)),
        deduction(lines=(pb.Line(account_id="a", amount=-1),)),
        deduction(lines=(pb.Line(account_id="a", amount=AMOUNT_MAX + 1),)),
        deduction(lines=[pb.Line(account_id="a", amount=AMOUNT_MAX)] * 2),
        deduction(lines=[LINE] * (LINES_MAX + 1)),
        deduction(parties=("stock,payment",)),
        deduction(parties=()),
        deduction(parties=("payment",)),
        deduction(parties=("stock", "stock")),
        deduction(deadline_ms=-1),
        deduction(deadline_ms=2**63 - 1),
        pb.ApplyRequest(deductions=deduction().deductions[:1] * (ITEMS_MOST + 1)),
        settlement("o.1", orders_pb2.UNDECIDED),
        settlement("o", orders_pb2.COMMIT),
    ],
    ids=lambda request: str(request)[:60],
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
        ("Status", pb.StatusRequest(tids=["o.1"] * (ITEMS_MOST + 1))),
        ("Claim", pb.ClaimRequest(tid="o")),
        ("Claim", pb.ClaimRequest(tid="o.1", due_ms=-1)),
        ("Claim", pb.ClaimRequest(tid="o.1", backoff_ms=LOOK_AGAIN_MOST_MS + 1)),
        ("Claim", pb.ClaimRequest(tid="o.1", lease_ms=-1)),
        ("Claim", pb.ClaimRequest(tid="o.1", lease_ms=2**63 - 1)),
        ("Note", pb.NoteRequest(tid="o")),
        ("Note", pb.NoteRequest(tid="o.1", cause="x" * (TEXT_MOST + 1))),
        ("Park", pb.ParkRequest(tid="o")),
        ("Park", pb.ParkRequest(tid="o.1", reason="x" * (TEXT_MOST + 1))),
        ("Unpark", pb.UnparkRequest(limit=0)),
        ("Unpark", pb.UnparkRequest(limit=-1)),
        ("Unpark", pb.UnparkRequest(limit=ITEMS_MOST + 1)),
        ("Pending", pb.PendingRequest(limit=0)),
        ("Pending", pb.PendingRequest(limit=1_001)),
        ("Pending", pb.PendingRequest(limit=1, order_id="o.1")),
        ("Pending", pb.PendingRequest(limit=1, account_id="a:b")),
        ("Pending", pb.PendingRequest(limit=1, held_for_ms=-1)),
        ("Pending", pb.PendingRequest(limit=1, cause="x" * (TEXT_MOST + 1))),
        ("Retry", pb.RetryRequest(tids=["o.1", "o"])),
        ("FindAccounts", pb.FindAccountsRequest(account_ids=["a b"])),
        ("FindAccounts", pb.FindAccountsRequest(account_ids=["a"] * (ITEMS_MOST + 1))),
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
        (
            "AdjustAccounts",
            pb.AdjustAccountsRequest(adjustments=[pb.Adjustment(account_id="a", idempotency=LONG)]),
        ),
        ("InitAccounts", pb.InitAccountsRequest(count=-1)),
        ("InitAccounts", pb.InitAccountsRequest(count=0)),
        ("InitAccounts", pb.InitAccountsRequest(count=COUNT_MAX + 1)),
        ("InitAccounts", pb.InitAccountsRequest(count=1, price=-1)),
        ("InitAccounts", pb.InitAccountsRequest(count=1, idempotency=LONG)),
        ("InitAccounts", pb.InitAccountsRequest(count=1, amount=AMOUNT_MAX + 1)),
    ],
    ids=lambda request: str(request)[:60],
)
def test_nor_is_anything_else_done(service: LedgerService, name: str, request_: object) -> None:
    code, _ = call(getattr(service, name), request_)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert service.ledger.method_calls == []  # type: ignore[attr-defined]
    assert service.accounts.method_calls == []  # type: ignore[attr-defined]


def test_the_largest_that_there_is_is_served(service: LedgerService) -> None:
    # given the most of everything that is allowed
    lines = [pb.Line(account_id=str(n), amount=AMOUNT_MAX) for n in range(LINES_MAX)]
    largest = deduction("x" * 64 + "." + "9" * 15, lines, ("stock", "payment"), AMOUNT_MAX)
    # when it comes, then nobody refuses it
    context = Mock(**{"abort.side_effect": refuse})
    service.Apply(largest, context)
    service.Claim(pb.ClaimRequest(tid="o.1", lease_ms=LOOK_AGAIN_MOST_MS), context)
    service.ledger.apply.assert_called_once_with(largest)  # type: ignore[attr-defined]


def test_whoever_writes_accounts_anew_leaves_room_for_checkouts(service: LedgerService) -> None:
    # given as many who write accounts anew as may at once
    request = pb.InitAccountsRequest(count=1)
    writing, done = threading.Barrier(INITS_MOST + 1), threading.Event()

    def write(_: pb.InitAccountsRequest) -> pb.InitAccountsReply:
        writing.wait(LIMIT_S)
        done.wait(LIMIT_S)
        return pb.InitAccountsReply()

    service.accounts.init.side_effect = write  # type: ignore[attr-defined]
    with ThreadPoolExecutor(INITS_MOST) as pool:
        others = [pool.submit(service.InitAccounts, request, Mock()) for _ in range(INITS_MOST)]
        writing.wait(LIMIT_S)
        # when one more comes, then it is refused, and waits for nobody
        assert call(service.InitAccounts, request)[0] == grpc.StatusCode.RESOURCE_EXHAUSTED
        done.set()
        for other in others:
            other.result()
    # and when they are done, it may
    service.accounts.init.side_effect = None  # type: ignore[attr-defined]
    service.InitAccounts(request, Mock(**{"abort.side_effect": refuse}))


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
