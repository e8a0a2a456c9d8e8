"""gunicorn's configuration: how the gateway is served. (`--config python:gateway.gunicorn`)"""

from __future__ import annotations

from typing import Any

from gateway import metrics_files
from recoup.settings import settings

bind = f"{settings().host}:{settings().port}"
workers = settings().gateway_workers
worker_class = "gateway.worker.Worker"
# A connection costs a greenlet; beyond this it waits in the backlog.
worker_connections = 10_000
backlog = 8_192
keepalive = 75
# A worker that doesn't even turn its loop for this long is broken.
timeout = 30
# What is under way ends first: a checkout takes no longer than its deadline and a retry.
graceful_timeout = 4
proc_name = "gateway"
accesslog = None
errorlog = "-"
loglevel = "warning"
logger_class = "gateway.gunicorn_log.Logger"
control_socket_disable = True

metrics_files.prepare(settings().data_dir / "run" / "gateway-metrics")


def child_exit(server: Any, worker: Any) -> None:
    """A worker has ended."""
    metrics_files.child_exit(worker.pid)


def worker_exit(server: Any, worker: Any) -> None:
    """A worker ends: what it has finished is handed over first."""
    extensions = getattr(getattr(worker, "wsgi", None), "extensions", {})
    # Another app under the same configuration, such as one to compare with, hands nothing over.
    if "hand_over" in extensions:
        extensions["hand_over"].flush(limit_s=1.0)
