"""The generator sends each request once, counts every answer, and tells what had none."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from loadtest.bench.answers import percentiles_ms, status_of
from loadtest.bench.generator import Generator, Job, Tally

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}"
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
LAST = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"

Answer = Callable[[str, socket.socket], bool]
"""Answers a path on a connection; whether the connection goes on."""


class Server(socketserver.ThreadingTCPServer):
    """Answers as a test wants, and notes what it was asked."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answer: Answer) -> None:
        self.asked: Counter[str] = Counter()
        self.answer = answer
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Handler(socketserver.StreamRequestHandler):
    """One connection."""

    server: Server

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while first := self.rfile.readline():
                while self.rfile.readline().strip():
                    pass
                path = first.split()[1].decode()
                self.server.asked[path] += 1
                if not self.server.answer(path, self.connection):
                    return


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    with Server(answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def sends(data: bytes) -> Answer:
    def answer(_: str, connection: socket.socket) -> bool:
        connection.sendall(data)
        return b"close" not in data

    return answer


def run(job: Job) -> Tally:
    with contextlib.closing(Generator(job)) as generator:
        generator.open()
        return generator.run()


def job(server: Server, **changes: object) -> Job:
    given: dict[str, object] = {
        "port": server.port,
        "path": "/checkout/{}",
        "connections": 4,
        "seconds": 20.0,  # longer than there is something to send
        "first": 100,
        "count": 50,
    }
    return Job(**(given | changes))  # type: ignore[arg-type]


def test_each_request_is_sent_once_and_answered() -> None:
    with serving(sends(OK)) as server:
        tally = run(job(server))
    assert server.asked == Counter({f"/checkout/{number}": 1 for number in range(100, 150)})
    assert tally.sent == 50
    assert tally.answers == {"200": 50}
    assert not any(tally.failed.values())
    assert set(tally.took_ms) == {"p50", "p99", "p99.9", "most"}
    assert tally.window_s > 0
    assert tally.cpu_us > 0


def test_when_the_time_is_over_nothing_new_is_sent_and_what_is_under_way_ends() -> None:
    # given a server that answers each connection's first request, and the second much later
    over = threading.Event()
    late = threading.Timer(2.0, over.set)

    def answer(path: str, connection: socket.socket) -> bool:
        if int(path.rpartition("/")[2]) > 103:
            over.wait()
        connection.sendall(OK)
        return True

    # when it is asked for a shorter time
    with serving(answer) as server:
        late.start()
        tally = run(job(server, seconds=0.5))
    # then all that was sent has its answer, only some of it in time, and nothing came after it
    assert tally.answers == {"200": tally.sent}
    assert tally.sent == sum(server.asked.values()) <= 8
    assert 0 < tally.in_time["200"] < tally.sent


def test_statuses_are_told_apart_and_only_final_answers_timed() -> None:
    answers = iter([OK, REFUSED, UNAVAILABLE] * 10)
    with serving(lambda _, connection: not connection.sendall(next(answers))) as server:
        tally = run(job(server, connections=1, count=30))
    assert tally.answers == {"200": 10, "400": 10, "503": 10}
    with serving(sends(UNAVAILABLE)) as server:
        assert run(job(server)).took_ms == {}


def test_a_request_is_repeated_where_there_is_no_number() -> None:
    with serving(sends(OK)) as server:
        tally = run(job(server, path="/healthz", method="GET", count=0, seconds=0.2))
    assert set(server.asked) == {"/healthz"}
    assert tally.answers["200"] == tally.sent > 4


def test_an_answer_in_pieces_is_one() -> None:
    def answer(_: str, connection: socket.socket) -> bool:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(OK), 20):
            connection.sendall(OK[at : at + 20])
        return True

    with serving(answer) as server:
        assert run(job(server)).answers == {"200": 50}


def test_a_reset_is_counted_and_its_request_not_repeated() -> None:
    # given a server that resets the connection of one request
    def answer(path: str, connection: socket.socket) -> bool:
        if path == "/checkout/110":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
            return False
        connection.sendall(OK)
        return True

    with serving(answer) as server:
        tally = run(job(server))
    # then the others go on, over another connection
    assert tally.failed == {"refused": 0, "reset": 1, "timed out": 0}
    assert tally.answers == {"200": 49}
    assert set(server.asked.values()) == {1}


def test_a_connection_that_the_server_ends_after_its_answer_is_no_failure() -> None:
    with serving(sends(LAST)) as server:
        tally = run(job(server))
    assert tally.answers == {"200": 50}
    assert not any(tally.failed.values())


def test_nobody_there_is_counted_as_refused() -> None:
    with serving(sends(OK)) as server:
        gone = job(server)
    tally = run(gone)
    assert tally.failed == {"refused": 4, "reset": 0, "timed out": 0}
    assert tally.sent == 0


def test_an_answer_that_never_comes_is_counted_as_timed_out() -> None:
    with serving(lambda *_: True) as server:
        tally = run(job(server, seconds=0.1, limit_s=0.3))
    assert tally.failed == {"refused": 0, "reset": 0, "timed out": 4}


@pytest.mark.parametrize("length", range(len(OK)))
def test_a_part_of_an_answer_has_no_status_yet(length: int) -> None:
    assert status_of(OK[:length]) == 0


def test_a_whole_answer_has_its_status() -> None:
    assert status_of(OK) == 200
    assert status_of(UNAVAILABLE) == 503


def test_an_answer_without_a_length_is_none_of_ours() -> None:
    with pytest.raises(ValueError, match="length"):
        status_of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")


def test_percentiles() -> None:
    assert percentiles_ms([]) == {}
    found = percentiles_ms([each * 1000 for each in range(1000, 0, -1)])
    assert found == {"p50": 501, "p99": 991, "p99.9": 1000, "most": 1000}
