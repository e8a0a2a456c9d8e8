"""The proxy carries, resets, keeps back and delays, in both directions."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from loadtest.chaos.proxy import LATENCY_S, Mode, Proxies, Proxy

A_WHILE_S = 0.2
LIMIT_S = 20.0


class Line:
    """A proxy before a server that sends back what it gets."""

    def __init__(self) -> None:
        self.proxies = Proxies()
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        self.proxy: Proxy
        self.proxy, self._port = self.proxies.open("127.0.0.1", self._listener.getsockname()[1])

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    @staticmethod
    def _echo(connection: socket.socket) -> None:
        with connection:
            try:
                while piece := connection.recv(1024):
                    connection.sendall(piece)
            except OSError:
                pass

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=LIMIT_S)

    def set(self, mode: Mode) -> None:
        self.proxies.set_mode(self.proxy, mode)

    def close(self) -> None:
        self.proxies.close()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.close()


def said(connection: socket.socket, what: bytes) -> bytes:
    """What comes back; empty: the connection was ended."""
    try:
        connection.sendall(what)
        return connection.recv(1024)
    except ConnectionError:
        return b""


def test_it_carries(line: Line) -> None:
    with line.connect() as connection:
        assert said(connection, b"one") == b"one"
        assert said(connection, b"two") == b"two"


def test_a_cut_resets_what_is_open_and_whoever_comes(line: Line) -> None:
    with line.connect() as connection:
        assert said(connection, b"one") == b"one"
        line.set(Mode.CUT)
        assert said(connection, b"two") == b""
    with line.connect() as connection:
        assert said(connection, b"three") == b""
    # and afterwards it carries again
    line.set(Mode.PASS)
    with line.connect() as connection:
        assert said(connection, b"four") == b"four"


def test_a_blackhole_answers_nothing_and_delivers_late(line: Line) -> None:
    with line.connect() as connection, line.connect() as other:
        assert said(connection, b"one") == b"one"
        line.set(Mode.BLACKHOLE)
        connection.sendall(b"two")
        connection.settimeout(A_WHILE_S)
        with pytest.raises(TimeoutError):
            connection.recv(1024)
        # when it is over, then what was under way arrives
        line.set(Mode.PASS)
        connection.settimeout(LIMIT_S)
        assert connection.recv(1024) == b"two"
        assert said(other, b"three") == b"three"


def test_slow_takes_longer_in_both_directions(line: Line) -> None:
    with line.connect() as connection:
        line.set(Mode.SLOW)
        began_s = time.monotonic()
        assert said(connection, b"one") == b"one"
        assert time.monotonic() - began_s >= 2 * LATENCY_S


def test_whoever_asks_nobody_is_ended(line: Line) -> None:
    # given a proxy that leads to a port on which nobody listens
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    _, port = line.proxies.open("127.0.0.1", port)
    # when somebody comes
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
        # then it is as if nobody listened here
        assert said(connection, b"one") == b""


def test_the_end_of_one_side_is_the_end_of_the_other(line: Line) -> None:
    with line.connect() as connection:
        assert said(connection, b"one") == b"one"
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1024) == b""
