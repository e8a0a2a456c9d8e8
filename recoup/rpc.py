"""gRPC as Recoup uses it: channels that recover, a limit on every call, one kind of "no answer".

A channel is opened once and kept for life. In a process that gevent has patched,
`grpc.experimental.gevent.init_gevent()` must have run before, and channels are opened after the
process has forked.
"""

from __future__ import annotations

import time
from typing import Protocol, TypeVar

import grpc

from recoup import tracing
from recoup.errors import NO_DATABASE, RecoupError, Unanswered

CHANNEL_OPTIONS = [
    ("grpc.enable_http_proxy", 0),  # a proxy in the environment is not for our own services
    ("grpc.lb_policy_name", "round_robin"),
    # A server that was restarted is found again within a fraction of a checkout's deadline.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 500),
    # Notices a peer that vanished without closing its connection.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
]

SERVER_OPTIONS = [
    ("grpc.so_reuseport", 0),  # a second server on the same port must fail, not share it
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
]

PAUSE_S = 0.05
"""Between two attempts at a call that failed at once. The channel has a backoff of its own."""

NO_ANSWER = {
    grpc.StatusCode.UNAVAILABLE: "connection lost",
    grpc.StatusCode.DEADLINE_EXCEEDED: "no answer in time",
    grpc.StatusCode.CANCELLED: "it stops",
    grpc.StatusCode.UNKNOWN: "it fails",
    grpc.StatusCode.INTERNAL: "connection lost",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "it is too busy",
    grpc.StatusCode.FAILED_PRECONDITION: "its database refuses",
}
"""The statuses after which nobody knows whether a call was carried out, and why, in a few words.
(Who isn't there at all gives no answer in time: calls wait for a server that is restarting.)"""

DATABASE_AWAY = "its database doesn't answer"

Request = TypeVar("Request", contravariant=True)
Reply = TypeVar("Reply", covariant=True)


class Method(Protocol[Request, Reply]):
    """A method of a generated stub."""

    def __call__(
        self, request: Request, *, timeout: float | None, wait_for_ready: bool | None
    ) -> Reply: ...


def open_channel(address: str) -> grpc.Channel:
    """A channel to host:port. It connects when it is first used, and whenever it has to again."""
    channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
    if tracing.ON:
        from recoup.spans_over_grpc import Carrying

        channel = grpc.intercept_channel(channel, Carrying())
    return channel


def ask(method: Method[Request, Reply], request: Request, timeout_s: float) -> Reply:
    """Makes one call. Waits for a server that is restarting, up to `timeout_s` in all.

    Raises Unanswered if there was no answer: the call has been carried out, or has not.
    """
    try:
        return method(request, timeout=max(timeout_s, 0.001), wait_for_ready=True)
    except grpc.RpcError as error:
        code, details = error.code(), error.details()
        if code in NO_ANSWER:
            away = (details or "").startswith(NO_DATABASE)
            cause = DATABASE_AWAY if away else NO_ANSWER[code]
            raise Unanswered(f"{code.name.lower().replace('_', ' ')}: {details}", cause) from error
        raise RecoupError(f"{code.name}: {details}") from error


def ask_again(method: Method[Request, Reply], request: Request, timeout_s: float) -> Reply:
    """As `ask`, and repeats the call until `timeout_s` is over: only for calls that change
    nothing when they are carried out twice."""
    end = time.monotonic() + timeout_s
    while True:
        try:
            return ask(method, request, end - time.monotonic())
        except Unanswered:
            if time.monotonic() + PAUSE_S >= end:
                raise
            time.sleep(PAUSE_S)
