"""How every process logs: one line an event, to standard error, with the process's name."""

from __future__ import annotations

import logging
import time

from recoup.settings import settings


def configure(process: str) -> None:
    """Sets up logging for this process. The supervisor keeps the lines."""
    form = logging.Formatter(
        f"%(asctime)s.%(msecs)03dZ %(levelname)s {process} %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    form.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(form)
    logging.basicConfig(level=settings().log_level, handlers=[handler], force=True)
