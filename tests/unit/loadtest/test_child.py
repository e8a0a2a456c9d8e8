"""A command that ends when its parent does."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys

import psutil

from loadtest import child
from recoup.processes import ROOT

PARENT = """
import subprocess, sys, time
from loadtest import child
sleep = "import time; print('up', flush=True); time.sleep(60)"
started = subprocess.Popen(child.command(sys.executable, "-c", sleep))
print(started.pid, flush=True)
time.sleep(60)
"""


def test_it_ends_when_its_parent_is_killed() -> None:
    # given a parent whose child is at work
    command = (sys.executable, "-c", PARENT)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        said = {parent.stdout.readline().strip() for _ in range(2)}
        (pid,) = (int(word) for word in said if word != "up")
        # when the parent is killed
        parent.send_signal(signal.SIGKILL)
    # then the child ends
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(timeout=20)


def test_it_does_not_begin_without_its_parent() -> None:
    # given a command whose parent is another process by now
    *words, parent, python = child.command(sys.executable)
    assert parent.isdigit()
    # when it starts, then it ends without having run
    done = subprocess.run(
        (*words, "1", python, "-c", "print(1)"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
