"""The bare route as a process: the gateway's own command, with another app."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from pathlib import Path

from loadtest import child
from loadtest.client import CannotTell
from loadtest.instance import free_ports
from recoup.processes import ROOT, environment, processes
from recoup.readiness import http_status
from recoup.settings import PARTIES, Settings

APP = "loadtest.bench.bare:app"
READY_LIMIT_S, STOP_LIMIT_S = 30.0, 15.0
POLL_S = 0.05


class Yardstick:
    """The bare route, on a port of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.settings = Settings(data_dir=data_dir.resolve())
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and waits until it answers. Raises CannotTell if it doesn't."""
        port, flower_port = free_ports(PARTIES)
        self.settings = self.settings.model_copy(update={"port": port, "flower_port": flower_port})
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        (gateway,) = (each for each in processes(self.settings) if each.name == "gateway")
        with (self.settings.data_dir / "bare.log").open("w") as log:
            self._process = subprocess.Popen(
                child.command(*gateway.command[:-1], APP),
                cwd=ROOT,
                env=environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        url = f"http://{self.settings.host}:{self.settings.port}/"
        give_up_s = time.monotonic() + READY_LIMIT_S
        while http_status(url) is None:  # any answer will do: it has one route, and not this one
            if self._process.poll() is not None or time.monotonic() > give_up_s:
                raise CannotTell("the bare route doesn't start: see bare.log")
            time.sleep(POLL_S)

    @property
    def pid(self) -> int:
        """Of its master process."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """Stops it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_LIMIT_S)
            return
        self._process.kill()
        self._process.wait()
