"""gunicorn's gevent worker, but that it doesn't wait for idle connections when it stops.

A client that keeps its connection open has nothing under way. Waiting for it would make each stop
last as long as the limit for real work, and then end that work too.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

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

    def timeout_ctx(self) -> gevent.Timeout:
        """Around the wait for a connection's next request."""
        connection = self._connections[gevent.getcurrent()]
        return _UntilNextRequest(self.cfg.keepalive, connection, self._idle)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Told to stop: ends what is under way, and closes what is idle."""
        super().handle_exit(sig, frame)
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
