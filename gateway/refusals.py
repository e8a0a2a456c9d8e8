"""What the server itself refuses, before there is a request that the app could look at."""

from __future__ import annotations

import socket
from http import HTTPStatus

import gevent
from gunicorn.http import errors

from gateway.problems import BAD_REQUEST, INTERNAL_ERROR, REQUEST_TOO_LARGE, Problem

LINGER_S = 2.0
LINGER_BYTES = 16 * 1024 * 1024
"""How long, and how much, is still taken from a client that was answered while it was sending:
ending at once would make its system drop the answer before it is read."""


def refusal(error: BaseException) -> Problem:
    """The problem that a request is which could not be read; anything else is our mistake."""
    if isinstance(error, errors.LimitRequestLine | errors.LimitRequestHeaders):
        return Problem(REQUEST_TOO_LARGE, "Its first line, or its headers, are too long.")
    ours = errors.InvalidResponseHeader, errors.InvalidResponseHeaderName
    if isinstance(error, errors.ParseException) and not isinstance(error, ours):
        return Problem(BAD_REQUEST, "It isn't HTTP as the server speaks it.")
    return Problem(INTERNAL_ERROR)


def send(client: socket.socket, problem: Problem) -> None:
    """Answers with the problem, as the last thing on this connection."""
    answer = problem.response()
    body = answer.get_data()
    answer.headers["Connection"] = "close"
    status = problem.kind.status
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    client.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    linger(client)


def linger(client: socket.socket) -> None:
    """Says that the answer was the last, and takes what the client still sends, for a while."""
    client.shutdown(socket.SHUT_WR)
    left = LINGER_BYTES
    with gevent.Timeout(LINGER_S, False):
        while left > 0 and (chunk := client.recv(min(left, 65536))):
            left -= len(chunk)
