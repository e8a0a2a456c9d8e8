"""gunicorn's own log, in the form of everyone's."""

from __future__ import annotations

from typing import Any

from gunicorn import glogging

from gateway import request_ids
from recoup import logs


class Logger(glogging.Logger):  # type: ignore[misc]
    """Passes on what gunicorn logs, rather than to write it."""

    def setup(self, cfg: Any) -> None:
        """Begins, and begins anew when the configuration was read again. (gunicorn's hook)"""
        super().setup(cfg)
        logs.configure("gateway", request_ids.fields)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
