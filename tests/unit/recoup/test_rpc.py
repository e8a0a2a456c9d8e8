"""A call waits for a server that is restarting, has a limit, and knows one kind of no answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from recoup.errors import RecoupError, Unanswered
from recoup.rpc import NO_ANSWER, SERVER_OPTIONS, ask, ask_again, open_channel

LONG_S = 20.0
"""Far more than any of this takes: who waits so long has failed."""

CODES = list(grpc.StatusCode)
"""In an order that is always the same, as processes that share the tests need it."""


class Failure(grpc.RpcError):
    """What a stub raises when a call ends with this status."""

    def __init__(self, code: grpc.StatusCode, details: str | None) -> None:
        super().__init__(code)
        self._code = code
        self._details = details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str | None:
        return self._details


class Answers:
    """A method of a stub that ends each call as it is told."""

    def __init__(self, *ends: grpc.StatusCode | str, details: str | None = "so it was") -> None:
        self.ends = list(ends)
        self.details = details
        self.limits_s: list[float] = []
        self.waited_for_ready: list[bool | None] = []

    def __call__(self, request: str, *, timeout: float | None, wait_for_ready: bool | None) -> str:
        self.limits_s.append(timeout or 0.0)
        self.waited_for_ready.append(wait_for_ready)
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        if isinstance(end, grpc.StatusCode):
            raise Failure(end, self.details)
        return end


def serve(port: int = 0) -> tuple[grpc.Server, int]:
    server = grpc.server(ThreadPoolExecutor(1), options=SERVER_OPTIONS)
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, port


@pytest.fixture
def port() -> Iterator[int]:
    server, port = serve()
    yield port
    server.stop(None).wait()


def check(port: int, limit_s: float = LONG_S) -> int:
    """Asks a server how it is: 1 is well."""
    with open_channel(f"127.0.0.1:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        return int(ask(stub.Check, health_pb2.HealthCheckRequest(), limit_s).status)


# --- ask -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(NO_ANSWER, key=CODES.index), ids=lambda code: code.name)
def test_a_call_that_may_or_may_not_have_happened_is_unanswered_and_not_repeated(
    code: grpc.StatusCode,
) -> None:
    method = Answers(code)
    with pytest.raises(Unanswered, match="so it was"):
        ask(method, "it", LONG_S)
    assert len(method.limits_s) == 1


@pytest.mark.parametrize(
    "code", [code for code in CODES if code not in NO_ANSWER], ids=lambda code: code.name
)
def test_a_call_that_was_refused_is_a_mistake_of_ours(code: grpc.StatusCode) -> None:
    with pytest.raises(RecoupError, match=f"{code.name}: so it was") as raised:
        ask(Answers(code), "it", LONG_S)
    assert not isinstance(raised.value, Unanswered)


def test_a_call_without_time_left_is_still_a_call() -> None:
    method = Answers("yes")
    assert ask(method, "it", -1.0) == "yes"
    assert method.limits_s[0] > 0  # gRPC would take a negative one for an error of its own


def test_nobody_listens() -> None:
    # given a port that a server has left
    server, port = serve()
    server.stop(None).wait()
    # when it is asked, then there is no answer, and an end to waiting for one
    with pytest.raises(Unanswered, match="deadline exceeded"):
        check(port, limit_s=0.05)


def test_a_call_waits_for_a_server_that_is_restarting() -> None:
    # given a server that is away, and comes back while somebody asks
    server, port = serve()
    server.stop(None).wait()
    came_back: list[grpc.Server] = []
    back = threading.Timer(0.2, lambda: came_back.append(serve(port)[0]))
    back.start()
    # when it is asked, then it answers
    try:
        assert check(port) == 1
    finally:
        back.join()
        came_back[0].stop(None).wait()


def test_a_proxy_in_the_environment_is_not_for_our_own_services(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given the address of a proxy that isn't there
    for variable in ("no_proxy", "no_grpc_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("grpc_proxy", "https_proxy", "http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    # when a server on this machine is asked, then nobody asks the proxy
    assert check(port, limit_s=5.0) == 1


# --- ask again -----------------------------------------------------------------------------------


def test_a_call_that_failed_is_repeated_until_it_is_answered() -> None:
    # given a server that dies twice under a call
    method = Answers(grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, "yes")
    # when it is asked again and again, then it answers, and each call had less time than before
    assert ask_again(method, "it", LONG_S) == "yes"
    assert LONG_S >= method.limits_s[0] > method.limits_s[1] > method.limits_s[2]
    assert method.waited_for_ready == [True] * 3


def test_a_call_is_repeated_no_longer_than_it_makes_sense() -> None:
    method = Answers(grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(Unanswered):
        ask_again(method, "it", 0.12)
    assert len(method.limits_s) > 1


def test_a_call_that_was_refused_is_not_repeated() -> None:
    method = Answers(grpc.StatusCode.INVALID_ARGUMENT)
    with pytest.raises(RecoupError):
        ask_again(method, "it", LONG_S)
    assert len(method.limits_s) == 1
