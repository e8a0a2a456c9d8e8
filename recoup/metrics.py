"""What every process tells Prometheus of itself, and where.

What is known only by asking (is the database there? the broker? a peer?) is asked when somebody
asks for the metrics, by collectors such as those of `watch.py`; so an idle system polls nothing.
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Gauge,
    disable_created_metrics,
    start_http_server,
)

from recoup.settings import settings


def software_version() -> str:
    """The version of the installed package; a checked-out tree that isn't installed has none."""
    try:
        return version("recoup")
    except PackageNotFoundError:
        return "uninstalled"


def tell_build(registry: CollectorRegistry = REGISTRY) -> None:
    """Has this process say which version of what it runs."""
    Gauge(
        "recoup_build_info",
        "Always 1; says what runs",
        ["version", "python"],
        registry=registry,
        multiprocess_mode="livemax",
    ).labels(software_version(), platform.python_version()).set(1)


def serve(process: str) -> None:
    """Serves this process's metrics on its own port, in a thread (in a process that gevent has
    patched, a greenlet). Raises OSError when the port is taken."""
    # When each series began is nothing that anyone here asks, and doubles the page.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    tell_build()
    start_http_server(settings().port_of(f"{process}-metrics"), settings().host)
