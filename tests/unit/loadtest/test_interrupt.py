"""Whoever is told to end does so, wherever the signal strikes."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from recoup.processes import ROOT

SWALLOWED = """
import os, weakref
from loadtest import interrupt

interrupt.listen()
thing = type("Thing", (), {})()
# The interpreter calls this, and prints and forgets what it raises.
watch = weakref.ref(thing, lambda _: os.kill(os.getpid(), SIGNAL))
del thing
try:
    interrupt.pause(0)
except KeyboardInterrupt:
    print("told")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_whose_exception_is_lost_ends_the_next_pause(number: int) -> None:
    program = SWALLOWED.replace("SIGNAL", str(int(number)))
    done = subprocess.run(
        (sys.executable, "-c", program), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "Exception ignored" in done.stderr
    assert done.stdout == "told\n"
