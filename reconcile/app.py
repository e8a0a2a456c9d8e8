"""The Celery app: how messages travel to the workers, and how little depends on them.

Celery on Redis can lose and repeat messages under any settings. That is accounted for: tasks are
idempotent, and whatever is lost is found by the parties' sweeps. So these settings serve speed
and a good view in Flower; no promise rests on them.
"""

from __future__ import annotations

import sys
from typing import Any

from celery import Celery
from celery.signals import beat_init, celeryd_init, import_modules, setup_logging, worker_init
from gevent import monkey
from grpc.experimental.gevent import init_gevent
from kombu import Queue
from kombu.transport import TRANSPORT_ALIASES

from recoup import faults, logs, tracing
from recoup.settings import settings

# Wherever a URL says redis://, in the worker and in whoever publishes.
TRANSPORT_ALIASES["redis"] = "reconcile.transport:Transport"

VISIBILITY_TIMEOUT_S = 120
"""After it an unacknowledged message is delivered again. More than twice the longest retry."""


CONNECTIONS = 2 * settings().worker_most_tasks
"""Each task needs one to acknowledge, and one more to publish a retry. All end at the same moment
when a party that was away answers; who finds none (kombu has ten) never acknowledges, and is run
again."""


def make_app() -> Celery:
    """The app, configured from the settings."""
    # By name: workers and beat load them, and whoever only publishes doesn't.
    loaded = ["reconcile.tasks", "reconcile.metrics"]
    app = Celery("recoup", broker=settings().database_url("broker"), include=loaded)
    app.conf.update(
        task_queues=[Queue(party) for party in settings().parties],
        task_default_queue=settings().parties[0],
        task_create_missing_queues=False,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        # Acknowledged when done: a worker that dies leaves its messages to the next one.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_publish_retry=False,  # whoever publishes has something better to do than to wait
        worker_prefetch_multiplier=4,
        worker_autoscaler="reconcile.autoscale:Autoscaler",
        worker_send_task_events=True,
        # Whoever hands groups over publishes no events of them; see `_tell_of_compensations`.
        task_send_sent_event=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=2,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_TIMEOUT_S,
            "unacked_restore_interval": 2,
            "unacked_restore_throttle": 1,
            "socket_connect_timeout": 2,
            "socket_timeout": 5,  # longer than the transport's brpop_timeout
            "socket_keepalive": True,
            "max_connections": CONNECTIONS,
            "health_check_interval": 10,
        },
        beat_schedule={
            f"retry what {party} has parked": {
                "task": f"{party}.retry_parked",
                "schedule": settings().parked_retry_s,
                "options": {"queue": party, "expires": settings().parked_retry_s},
            }
            for party in settings().parties
        },
    )
    return app


@worker_init.connect
def _let_grpc_yield(**_: Any) -> None:
    """In a worker of the gevent pool, a call over gRPC lets other tasks run meanwhile."""
    if monkey.is_module_patched("socket"):
        init_gevent()


@celeryd_init.connect
def _set_faults(sender: str, **_: Any) -> None:
    """In a worker, whose name is that of its process and of its machine: `stock-worker@host`."""
    faults.arm(sender.partition("@")[0], settings().fault, settings().data_dir)


@setup_logging.connect
def _leave_logging_to_us(**_: Any) -> None:
    """That somebody listens is enough for Celery to set up none of its own. Its name is what a
    process of Celery's is known by; each kind learns its own at another moment."""


@celeryd_init.connect
def _log_as_worker(sender: str, **_: Any) -> None:
    name = sender.partition("@")[0]
    logs.configure(name)
    tracing.begin(name)


@beat_init.connect
def _log_as_beat(**_: Any) -> None:
    logs.configure("beat")


@import_modules.connect
def _log_as_flower(**_: Any) -> None:
    """Flower sends no signal of its own when it begins; this one is sent everywhere."""
    if "flower" in sys.argv:
        logs.configure("flower")


@celeryd_init.connect
def _name_connections(sender: str, **_: Any) -> None:
    """By its connections a party counts the workers that the broker has (recoup/watch.py)."""
    app.conf.broker_transport_options |= {"client_name": sender}


@worker_init.connect
def _tell_of_compensations(**_: Any) -> None:
    """Workers publish nothing but compensations: Flower shows each from that moment on."""
    app.conf.task_send_sent_event = True


app = make_app()
