"""What a Celery worker, and beat, tell Prometheus. Legs and queues are told by their party."""

from __future__ import annotations

from typing import Any

from celery import Task
from celery.signals import beat_init, task_postrun, worker_init
from prometheus_client import REGISTRY, Counter

from reconcile.peers import peers
from recoup import logs, metrics
from recoup.settings import settings

log = logs.logger(__name__)

KINDS = ("settle", "compensate", "retry_parked")
"""The tasks of each party; see `tasks.py`."""

RESULTS = {"SUCCESS": "done", "RETRY": "retried"}
"""Celery's words for how a task may end, that aren't failures."""

FAILED = "failed"

TASKS = Counter("recoup_tasks", "Tasks that this worker has run", ["task", "result"])


@worker_init.connect
def serve_worker(sender: Any, **_: Any) -> None:
    """Serves the metrics of a worker that starts. (Celery's signal)"""
    process = sender.hostname.partition("@")[0]
    party = process.removesuffix("-worker")
    for kind in KINDS:
        for result in (*RESULTS.values(), FAILED):
            TASKS.labels(f"{party}.{kind}", result)
    if serve(process):
        REGISTRY.register(peers(process, settings().parties))


@beat_init.connect
def serve_beat(**_: Any) -> None:
    """Serves the metrics of beat. (Celery's signal)"""
    serve("beat")


@task_postrun.connect
def count(sender: Task[Any, Any], state: str, **_: Any) -> None:
    """Counts a task that has ended. (Celery's signal)"""
    TASKS.labels(sender.name, RESULTS.get(state, FAILED)).inc()


def serve(process: str) -> bool:
    """Serves this process's metrics. One that can't does its work all the same, and says so:
    a second worker of a party on one machine, or one that nobody knows by its name."""
    try:
        metrics.serve(process)
    except (OSError, LookupError) as error:
        log.warning("%s runs without metrics: %r", process, error)
        return False
    return True
