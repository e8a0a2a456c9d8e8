"""The gateway's server: idle and slow connections come to an end, and keep nobody waiting."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator

import pytest

from recoup.processes import ROOT
from tests.integration.conftest import free_port

PATIENCE_S = 60
"""A limit for what should take a moment: reached only when it never comes."""

IDLE_S = 1
"""How long a connection may be without a whole request, here."""


def app(environ: dict[str, object], start: Callable[..., object]) -> Iterable[bytes]:
    """An app that says hello."""
    start("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


def ask(connection: socket.socket) -> bytes:
    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    answer = b""
    while not answer.endswith(b"hello"):
        answer += connection.recv(4096)
    return answer


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of a server with one worker process."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--worker-class", "gateway.worker.Worker"]
    command += ["--bind", f"127.0.0.1:{port}", "--keep-alive", str(IDLE_S), "--no-control-socket"]
    server = subprocess.Popen([*command, f"{__name__}:app"], cwd=ROOT)
    end_s = time.monotonic() + PATIENCE_S
    while True:
        with contextlib.suppress(OSError), connected(port):
            break
        assert server.poll() is None
        assert time.monotonic() < end_s
        time.sleep(0.05)
    yield port
    server.terminate()
    assert server.wait(PATIENCE_S) == 0


def test_who_says_nothing_is_sent_away(port: int) -> None:
    with connected(port) as silent:
        assert silent.recv(1) == b""


def test_who_says_it_a_byte_at_a_time_is_sent_away_too(port: int) -> None:
    with connected(port) as slow, contextlib.suppress(ConnectionResetError, BrokenPipeError):
        # given a client whose bytes come far more often than the limit
        slow.settimeout(IDLE_S / 20)
        for byte in b"GET / HTTP/1.1\r\nX: " + b"x" * 8000:
            slow.sendall(bytes([byte]))
            with contextlib.suppress(TimeoutError):
                # then it is sent away all the same, without an answer
                assert slow.recv(1) == b""
                return
        pytest.fail("it was let go on for ever")


def test_who_asks_in_time_may_ask_again(port: int) -> None:
    with connected(port) as connection:
        for _ in range(3):
            assert ask(connection).startswith(b"HTTP/1.1 200 OK")
            time.sleep(IDLE_S / 4)


def test_who_is_slow_keeps_nobody_waiting(port: int) -> None:
    with contextlib.ExitStack() as slow:
        for _ in range(300):
            slow.enter_context(connected(port)).sendall(b"GET / HT")
        with connected(port) as connection:
            assert ask(connection)
