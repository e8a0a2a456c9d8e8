"""The gateway's server takes connections as fast as they come. When it stops, idle ones end, and
what has arrived is answered."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.pool import Pool
from gunicorn.config import Config
from gunicorn.glogging import Logger

from gateway.admission import Admission, TurnedAway
from gateway.worker import Worker
from recoup.settings import Settings

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
LIMIT_S = 20.0
CROWD = 50
WORK_S = 0.3
"""A request that takes a few looks of a stopping worker."""


class Told(Worker):  # type: ignore[misc]
    """A worker without a master."""

    def __init__(self, work: Callable[[], None]) -> None:
        config = Config()
        config.set("keepalive", 75)
        super().__init__(1, os.getpid(), [], None, 30, config, Logger(config))
        self.alive = True

        def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            work()
            start("200 OK", [("Content-Length", "4")])
            return [b"done"]

        self.wsgi = app


class Connection:
    """A client's connection to a worker, and the greenlet that serves it."""

    def __init__(self, worker: Worker) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        there, self._here = socket.socketpair()
        self._here.settimeout(LIMIT_S)
        self.served = gevent.spawn(worker.handle, self._listener, there, ("127.0.0.1", 1))
        gevent.sleep(0)  # until it waits for a request

    def send(self, what: bytes) -> None:
        self._here.sendall(what)

    def rest(self) -> bytes:
        """All that comes until the worker closes the connection."""
        pieces = []
        while piece := self._here.recv(4096):
            pieces.append(piece)
        self._here.close()
        self._listener.close()
        self.served.join(LIMIT_S)
        return b"".join(pieces)


@pytest.fixture(autouse=True)
def quiet() -> None:
    logging.getLogger("gunicorn.error").setLevel(logging.CRITICAL)


def test_an_idle_connection_is_closed() -> None:
    worker = Told(lambda: None)
    connection = Connection(worker)
    worker.handle_exit(15, None)
    assert connection.rest() == b""


def test_a_request_that_came_just_before_is_answered_to_its_end() -> None:
    # given a worker whose requests take a while, and an idle connection
    worker = Told(lambda: gevent.sleep(WORK_S))
    connection = Connection(worker)
    # when a request arrives at the same moment as the word to stop
    connection.send(REQUEST)
    worker.handle_exit(15, None)
    # then it is answered, and only then the connection is closed
    answer = connection.rest()
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"done")


def test_a_request_under_way_is_not_disturbed() -> None:
    worker = Told(lambda: gevent.sleep(WORK_S))
    connection = Connection(worker)
    connection.send(REQUEST)
    gevent.sleep(WORK_S / 3)
    worker.handle_exit(15, None)
    assert connection.rest().endswith(b"done")


def test_who_waits_for_a_turn_is_turned_away_when_it_stops() -> None:
    # given a worker whose app lets checkouts begin
    worker = Told(lambda: None)
    admission = Admission(Settings())
    worker.wsgi = SimpleNamespace(extensions={"admission": admission})
    assert admission.run(lambda: "served") == "served"
    # when it is told to stop, then no other one begins
    worker.handle_exit(15, None)
    gevent.sleep(0)
    assert isinstance(admission.run(lambda: "served"), TurnedAway)


def test_a_crowd_is_let_in_at_once() -> None:
    # given clients who wait in the kernel's queue, and a loop that has other things to do
    worker = object.__new__(Worker)
    inside: list[object] = []
    worker.handle = lambda listener, client, address: inside.append(client)  # type: ignore[method-assign]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(10 * CROWD)
        clients = [socket.create_connection(listener.getsockname()) for _ in range(CROWD)]
        # when the server begins, as gunicorn makes it begin
        server = worker.server_class(listener, application=None, spawn=Pool(1000), log=None)
        server.start()
        while not inside:
            gevent.sleep(0)
        # then it doesn't take one of them each time that the loop comes round
        let_in = len(inside)
        server.stop()
        for client in clients:
            client.close()
    assert let_in == CROWD
