"""A span for each HTTP request, when tracing is on; in its client's trace, if that has one."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from flask import has_request_context, request
from opentelemetry.trace import SpanKind, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.request_ids import PLACE, Start, Wsgi
from recoup.spans import is_kept, tracer

PROPAGATOR = TraceContextTextMapPropagator()

OF_PROBES = {"/healthz", "/readyz", "/metrics"}
"""Asked all day long, by nobody who ever looks for a trace of it."""


class RequestSpans:
    """Makes a span of each request. (WSGI)"""

    def __init__(self, app: Wsgi) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        """Serves a request."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path in OF_PROBES:
            return self._app(environ, start_response)
        above = PROPAGATOR.extract({"traceparent": environ.get("HTTP_TRACEPARENT", "")})
        its = get_current_span(above).get_span_context()
        if not is_kept(its.trace_id if its.is_valid else random.getrandbits(128)):
            return self._app(environ, start_response)
        known = {"http.request.method": method, "recoup.request_id": environ.get(PLACE, "")}
        with tracer().start_as_current_span(method, above, SpanKind.SERVER, known) as span:

            def start(status: str, headers: Any, exc_info: Any = None) -> Any:
                code = int(status.split(" ", 1)[0])
                span.set_attribute("http.response.status_code", code)
                if code >= 500:
                    span.set_status(StatusCode.ERROR)
                # The path has ids in it; a span is called by what is the same of all such requests.
                rule = request.url_rule if has_request_context() else None
                if rule is not None:
                    span.update_name(f"{method} {rule}")
                    span.set_attribute("http.route", str(rule))
                return start_response(status, headers, exc_info)

            return self._app(environ, start)
