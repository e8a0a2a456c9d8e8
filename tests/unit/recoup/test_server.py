"""A service counts what it is asked, by methods that it has."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import REGISTRY

from recoup import server
from recoup.rpc import open_channel
from recoup.settings import Settings


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Iterator[grpc.Channel]:
    """A channel to a service that has nothing but its health."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    settings = Settings(orders_address=address)
    monkeypatch.setattr(server, "settings", lambda: settings)
    monkeypatch.setattr(server.metrics, "serve", lambda process: None)
    running = server.start("orders", lambda _: None)
    with open_channel(address) as channel:
        yield channel
    running.stop(None).wait()


def counted(method: str) -> float:
    return REGISTRY.get_sample_value("recoup_rpcs_total", {"method": method}) or 0.0


def test_calls_are_counted_by_their_method(channel: grpc.Channel) -> None:
    before = counted("Check")
    check = health_pb2_grpc.HealthStub(channel).Check
    for _ in range(3):
        check(health_pb2.HealthCheckRequest(), timeout=5, wait_for_ready=True)
    assert counted("Check") == before + 3


def test_a_method_that_there_is_not_is_refused_and_not_counted(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary("/recoup.Orders/Nothing")(b"", timeout=5, wait_for_ready=True)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert REGISTRY.get_sample_value("recoup_rpcs_total", {"method": "Nothing"}) is None
