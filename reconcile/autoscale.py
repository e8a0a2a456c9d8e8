"""How many tasks a worker runs at a time: few when it is quiet, many when much waits.

Tasks are greenlets that wait for gRPC, so a large pool costs nothing when it is idle. What this
bounds is how much a worker asks of a peer at the same moment. It looks once a second. Groups from
a queue add one place a second, since Celery takes no further message while all places are taken;
retries whose time has come wait for a place side by side, and get as many as there are.
"""

from __future__ import annotations

import threading
from typing import Any

from celery.worker import autoscale

from recoup.settings import settings

LOOK_S = 1.0


class Autoscaler(autoscale.Autoscaler):  # type: ignore[misc]
    """Celery's, but that it becomes small again while messages come, and stops at once."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named, keepalive=settings().worker_calm_s)
        self._stopping = threading.Event()

    def body(self) -> None:
        """Looks once. Celery sleeps between two looks, and whoever stops the worker waits."""
        with self.mutex:
            self.maybe_scale()
        self._stopping.wait(LOOK_S)

    def stop(self) -> None:
        """Ends it, and waits until it has."""
        self._stopping.set()
        super().stop()

    def on_task_received(self, request: object) -> None:
        """Celery would begin to wait for `keepalive` anew with each message. A shop that sells has
        some each second, so its workers would never become small again."""
