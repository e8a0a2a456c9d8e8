"""The gateway's server takes connections as fast as they come."""

from __future__ import annotations

import gevent
from gevent import socket
from gevent.pool import Pool

from gateway.worker import Worker

CROWD = 50


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
