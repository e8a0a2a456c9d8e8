"""What the server itself refuses is a problem document too, and can still be read."""

from __future__ import annotations

import json
import socket

import gevent
import pytest
from gunicorn.http import errors

from gateway import refusals
from gateway.problems import MIMETYPE
from gateway.refusals import refusal, send


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidRequestLine("x"), 400),
        (errors.InvalidHeader("x"), 400),
        (errors.InvalidChunkSize(b"x"), 400),
        (errors.ExpectationFailed("x"), 400),
        (errors.UnsupportedTransferCoding("x"), 400),
        (errors.LimitRequestLine(1, 2), 413),
        (errors.LimitRequestHeaders("x"), 413),
        (errors.InvalidResponseHeader("x"), 500),
        (ZeroDivisionError(), 500),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_what_can_not_be_read_is_the_clients_and_the_rest_is_ours(
    error: Exception, status: int
) -> None:
    assert refusal(error).kind.status == status


def test_it_is_the_last_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a client that is still sending
    monkeypatch.setattr(refusals, "LINGER_S", 0.01)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x" * 1000)
        # when it is refused
        with gevent.Timeout(10):
            theirs.shutdown(socket.SHUT_WR)
            send(ours, refusal(errors.InvalidHeader("x")))
        # then what it had sent was taken, and it is told all, and that this is all
        answer = b""
        while chunk := theirs.recv(4096):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert f"Content-Type: {MIMETYPE}".encode() in head
    assert b"Connection: close" in head
    assert json.loads(body)["status"] == 400
