"""Whoever works for a tid adds to one trace, without having been told which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from recoup import spans
from recoup.settings import Settings
from recoup.spans import first_span


class Traced:
    """A process with tracing on."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider: TracerProvider = spans.begin("stock", self._exporter)

    def made(self) -> list[ReadableSpan]:
        """The spans there are by now, in the order in which they ended."""
        self.provider.force_flush()
        return list(self._exporter.get_finished_spans())


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traced]:
    monkeypatch.setattr(spans, "_tracer", spans.tracer())
    process = Traced()
    yield process
    process.provider.shutdown()


def place(span: ReadableSpan) -> SpanContext:
    """A span's ids."""
    assert span.context is not None
    return span.context


def above(span: ReadableSpan) -> int | None:
    """The id of the span above it."""
    return span.parent.span_id if span.parent else None


def linked(span: ReadableSpan) -> list[int]:
    """The ids of the spans that it has links to."""
    return [link.context.span_id for link in span.links]


class Shop:
    """A checkout in two tries, the second with a step in it, and a batch."""

    @spans.step("read")
    def read(self) -> None: ...

    @spans.one("deduct", lambda self, tid: tid)
    def deduct(self, tid: str) -> None:
        self.read()

    @spans.tries
    def check_out(self, *tids: str) -> None:
        for tid in tids:
            self.deduct(tid)

    @spans.many(lambda self, _: "settle stock", lambda self, tids: tids, lambda tids, said: said)
    def settle(self, tids: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(tids, "settled")

    @spans.one("compensate", lambda self, tid: tid)
    def compensate(self, tid: str) -> None:
        self.settle([tid])


def test_two_who_know_the_same_tid_know_the_same_trace(traced: Traced) -> None:
    # given two who have never heard of each other
    Shop().deduct("o.1")
    Shop().compensate("o.1")
    # then all that they did is in one trace, below what nobody has told them of
    made = traced.made()
    assert {place(span).trace_id for span in made} == {first_span("o.1").trace_id}
    tops = [span for span in made if span.name in ("deduct", "compensate")]
    assert [above(span) for span in tops] == [first_span("o.1").span_id] * 2
    # and another tid has another one
    assert first_span("o.1").trace_id != first_span("o.2").trace_id


def test_a_checkouts_tries_have_a_first_span_each(traced: Traced) -> None:
    with spans.tracer().start_as_current_span("POST") as request:
        Shop().check_out("o.1", "o.2")
    first = {span.name: span for span in traced.made() if not above(span)}
    one, two = [span for span in traced.made() if span.name == "checkout"]
    assert place(one).trace_id == first_span("o.1").trace_id
    assert (place(one).span_id, place(two).span_id) == (
        first_span("o.1").span_id,
        first_span("o.2").span_id,
    )
    here = request.get_span_context().span_id
    assert linked(one) == [here]
    assert linked(two) == [here, first_span("o.1").span_id]
    assert linked(first["POST"]) == [first_span("o.1").span_id, first_span("o.2").span_id]
    # and it lasts as long as what is below it
    deduct = next(span for span in traced.made() if span.name == "deduct")
    assert one.start_time is not None
    assert one.end_time is not None
    assert deduct.start_time is not None
    assert one.start_time <= deduct.start_time <= one.end_time


def test_a_batch_is_one_span_and_one_for_each(traced: Traced) -> None:
    Shop().settle(["o.1", "p.7"])
    batch, *each = sorted(traced.made(), key=lambda span: above(span) is not None)
    assert linked(batch) == [first_span("o.1").span_id, first_span("p.7").span_id]
    assert [place(span).trace_id for span in each] == [
        first_span("o.1").trace_id,
        first_span("p.7").trace_id,
    ]
    assert [linked(span) for span in each] == [[place(batch).span_id]] * 2
    assert [(span.attributes or {})["recoup.answer"] for span in each] == ["settled"] * 2


def test_a_batch_within_its_tids_trace_is_not_told_twice(traced: Traced) -> None:
    Shop().compensate("o.1")
    settle, compensate = traced.made()
    assert (settle.name, compensate.name) == ("settle stock", "compensate")
    assert above(settle) == place(compensate).span_id


def test_a_step_of_nothing_is_no_span(traced: Traced) -> None:
    Shop().read()
    assert traced.made() == []


def test_what_fails_says_so_and_fails(traced: Traced) -> None:
    @spans.one("decide", lambda tid: tid)
    def decide(tid: str) -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError):
        decide("o.1")
    (span,) = traced.made()
    assert not span.status.is_ok


def test_all_processes_keep_the_same_traces(
    traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a part of the traces is kept
    monkeypatch.setattr(spans, "settings", lambda: Settings(trace_part=0.5))
    tids = [f"o.{version}" for version in range(1, 41)]
    # when two work for the same tids, one after the other, or all at once
    for tid in tids:
        Shop().deduct(tid)
    deducted = {place(span).trace_id for span in traced.made()}
    Shop().settle(tids)
    settled = {place(span).trace_id for span in traced.made() if above(span)}
    # then it is the same part, and neither all nor nothing; and the batch is kept for its sake
    assert deducted == settled
    assert 0 < len(deducted) < len(tids)
    (batch,) = [span for span in traced.made() if not above(span)]
    assert len(linked(batch)) == len(deducted)


class Away(SpanExporter):
    """A collector that isn't there."""

    asked = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.asked += 1
        return SpanExportResult.FAILURE


def test_a_collector_that_is_away_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(spans, "_tracer", spans.tracer())
    collector = Away()
    provider = spans.begin("stock", collector)
    # when more spans wait than travel at once, and the process ends
    for version in range(spans.WAITING_MOST // 4):
        Shop().deduct(f"o.{version}")
    provider.shutdown()
    # then it isn't kept from it by asking again and again
    assert collector.asked == 1
    assert len(caplog.messages) == 1
