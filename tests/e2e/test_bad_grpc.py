"""Whatever arrives at a service's gRPC port: it lives on, changes nothing, and serves the next."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator

import grpc
import pytest
import redis

from proto import ledger_pb2 as pb
from proto import ledger_pb2_grpc, orders_pb2, orders_pb2_grpc
from recoup.bounds import COUNT_MAX, ITEMS_MOST, LINES_MAX, LOOK_AGAIN_MOST_MS, TEXT_MOST
from recoup.settings import AMOUNT_MAX
from tests.e2e.client import Shop
from tests.e2e.stack import Stack

SERVICES = ("orders", "stock", "payment")
LIMIT_S = 20
INT64_MAX = 2**63 - 1


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Shop]:
    with Shop(stack.url) as shop:
        yield shop


@pytest.fixture(scope="module")
def item(shop: Shop) -> str:
    return shop.new_item(price=1, stock=5)


@pytest.fixture(scope="module")
def order(shop: Shop, item: str) -> str:
    return shop.new_order(shop.new_user(5), (item, 1))


def books(stack: Stack, item: str, order: str) -> list[object]:
    """What any of this might have changed: what is held, the goods, and whatever is forged."""
    seen: list[object] = []
    for service in SERVICES:
        with redis.Redis.from_url(stack.settings.database_url(service)) as store:
            key = f"{{{service}}}:"
            seen += [store.zrange(key + name, 0, -1, withscores=True) for name in ("due", "parked")]
            seen += [store.hgetall(f"{key}account:{id}") for id in (item, "0")]
            seen += [store.hgetall(f"{key}order:{id}") for id in (order, "0")]
            seen.append(sorted(store.scan_iter("*forged*", count=10_000)))
    return seen


@pytest.fixture(autouse=True)
def unharmed(stack: Stack, shop: Shop, item: str, order: str) -> Iterator[None]:
    """The same processes serve afterwards, and nothing was written."""
    pids = [stack.supervisor.pid(service) for service in SERVICES]
    before = books(stack, item, order)
    yield
    assert books(stack, item, order) == before
    assert [stack.supervisor.pid(service) for service in SERVICES] == pids
    assert shop.item(item)["stock"] == 5
    assert shop.get("/readyz").json["all_ok"]


# --- what isn't gRPC -----------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "garbage",
    [
        random.Random(1).randbytes(100_000),
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + random.Random(2).randbytes(10_000),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
    ],
    ids=["random", "http/1", "http/2 and random", "giant frame"],
)
def test_what_is_no_grpc_harms_nobody(stack: Stack, service: str, garbage: bytes) -> None:
    host, port = stack.settings.address(service).split(":")
    with socket.create_connection((host, int(port)), timeout=LIMIT_S) as connection:
        try:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except OSError:
            pass  # the service has had enough of it, and ended the connection


@pytest.mark.parametrize("service", SERVICES)
def test_who_connects_and_says_nothing_keeps_nobody_from_being_served(
    stack: Stack, shop: Shop, service: str, item: str
) -> None:
    host, port = stack.settings.address(service).split(":")
    half_open = [socket.create_connection((host, int(port)), timeout=LIMIT_S) for _ in range(200)]
    for connection in half_open[::2]:
        connection.sendall(b"PRI * HTTP/2.0\r\n")
    assert shop.item(item)["stock"] == 5
    for connection in half_open:
        connection.close()


# --- what isn't a message, or of another method --------------------------------------------------


def call(stack: Stack, service: str, method: str, request: bytes) -> grpc.StatusCode:
    """The status with which a call ends that carries these bytes."""
    options = [("grpc.max_send_message_length", -1), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(stack.settings.address(service), options=options) as channel:
        try:
            channel.unary_unary(method)(request, timeout=LIMIT_S, wait_for_ready=True)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


METHODS = [
    *(
        (s, f"/recoup.ledger.v1.Ledger/{m.name}")
        for s in ("stock",)
        for m in pb.DESCRIPTOR.services_by_name["Ledger"].methods
    ),
    *(
        ("orders", f"/recoup.orders.v1.Orders/{m.name}")
        for m in orders_pb2.DESCRIPTOR.services_by_name["Orders"].methods
    ),
]
WRONG = {
    "random": random.Random(3).randbytes(1_000),
    "text": b"not a message at all",
    "another's": pb.Leg(tid="x" * 100, cause="y", parked="z", tries=-1).SerializeToString(),
    "cut off": pb.StatusRequest(tids=["forged.1"] * 9).SerializeToString()[:-1],
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize(("service", "method"), METHODS, ids=[m for _, m in METHODS])
def test_what_is_not_the_methods_message_is_refused(
    stack: Stack, service: str, method: str, what: str
) -> None:
    # of verdicts, a text that is no tid is that item's error alone; and as to ask for an overview
    # takes no field, any message does
    understood = method.endswith(("Verdicts", "Overview")) and what == "another's"
    assert (call(stack, service, method, WRONG[what]) == grpc.StatusCode.OK) == understood


@pytest.mark.parametrize(("service", "method"), METHODS[:1] + METHODS[-1:])
def test_a_giant_message_is_refused(stack: Stack, service: str, method: str) -> None:
    giant = pb.StatusRequest(tids=["x" * (20 * 2**20)]).SerializeToString()
    assert call(stack, service, method, giant) == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_method_that_there_is_not(stack: Stack) -> None:
    code = call(stack, "stock", "/recoup.ledger.v1.Ledger/Steal", b"")
    assert code == grpc.StatusCode.UNIMPLEMENTED


# --- what is a message, and absurd ---------------------------------------------------------------


def deduction(item: str, **fields: object) -> pb.ApplyRequest:
    """One that would succeed, but for these fields."""
    line = pb.Line(account_id=item, amount=1)
    usual = {"tid": "forged.1", "deadline_ms": 1, "lines": [line], "parties": ["stock", "payment"]}
    return pb.ApplyRequest(deductions=[pb.Deduction(**(usual | fields))])


def absurd_deductions(item: str) -> dict[str, pb.ApplyRequest]:
    def lines(*amounts: int) -> list[pb.Line]:
        return [pb.Line(account_id=item, amount=amount) for amount in amounts]

    return {
        "no tid": deduction(item, tid=""),
        "another name of a version": deduction(item, tid="forged.01"),
        "a version beyond all": deduction(item, tid="forged." + "9" * 16),
        "no version": deduction(item, tid="forged."),
        "other characters": deduction(item, tid="ö{stock}:\n.1"),
        "negative": deduction(item, lines=lines(-1)),
        "the most negative": deduction(item, lines=lines(-INT64_MAX - 1)),
        "too much": deduction(item, lines=lines(INT64_MAX)),
        "too much together": deduction(item, lines=lines(AMOUNT_MAX, AMOUNT_MAX)),
        "no lines": deduction(item, lines=[]),
        "too many lines": deduction(item, lines=lines(*[1] * (LINES_MAX + 1))),
        "a million lines": deduction(item, lines=lines(*[1] * 300_000)),
        "no parties": deduction(item, parties=[]),
        "others' parties": deduction(item, parties=["payment"]),
        "the same party twice": deduction(item, parties=["stock", "stock"]),
        "a party by another name": deduction(item, parties=["stock", "a,b"]),
        "a time before all": deduction(item, deadline_ms=-1),
        "a time after all": deduction(item, deadline_ms=INT64_MAX),
        "too many": pb.ApplyRequest(deductions=deduction(item).deductions[:] * (ITEMS_MOST + 1)),
    }


def test_an_absurd_deduction_is_refused(stack: Stack, item: str) -> None:
    for name, request in absurd_deductions(item).items():
        assert refused(stack, "Apply", request), name


def test_anything_else_absurd_is_refused(stack: Stack, item: str, order: str) -> None:
    tid = f"{order}.2"
    idempotency = pb.Idempotency(key="k" * 256)
    for method, request in (
        ("Apply", pb.ApplyRequest(settlements=[pb.Settlement(tid=tid, verdict=99)])),  # type: ignore[arg-type]
        ("Status", pb.StatusRequest(tids=[tid] * (ITEMS_MOST + 1))),
        ("Status", pb.StatusRequest(tids=[""])),
        ("Claim", pb.ClaimRequest(tid=tid, lease_ms=LOOK_AGAIN_MOST_MS + 1)),
        ("Claim", pb.ClaimRequest(tid=tid, backoff_ms=-1)),
        ("Claim", pb.ClaimRequest(tid=tid, due_ms=INT64_MAX)),
        ("Note", pb.NoteRequest(tid=tid, cause="x" * (TEXT_MOST + 1))),
        ("Park", pb.ParkRequest(tid=tid, reason="x" * (TEXT_MOST + 1))),
        ("Unpark", pb.UnparkRequest(limit=0)),
        ("Unpark", pb.UnparkRequest(limit=-1)),
        ("Unpark", pb.UnparkRequest(limit=INT64_MAX)),
        ("CreateAccounts", pb.CreateAccountsRequest(accounts=[pb.NewAccount()])),
        (
            "CreateAccounts",
            pb.CreateAccountsRequest(
                accounts=[pb.NewAccount(account_id="forged", idempotency=idempotency)]
            ),
        ),
        ("FindAccounts", pb.FindAccountsRequest(account_ids=[item] * (ITEMS_MOST + 1))),
        (
            "AdjustAccounts",
            pb.AdjustAccountsRequest(
                adjustments=[pb.Adjustment(account_id=item, amount=INT64_MAX)]
            ),
        ),
        ("InitAccounts", pb.InitAccountsRequest(count=0)),
        ("InitAccounts", pb.InitAccountsRequest(count=COUNT_MAX + 1)),
        ("InitAccounts", pb.InitAccountsRequest(count=INT64_MAX, amount=-1)),
    ):
        assert refused(stack, method, request), request


def refused(stack: Stack, method: str, request: object) -> bool:
    """Whether stock says that the request isn't of its form."""
    with grpc.insecure_channel(stack.settings.address("stock")) as channel:
        stub = ledger_pb2_grpc.LedgerStub(channel)
        with pytest.raises(grpc.RpcError) as raised:
            getattr(stub, method)(request, timeout=LIMIT_S, wait_for_ready=True)
    return bool(raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT)


def test_an_absurd_tid_has_no_verdict_and_keeps_no_other_from_it(stack: Stack, order: str) -> None:
    absurd = ["", "forged", *(f"forged.{v}" for v in ("", "-1", "01", "9" * 16, "1.1", "x"))]
    absurd += ["forged ö.1", "x" * 1_000_000]
    with grpc.insecure_channel(stack.settings.address("orders")) as channel:
        stub = orders_pb2_grpc.OrdersStub(channel)
        # when verdicts are asked for, among them one that there is
        request = orders_pb2.VerdictsRequest(tids=[*absurd, f"{order}.1"])
        *others, first = stub.Verdicts(request, timeout=LIMIT_S, wait_for_ready=True).decisions
        # then each absurd one is an error of its own
        assert all(decision.error for decision in others)
        assert (first.error, first.verdict) == ("", orders_pb2.ABORT)
        # and what can't be proposed is refused
        for proposals in (
            [orders_pb2.Proposal(tid="forged.1", verdict=orders_pb2.UNDECIDED)],
            [orders_pb2.Proposal(tid="forged.1", verdict=7)],  # type: ignore[arg-type]
            [orders_pb2.Proposal(tid="forged.1", verdict=orders_pb2.ABORT)] * (ITEMS_MOST + 1),
        ):
            with pytest.raises(grpc.RpcError) as raised:
                stub.Propose(orders_pb2.ProposeRequest(proposals=proposals), timeout=LIMIT_S)
            assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
