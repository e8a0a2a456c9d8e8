"""Whatever arrives at the gateway's port: an answer that is true, nobody dies, nothing changes."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from gateway.contract import CALLS
from tests.e2e.client import Shop, Stack
from tests.e2e.stack import Stack as RunningStack

LIMIT_S = 60
"""Of waiting for an answer: reached only when none comes."""

SLOW = 2_000
"""Clients that say next to nothing, at once."""

OTHER_FILES = 512


@dataclass(frozen=True)
class Raw:
    """What came back, byte by byte; status 0: the connection was closed without an answer."""

    status: int
    head: str
    body: bytes

    def is_problem(self) -> bool:
        """Whether it is a problem document that fits its status."""
        if "application/problem+json" not in self.head:
            return False
        return not self.body or json.loads(self.body)["status"] == self.status


def send(stack: Stack, *parts: bytes) -> Raw:
    """Sends bytes, and reads until the server ends the connection, or the answer is complete."""
    with connected(stack) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for part in parts:
                connection.sendall(part)
        return read(connection)


def connected(stack: Stack) -> socket.socket:
    parts = urlsplit(stack.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=LIMIT_S)


def read(connection: socket.socket) -> Raw:
    answer = b""
    with contextlib.suppress(ConnectionResetError):  # it has not read all that was sent
        while chunk := connection.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    text = head.decode("latin-1")
    return Raw(int(text.split()[1]) if text else 0, text.lower(), body)


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: shop", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


@dataclass(frozen=True)
class Goods:
    """What must not be changed by anything here."""

    item: str
    user: str
    order: str


@pytest.fixture(scope="module")
def shop(stack: RunningStack) -> Iterator[Shop]:
    with Shop(stack.url) as shop:
        yield shop


@pytest.fixture(scope="module")
def goods(shop: Shop) -> Goods:
    item, user = shop.new_item(price=2, stock=5), shop.new_user(credit=5)
    return Goods(item, user, shop.new_order(user, (item, 1)))


@pytest.fixture(autouse=True)
def unharmed(stack: RunningStack, shop: Shop, goods: Goods) -> Iterator[None]:
    """The same processes serve afterwards, and the goods are as they were."""

    def look() -> list[object]:
        things = [shop.item(goods.item), shop.user(goods.user), shop.order(goods.order)]
        return [*things, sorted(worker.pid for worker in stack.gateway_workers())]

    before = look()
    yield
    assert look() == before


# --- what isn't a request ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02\xff\xfe\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"get /healthz HTTP/1.1\r\nHost: shop\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: shop\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost shop\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /payment/create_user HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /payment/create_user HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST /payment/create_user HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
        b"Content-Length: 2\r\n\r\nab",
        b"POST /payment/create_user HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /payment/create_user HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\n\r\n",
    ],
    ids=lambda garbage: garbage[:40].decode("latin-1").encode("unicode_escape").decode(),
)
def test_what_is_no_request_is_refused(stack: Stack, garbage: bytes) -> None:
    answer = send(stack, garbage)
    assert answer.status == 400
    assert answer.is_problem()


def test_who_speaks_another_protocol_gets_no_answer(stack: Stack) -> None:
    with connected(stack) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500)  # TLS
        connection.shutdown(socket.SHUT_WR)
        assert read(connection).status == 0


@pytest.mark.parametrize(
    "giant",
    [
        request("GET", "/orders/find/" + "x" * 100_000),
        request("GET", "/healthz", "X-Giant: " + "x" * 1_000_000),
        request("GET", "/healthz", *(f"X-{n}: 1" for n in range(50_000))),
    ],
    ids=["path", "header", "headers"],
)
def test_a_giant_is_too_large(stack: Stack, giant: bytes) -> None:
    answer = send(stack, giant)
    assert answer.status == 413
    assert answer.is_problem()


def test_a_long_path_is_only_long(stack: Stack) -> None:
    answer = send(stack, request("GET", "/orders/find/" + "x" * 3_000))
    assert (answer.status, answer.is_problem()) == (400, True)


# --- bodies --------------------------------------------------------------------------------------

KEY = "Idempotency-Key: {}"
CHUNKED = "Transfer-Encoding: chunked"


def pay(goods: Goods, key: str, *headers: str, body: bytes = b"") -> bytes:
    """A payment that is refused in any case, so that it changes nothing."""
    keys = [KEY.format(key)] if key else []
    return request("POST", f"/payment/pay/{goods.user}/999", *keys, *headers, body=body)


@pytest.mark.parametrize("key", ["", "a-key"], ids=["no key", "key"])
def test_a_chunked_body_is_a_body(stack: Stack, goods: Goods, key: str) -> None:
    answer = send(stack, pay(goods, key, CHUNKED, body=b"2\r\nhi\r\n0\r\n\r\n"))
    assert (answer.status, answer.is_problem()) == (400, True)
    assert b"not-enough-credit" in answer.body


def test_with_a_key_its_chunks_count(stack: Stack, goods: Goods) -> None:
    for body, status in ((b"1\r\na\r\n0\r\n\r\n", 400), (b"1\r\nb\r\n0\r\n\r\n", 422)):
        assert send(stack, pay(goods, "chunks", CHUNKED, body=body)).status == status


@pytest.mark.parametrize(
    "body",
    [b"zz\r\nhi\r\n0\r\n\r\n", b"2\r\nhi0\r\n\r\n", b"-1\r\nhi\r\n", b"ffffffffffffffffff\r\nhi"],
)
def test_a_chunk_that_is_none_is_refused(stack: Stack, goods: Goods, body: bytes) -> None:
    with connected(stack) as connection:
        connection.sendall(pay(goods, "broken", CHUNKED, body=body))
        connection.shutdown(socket.SHUT_WR)
        answer = read(connection)
    assert (answer.status, answer.is_problem()) == (400, True)


@pytest.mark.parametrize("key", ["", "giant"], ids=["no key", "key"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_giant_body_is_ignored_or_too_large(
    stack: Stack, goods: Goods, key: str, chunked: bool
) -> None:
    size = 1_000_000
    body = b"x" * size
    if chunked:
        head, body = CHUNKED, f"{size:x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    else:
        head = f"Content-Length: {size}"
    answer = send(stack, pay(goods, key, head), body)
    # and whether or not it is read, the client, which sends it all, can read the answer
    assert answer.status == (413 if key else 400)
    assert answer.is_problem()


def test_a_client_that_waits_for_leave_to_send_gets_it(stack: Stack, goods: Goods) -> None:
    with connected(stack) as connection:
        connection.sendall(pay(goods, "leave", "Content-Length: 2", "Expect: 100-continue"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"hi")
        assert read(connection).status == 400


@pytest.mark.parametrize(
    "half",
    [
        b"GET /orders/fi",
        b"POST /payment/create_user HTTP/1.1\r\nHost: a\r\nIdempot",
        b"POST /payment/create_user HTTP/1.1\r\nHost: a\r\nIdempotency-Key: hung-up\r\n"
        b"Content-Length: 100\r\n\r\nhalf",
        b"POST /payment/create_user HTTP/1.1\r\nHost: a\r\nIdempotency-Key: hung-up-2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n64\r\nhalf",
    ],
    ids=["in the path", "in a header", "in the body", "in a chunk"],
)
def test_who_hangs_up_in_the_middle_has_asked_for_nothing(stack: Stack, half: bytes) -> None:
    with connected(stack) as connection:
        connection.sendall(half)
        connection.shutdown(socket.SHUT_WR)
        assert read(connection).status in (0, 400)


def test_who_does_not_wait_for_the_answer_harms_nobody(stack: Stack, goods: Goods) -> None:
    for _ in range(50):
        with connected(stack) as connection:
            connection.sendall(pay(goods, ""))


# --- methods and paths ---------------------------------------------------------------------------

KNOWN = {(call.method.upper(), call.path) for call in CALLS}
METHODS = ("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
OTHERS = sorted({(method, path) for _, path in KNOWN for method in METHODS} - KNOWN)


@pytest.mark.parametrize(("method", "path"), OTHERS)
def test_other_methods_are_answered_properly(stack: Stack, method: str, path: str) -> None:
    answer = send(stack, request(method, path.replace("{", "").replace("}", "")))
    if method == "OPTIONS":
        assert (answer.status, "allow:" in answer.head) == (200, True)
    elif method == "HEAD" and ("GET", path) in KNOWN:
        assert answer.status in (200, 400, 404)
        assert answer.body == b""
    else:
        assert answer.status == 405
        assert answer.is_problem()
        assert "allow:" in answer.head


@pytest.mark.parametrize(
    "path",
    [
        "/payment/create_user/",
        "/payment//create_user",
        "/payment/./create_user",
        "/orders/../payment/create_user",
        "/payment/create_user%00",
        "/payment/create_user%2F",
        "/orders/create/%C3%A9",
        "/orders/create/%FF%FE",
        "/orders/create/%",
        "/orders/create/%zz",
        "/orders/create/a%2Fb",
        "/orders/create/",
        "/stock/item/create/%31%30%30%30%30%30%30%30%30%30%30%30%30%30%30%30%30",
        "http://elsewhere/nothing",
        "*",
    ],
)
def test_a_path_that_is_not_the_contracts_is_a_4xx(stack: Stack, path: str) -> None:
    answer = send(stack, request("POST", path))
    assert answer.status in (400, 404)
    assert answer.is_problem()


def test_an_encoded_path_is_the_path(stack: Stack, goods: Goods) -> None:
    encoded = "".join(f"%{ord(character):02x}" for character in goods.item)
    assert send(stack, request("GET", f"/stock/%66ind/{encoded}")).status == 200


# --- slow clients --------------------------------------------------------------------------------


def test_thousands_who_say_nothing_keep_nobody_from_being_served(
    stack: Stack, shop: Shop, goods: Goods
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = SLOW if hard == resource.RLIM_INFINITY else min(SLOW, hard - OTHER_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most + OTHER_FILES), hard))
    with contextlib.ExitStack() as slow:
        # given very many clients who say nothing, and as many who say it a byte at a time
        silent = [slow.enter_context(connected(stack)) for _ in range(most // 2)]
        trickling = [slow.enter_context(connected(stack)) for _ in range(most // 2)]
        for byte in pay(goods, "slow", "Content-Length: 9")[:3]:
            for connection in trickling:
                connection.sendall(bytes([byte]))
            # when others come, then they are served
            assert shop.item(goods.item)["stock"] == 5
            paid = shop.new_order(shop.new_user(3), (shop.new_item(3, 1), 1))
            assert shop.check_out(paid).status == 200
        assert silent
