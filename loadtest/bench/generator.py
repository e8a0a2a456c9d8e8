"""The load: a process that keeps many connections busy, and costs little beside what it measures.

    python -m loadtest.bench.generator '{"port": 8000, "path": "/orders/checkout/{}", …}'

One thread, one epoll, plain sockets; each connection sends its next request when it has its
answer. Connections are opened before the clock starts. When the time is over, or there are no more
requests, what is under way ends. Prints one line of JSON.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import json
import os
import select
import socket
import sys
import time
from array import array
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from loadtest.bench.answers import counted, percentiles_ms, status_of
from recoup.preflight import raise_file_limit

CONNECT_LIMIT_S = 10.0

OPENED_AT_ONCE, PAUSE_S = 100, 0.01
"""As fast as a busy server takes them: the kernel's queue for it holds a few thousand."""

ACCEPTED_S = 0.2
"""After the last connection is open, until the server has really taken it."""

LONGEST_ANSWER = 65_536
NO_ANSWER = ("refused", "reset", "timed out")


@dataclass(frozen=True, slots=True)
class Job:
    """What to send. With `count`, `{}` in the path is replaced by the numbers from `first` on, each
    once; with none the same request is repeated."""

    port: int
    path: str
    connections: int
    seconds: float
    first: int = 0
    count: int = 0
    method: str = "POST"
    host: str = "127.0.0.1"
    limit_s: float = 30.0
    """How long an answer may take that is still waited for at the end."""

    def requests(self) -> Iterator[bytes]:
        """What is sent, in order."""
        head, _, tail = self.path.partition("{}")
        tail += f" HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
        tail += "Content-Length: 0\r\n\r\n" if self.method == "POST" else "\r\n"
        if not self.count:
            return itertools.repeat(f"{self.method} {head}{tail}".encode())
        numbers = range(self.first, self.first + self.count)
        return iter([f"{self.method} {head}{number}{tail}".encode() for number in numbers])


@dataclass(slots=True)
class Tally:
    """What came of it. Times of the clock are monotonic ones, which all processes here share."""

    sent: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    """By status, all that there were."""
    in_time: dict[str, int] = field(default_factory=dict)
    """By status, those that came within the `window_s`, while new requests were sent."""
    window_s: float = 0.0
    last_answer_at_s: float = 0.0
    failed: dict[str, int] = field(default_factory=dict)
    """Connections, by what happened to them."""
    took_ms: dict[str, float] = field(default_factory=dict)
    """Percentiles of the final answers: no 5xx, which is quick and promises nothing."""
    cpu_us: float = 0.0
    """Its own, for each request."""
    busy: float = 0.0
    """The part of its window in which it had a core: close to 1 it is the bottleneck."""


class Generator:
    """The connections, and what they wait for."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._requests = job.requests()
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._began_s: dict[int, float] = {}
        """By connection that waits for an answer, since when."""
        self._parts: dict[int, bytes] = {}
        """By connection, the beginning of an answer."""
        self._statuses, self._took_us = array("H"), array("L")
        self._tally = Tally(failed=dict.fromkeys(NO_ANSWER, 0))
        self._sends = True

    def open(self) -> None:
        """Opens all connections, gradually."""
        for number in range(self._job.connections):
            self._connect()
            if number % OPENED_AT_ONCE == OPENED_AT_ONCE - 1:
                time.sleep(PAUSE_S)
        time.sleep(ACCEPTED_S + self._job.connections / OPENED_AT_ONCE * PAUSE_S)

    def run(self) -> Tally:
        """Sends, until the time is over or nothing is left to send, and waits for the answers."""
        gc.collect()
        gc.disable()
        cpu_s, began_s = time.process_time(), time.monotonic()
        end_s = began_s + self._job.seconds
        for number in list(self._sockets):
            self._send(number)
        while self._began_s:
            now_s = time.monotonic()
            if not self._tally.window_s and (now_s >= end_s or not self._sends):
                self._close_window(began_s, cpu_s)
                end_s = now_s + self._job.limit_s
            elif now_s >= end_s:
                self._tally.failed["timed out"] += len(self._began_s)
                break
            for number, _ in self._epoll.poll(max(0.001, end_s - now_s)):
                self._read(number)
        if not self._tally.window_s:
            self._close_window(began_s, cpu_s)
        gc.enable()
        self._tally.cpu_us = (time.process_time() - cpu_s) / (self._tally.sent or 1) * 1e6
        return self._count()

    def _close_window(self, began_s: float, cpu_s: float) -> None:
        """From now on nothing new is sent."""
        self._sends = False
        self._tally.window_s = time.monotonic() - began_s
        self._tally.busy = (time.process_time() - cpu_s) / self._tally.window_s
        self._tally.in_time = counted(self._statuses)

    def _send(self, number: int) -> None:
        request = next(self._requests, None)
        if request is None:
            self._sends = False
            return
        self._began_s[number] = time.monotonic()
        with contextlib.suppress(OSError):  # the next read says why
            os.write(number, request)
        self._tally.sent += 1

    def _read(self, number: int) -> None:
        try:
            data = os.read(number, LONGEST_ANSWER)
        except OSError:
            data = b""
        if not data:
            self._lost(number)
            return
        if number in self._parts:
            data = self._parts.pop(number) + data
        status = status_of(data)
        if not status:
            self._parts[number] = data
            return
        self._tally.last_answer_at_s = now_s = time.monotonic()
        self._statuses.append(status)
        self._took_us.append(int((now_s - self._began_s.pop(number)) * 1e6))
        if b"\r\nConnection: close" in data:
            number = self._connect_again(number)
        if self._sends and number:
            self._send(number)

    def _lost(self, number: int) -> None:
        """The other side has ended a connection; what it was asked has no answer."""
        self._parts.pop(number, None)
        if self._began_s.pop(number, None) is not None:
            self._tally.failed["reset"] += 1
        number = self._connect_again(number)
        if self._sends and number:
            self._send(number)

    def _connect_again(self, number: int) -> int:
        """Another connection in place of one that has ended; 0 if there is none to be had."""
        self._epoll.unregister(number)
        self._sockets.pop(number).close()
        return self._connect() if self._sends else 0

    def _connect(self) -> int:
        address = (self._job.host, self._job.port)
        try:
            connection = socket.create_connection(address, timeout=CONNECT_LIMIT_S)
        except TimeoutError:
            self._tally.failed["timed out"] += 1
        except OSError:
            self._tally.failed["refused"] += 1
        else:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number = connection.fileno()
            self._sockets[number] = connection
            self._epoll.register(number, select.EPOLLIN)
            return number
        return 0

    def _count(self) -> Tally:
        pairs = zip(self._statuses, self._took_us, strict=True)
        self._tally.answers = counted(self._statuses)
        self._tally.took_ms = percentiles_ms([us for status, us in pairs if status < 500])
        return self._tally

    def close(self) -> None:
        """Closes what is open."""
        for connection in self._sockets.values():
            connection.close()
        self._epoll.close()


def main() -> int:
    """Does the job on the command line."""
    raise_file_limit()
    with contextlib.closing(Generator(Job(**json.loads(sys.argv[1])))) as generator:
        generator.open()
        print(json.dumps(asdict(generator.run())), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
