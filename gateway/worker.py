"""gunicorn's gevent worker, but for what thousands of clients at once need, and some bad ones.

It takes new connections faster. It doesn't wait for idle ones when it stops: a client that keeps
its connection open has nothing under way, and waiting for it would make each stop last as long as
the limit for real work, and then end that work too.
"""

from __future__ import annotations

import contextlib
import functools
import socket
from typing import Any

import gevent
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.workers.ggevent import GeventWorker

from gateway.refusals import linger, refusal, send

ACCEPT_MOST = 64
"""Connections taken at a time. With gunicorn's one, thousands that come at once wait for seconds
in the kernel's queue, beside the few that are served; in here each is served, or turned away at
once. Far fewer than that queue holds, so that the other workers get their share."""

SHOWN = 200
"""Characters of what could not be read that the log repeats."""

LOOK_S = 0.1
"""How often a stopping worker closes the connections that have become idle."""


class _UntilNextRequest(gevent.Timeout):  # type: ignore[misc]
    """Limits how long a connection may be idle, and notes which ones are."""

    def __init__(self, seconds: float, connection: socket.socket, idle: set[socket.socket]) -> None:
        super().__init__(seconds, False)
        self._connection, self._idle = connection, idle

    def __enter__(self) -> gevent.Timeout:
        self._idle.add(self._connection)
        return super().__enter__()

    def __exit__(self, *error: Any) -> Any:
        self._idle.discard(self._connection)
        return super().__exit__(*error)


class Worker(GeventWorker):  # type: ignore[misc]
    """Ends when its requests have, whatever connections are still open."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections: dict[gevent.Greenlet, socket.socket] = {}
        self._idle: set[socket.socket] = set()

    def handle(self, listener: Any, client: socket.socket, addr: Any) -> None:
        """Serves one connection until it ends."""
        self._connections[gevent.getcurrent()] = client
        try:
            super().handle(listener, client, addr)
        finally:
            del self._connections[gevent.getcurrent()]

    def server_class(self, listener: Any, *, spawn: Pool, **given: Any) -> StreamServer:
        """What takes connections from the listener, which all workers share. (gunicorn's hook)"""
        handle = functools.partial(self.handle, listener)
        tls = {name: given[name] for name in given if name == "ssl_context"}
        server = StreamServer(listener, handle=handle, spawn=spawn, **tls)
        server.max_accept = ACCEPT_MOST
        return server

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Serves one request. (gunicorn's hook)"""
        try:
            return super().handle_request(listener_name, req, sock, addr)
        except StopIteration:  # it was the last on this connection
            if getattr(req.body.reader, "length", 1):  # of its body something is unread
                with contextlib.suppress(OSError):
                    linger(sock)
            raise

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answers what could not be read, as every error is answered. (gunicorn's hook)"""
        problem = refusal(exc)
        if problem.kind.status < 500:
            self.log.warning("refused a request of %s: %s", addr, str(exc)[:SHOWN])
        else:
            self.log.error("a request ended by a mistake", exc_info=exc)
        with contextlib.suppress(OSError):  # the client has gone
            send(client, problem)

    def timeout_ctx(self) -> gevent.Timeout:
        """Around the wait for a connection's next request."""
        connection = self._connections[gevent.getcurrent()]
        return _UntilNextRequest(self.cfg.keepalive, connection, self._idle)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Told to stop: ends what is at work, turns away who waits for a turn, and closes what is
        idle."""
        super().handle_exit(sig, frame)
        extensions = getattr(getattr(self, "wsgi", None), "extensions", {})
        if "admission" in extensions:
            gevent.spawn(extensions["admission"].close)
        gevent.spawn(self._close_idle)

    def _close_idle(self) -> None:
        while True:
            for connection in list(self._idle):
                # Nothing is read any more but what has arrived: a request that came just now is
                # answered. Interrupting whoever waits for it would be too late at times: in the
                # middle of it. (So does shutdown of his own object; a second one is for that.)
                with contextlib.suppress(OSError), connection.dup() as same:
                    same.shutdown(socket.SHUT_RD)
            gevent.sleep(LOOK_S)
