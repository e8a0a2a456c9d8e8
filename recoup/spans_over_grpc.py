"""Carries the span that is under way over gRPC, when tracing is on."""

from __future__ import annotations

from typing import Any, NamedTuple

import grpc
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from recoup.spans import tracer

PROPAGATOR = TraceContextTextMapPropagator()


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class Carrying(grpc.UnaryUnaryClientInterceptor):
    """Tells the server which span a call belongs to."""

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        """Passes the call on. (gRPC's hook)"""
        carrier: dict[str, str] = {}
        PROPAGATOR.inject(carrier)
        more = _Details(
            details.method,
            details.timeout,
            [*(details.metadata or ()), *carrier.items()],
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )
        return continuation(more, request)


class Continuing(grpc.ServerInterceptor):
    """Makes a span of each call that belongs to one."""

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Passes the call on. (gRPC's hook)"""
        handler = continuation(details)
        carried = dict(details.invocation_metadata)
        if handler is None or handler.unary_unary is None or "traceparent" not in carried:
            return handler
        above, name = PROPAGATOR.extract(carried), details.method.rpartition("/")[2]

        def serve(request: Any, context: grpc.ServicerContext) -> Any:
            with tracer().start_as_current_span(name, above, SpanKind.SERVER):
                return handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(
            serve, handler.request_deserializer, handler.response_serializer
        )
