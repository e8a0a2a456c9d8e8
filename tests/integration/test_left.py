"""What a start has started can be found again by its id, databases too, and ended."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from pathlib import Path

import psutil

from recoup import preflight
from recoup.processes import STORES, processes
from recoup.settings import Settings

PATIENCE_S = 30
"""A limit for what should take milliseconds: reached only when it never comes."""


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_database_that_was_left_is_found_and_ended(tmp_path: Path) -> None:
    # given a database that an earlier start has left, at work
    settings = Settings(data_dir=tmp_path, port=21_000 + os.getpid() % 400 * 20)
    database = next(each for each in processes(settings) if each.name in STORES)
    (tmp_path / database.name).mkdir()
    stack_id = secrets.token_hex(16)
    started = subprocess.Popen(
        database.command,
        env={**os.environ, preflight.STACK_ID: stack_id},
        stdout=subprocess.DEVNULL,
    )
    try:
        end_s = time.monotonic() + PATIENCE_S
        while not answers(database.port):
            assert started.poll() is None
            assert time.monotonic() < end_s
            time.sleep(0.01)
        # then the next start finds it, and ends it
        assert preflight.of_stack(stack_id) == [psutil.Process(started.pid)]
        assert preflight.end(stack_id) == 1
        assert started.wait(PATIENCE_S) is not None
        assert preflight.of_stack(stack_id) == []
    finally:
        started.kill()
        started.wait(PATIENCE_S)
