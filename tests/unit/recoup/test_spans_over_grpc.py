"""A call's two ends are in one trace, and it is the same call as without."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from recoup import spans
from recoup.errors import Unanswered
from recoup.rpc import ask
from recoup.spans_over_grpc import Carrying, Continuing
from tests.unit.recoup.test_spans import Traced, above, place

CHECK = health_pb2.HealthCheckRequest()


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traced]:
    monkeypatch.setattr(spans, "_tracer", spans.tracer())
    process = Traced()
    yield process
    process.provider.shutdown()


@pytest.fixture
def address() -> Iterator[str]:
    """A server that knows tracing, and nothing but its health."""
    server = grpc.server(ThreadPoolExecutor(1), interceptors=[Continuing()])
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def channel(address: str) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(address) as channel:
        yield grpc.intercept_channel(channel, Carrying())


def test_a_call_goes_on_at_its_other_end(traced: Traced, channel: grpc.Channel) -> None:
    check = health_pb2_grpc.HealthStub(channel).Check
    with spans.tracer().start_as_current_span("ask stock"):
        assert ask(check, CHECK, 5).status == health_pb2.HealthCheckResponse.SERVING
    theirs, ours = traced.made()
    assert (theirs.name, ours.name) == ("Check", "ask stock")
    assert place(theirs).trace_id == place(ours).trace_id
    assert above(theirs) == place(ours).span_id


def test_a_call_within_no_span_makes_none(traced: Traced, channel: grpc.Channel) -> None:
    ask(health_pb2_grpc.HealthStub(channel).Check, CHECK, 5)
    assert traced.made() == []


def test_who_does_not_answer_is_told_apart_as_ever(traced: Traced) -> None:
    with grpc.insecure_channel("127.0.0.1:1") as channel:
        nobody = grpc.intercept_channel(channel, Carrying())
        with pytest.raises(Unanswered, match="deadline exceeded"):
            ask(health_pb2_grpc.HealthStub(nobody).Check, CHECK, 0.05)
