"""Spans, when tracing is on: how those of one checkout find each other, and where they go.

**A tid's trace needs no carrying.** Its id is a hash of the tid, and so is the id of its first
span. Whoever does something for a tid, in whatever process, minutes later, after messages were lost
and processes killed, knows both by itself: a gateway's deduction, a worker's fifth try and a sweep
are one tree. So neither a message of Celery's nor a leg has room for a trace.

**A batch has a trace of its own,** with links to the tids' traces, and each of these has a span of
it with a link back: a call for many is nobody's child. A batch's trace goes over gRPC
(`traceparent`), so it shows both ends.

Whether a tid's trace is kept follows from its id alone, so all processes agree; a batch is kept for
the sake of any of its tids. What isn't kept is never made: it costs a hash.
"""

from __future__ import annotations

import contextvars
import functools
import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags

from recoup import logs
from recoup.settings import settings
from recoup.tracing import Function, Mark, Name

EXPORT_LIMIT_S = 1.0
PAUSE_S = 5.0
"""How long the collector may take, and when it is tried again after it has failed: what waits is
given up meanwhile. So all that a collector which is away adds to a process's end is one limit."""

SEND_EVERY_MS = 1_000
WAITING_MOST = 8_192
"""Spans that wait to be sent: some seconds of a full load. What is beyond is dropped, not kept."""

LINKS_MOST = 256
"""More than any batch has tids."""


log = logs.logger(__name__)

_tracer: trace.Tracer = trace.NoOpTracer()
_first: contextvars.ContextVar[str] = contextvars.ContextVar("first", default="")
"""The tid whose first span is being made: it gets the ids that follow from the tid."""

_met: contextvars.ContextVar[dict[str, list[int]] | None] = contextvars.ContextVar("met")
"""The tids that the checkout under way has met: when each began, and when it ended (ns)."""


def begin(process: str, exporter: SpanExporter | None = None) -> TracerProvider:
    """Sends spans from now on; to the collector, or to `exporter`. What is left is sent when the
    process ends. A collector that can't be reached costs spans, and nothing else."""
    global _tracer
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # `_Sender` says it once
    provider = TracerProvider(
        sampler=ALWAYS_ON,  # of what is made at all: see `is_kept`
        resource=Resource.create({"service.name": process, "service.namespace": "recoup"}),
        id_generator=_Ids(),
        span_limits=SpanLimits(max_links=LINKS_MOST),
    )
    to = exporter or OTLPSpanExporter(settings().trace_url, timeout=EXPORT_LIMIT_S)
    provider.add_span_processor(BatchSpanProcessor(_Sender(to), WAITING_MOST, SEND_EVERY_MS))
    _tracer = provider.get_tracer("recoup")
    return provider


def tracer() -> trace.Tracer:
    """What makes this process's spans."""
    return _tracer


def is_kept(trace_id: int) -> bool:
    """Whether this trace is one of the part that is kept: the same everywhere."""
    return trace_id % IDS < settings().trace_part * IDS


IDS = 2**56
"""The part of a trace's id that is random in everyone's traces (W3C Trace Context, level 2)."""


class _Sender(SpanExporter):
    """Leaves a collector alone for a while that has just failed."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._paused_until_s = 0.0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends spans, or gives them up. (OpenTelemetry's hook)"""
        if time.monotonic() < self._paused_until_s:
            return SpanExportResult.FAILURE
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            self._paused_until_s = time.monotonic() + PAUSE_S
            log.warning("the collector takes no spans: they are given up for %d s", PAUSE_S)
        return result

    def shutdown(self) -> None:
        """Ends. (OpenTelemetry's hook)"""
        self._exporter.shutdown()


# --- a tid's trace -------------------------------------------------------------------------------


def first_span(tid: str) -> SpanContext:
    """The first span of a tid's trace: its ids, which everyone knows."""
    digest = hashlib.blake2b(tid.encode(), digest_size=24).digest()
    trace_id, span_id = int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:], "big")
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(1))


class _Ids(RandomIdGenerator):
    """Random ids, but for a tid's first span."""

    def generate_trace_id(self) -> int:
        tid = _first.get()
        return first_span(tid).trace_id if tid else super().generate_trace_id()

    def generate_span_id(self) -> int:
        tid = _first.get()
        return first_span(tid).span_id if tid else super().generate_span_id()


def _here() -> SpanContext:
    return trace.get_current_span().get_span_context()


def _links(*others: SpanContext) -> list[Link]:
    return [Link(other) for other in others if other.is_valid]


def _below(first: SpanContext) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(first), Context())


def _called(name: Name, *args: Any, **kwargs: Any) -> str:
    return name if isinstance(name, str) else name(*args, **kwargs)


# --- what the marks of recoup/tracing.py do ------------------------------------------------------


def step(name: Name) -> Mark:
    """A span within the one that is under way; none, if none is."""

    def mark(function: Any) -> Any:
        @functools.wraps(function)
        def traced(*args: Any, **kwargs: Any) -> Any:
            if not _here().is_valid:
                return function(*args, **kwargs)
            with _tracer.start_as_current_span(_called(name, *args, **kwargs)):
                return function(*args, **kwargs)

        return traced

    return mark


def one(name: Name, tid: Callable[..., str]) -> Mark:
    """A span in a tid's trace, with a link to what is under way, if that is another's."""

    def mark(function: Any) -> Any:
        @functools.wraps(function)
        def traced(*args: Any, **kwargs: Any) -> Any:
            its, here, began_ns = tid(*args, **kwargs), _here(), time.time_ns()
            first = first_span(its)
            if not is_kept(first.trace_id):
                return function(*args, **kwargs)
            within = here.trace_id == first.trace_id
            try:
                with _tracer.start_as_current_span(
                    _called(name, *args, **kwargs),
                    context=None if within else _below(first),
                    links=None if within else _links(here),
                    attributes={"recoup.tid": its},
                ):
                    return function(*args, **kwargs)
            finally:
                _meet(its, began_ns)

        return traced

    return mark


def many(
    name: Name,
    tids: Callable[..., Sequence[str]],
    said: Callable[[Sequence[str], Any], Mapping[str, str]],
) -> Mark:
    """A span of the batch with links to its tids' traces; and one in each of those."""

    def mark(function: Any) -> Any:
        @functools.wraps(function)
        def traced(*args: Any, **kwargs: Any) -> Any:
            its, began_ns = tids(*args, **kwargs), time.time_ns()
            firsts = {tid: first_span(tid) for tid in its}
            kept = {tid: first for tid, first in firsts.items() if is_kept(first.trace_id)}
            if not kept:
                return function(*args, **kwargs)
            called = _called(name, *args, **kwargs)
            answers: Mapping[str, str] = {}
            links, items = _links(*kept.values()), {"recoup.batch_items": len(its)}
            with _tracer.start_as_current_span(called, links=links, attributes=items) as batch:
                try:
                    result = function(*args, **kwargs)
                    answers = said(its, result)
                    return result
                finally:
                    for tid in kept:
                        _share(called, tid, answers.get(tid, ""), began_ns, batch)

        return traced

    return mark


def _share(name: str, tid: str, answer: str, began_ns: int, batch: trace.Span) -> None:
    """One tid's part in a batch, which ends now; unless the whole batch is in the tid's trace."""
    first, there = first_span(tid), batch.get_span_context()
    if first.trace_id == there.trace_id:
        batch.set_attribute("recoup.answer", answer)
        return
    known = {"recoup.tid": tid, "recoup.answer": answer}
    span = _tracer.start_span(
        name, _below(first), attributes=known, links=_links(there), start_time=began_ns
    )
    span.end()


def tries(function: Function) -> Function:
    """Gives each tid that is met in the function the first span of its trace, once it is known how
    long it took. It and the request under way have links to each other, and so have the tries."""

    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Any:
        met: dict[str, list[int]] = {}
        token = _met.set(met)
        try:
            return function(*args, **kwargs)
        finally:
            _met.reset(token)
            before = [_here()]
            for tid, (began_ns, ended_ns) in met.items():
                _make_first(tid, began_ns, ended_ns, before)
                before.append(first_span(tid))
                trace.get_current_span().add_link(first_span(tid))

    return traced  # type: ignore[return-value]


def _meet(tid: str, began_ns: int) -> None:
    met = _met.get(None)
    if met is not None:
        met.setdefault(tid, [began_ns, 0])[1] = time.time_ns()


def _make_first(tid: str, began_ns: int, ended_ns: int, before: Sequence[SpanContext]) -> None:
    token = _first.set(tid)
    try:
        span = _tracer.start_span(
            "checkout",
            Context(),
            attributes={"recoup.tid": tid, "recoup.order_id": tid.rpartition(".")[0]},
            links=_links(*before),
            start_time=began_ns,
        )
    finally:
        _first.reset(token)
    span.end(ended_ns)
