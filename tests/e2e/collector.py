"""A collector of spans, as small as can be: OTLP over HTTP in, spans out."""

from __future__ import annotations

import http.server
import threading
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """Listens until it is closed."""

    def __init__(self) -> None:
        spans: list[tuple[str, Span]] = []
        self.spans = spans
        """What has come: the process's name, and the span."""

        class Taking(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    known = {each.key: each.value for each in resource.resource.attributes}
                    process = known["service.name"].string_value
                    for scope in resource.scope_spans:
                        spans.extend((process, span) for span in scope.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Takes no more."""
        self._server.shutdown()
        self._server.server_close()
