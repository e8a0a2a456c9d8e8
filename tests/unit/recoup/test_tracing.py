"""Switched off, tracing is not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from recoup import tracing

EVERYTHING = """
import sys
import gateway.gunicorn, gateway.gunicorn_log, gateway.wsgi, gateway.orders.__main__
import workers.stock.__main__, reconcile.tasks, reconcile.transport, flower.command
print([name for name, module in sys.modules.items() if "opentelemetry" in name and module])
"""


def test_a_mark_leaves_its_function_as_it_is() -> None:
    def function() -> None: ...

    assert not tracing.ON
    assert tracing.step("read")(function) is function
    assert tracing.one("decide", str)(function) is function
    assert tracing.many("settle", list)(function) is function
    assert tracing.tries(function) is function


def test_nothing_of_opentelemetry_is_loaded(tmp_path: Path) -> None:
    done = subprocess.run(
        (sys.executable, "-c", EVERYTHING),
        env={**os.environ, "RECOUP_TRACE_URL": "", "RECOUP_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "[]\n"
