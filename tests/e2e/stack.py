"""A whole instance for tests: real databases, services, workers, broker, Flower and gateway."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import redis
import urllib3

from loadtest.instance import free_ports
from recoup import preflight
from recoup.processes import ROOT
from recoup.settings import PARTIES, Settings
from recoup.stack import record
from recoup.supervisor import Supervisor
from tests.e2e.client import eventually

READY_LIMIT_S = 120
STOP_LIMIT_S = 60
COMMAND_LIMIT_S = 120


def lives(process: psutil.Process) -> bool:
    """Whether a process does anything any more."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Stack:
    """One instance, started by the same command that people use."""

    def __init__(
        self, data_dir: Path, parties: tuple[str, ...] = PARTIES, **environment: str
    ) -> None:
        port, flower_port = free_ports(parties)
        self.settings = Settings(
            port=port, flower_port=flower_port, data_dir=data_dir, parties=parties
        )
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{port}"
        self.flower_url = f"http://127.0.0.1:{flower_port}"
        self.supervisor = Supervisor(data_dir)
        self._environment = {
            **os.environ,
            "RECOUP_PORT": str(port),
            "RECOUP_FLOWER_PORT": str(flower_port),
            "RECOUP_DATA_DIR": str(data_dir),
            "RECOUP_PARTIES": ",".join(parties),
            **environment,
        }
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Starts it and waits for its line `ready`."""
        self.begin()
        ready = threading.Event()

        def read() -> None:
            assert self.process is not None
            assert self.process.stdout is not None
            for line in self.process.stdout:
                self.lines.append(line.rstrip())
                if line.startswith("ready"):
                    ready.set()
            ready.set()  # it has ended

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        assert ready.wait(READY_LIMIT_S), self.lines
        assert self.lines, "nothing was said"
        assert self.lines[-1].startswith("ready"), self.lines

    def begin(self) -> subprocess.Popen[str]:
        """Starts it, without waiting."""
        self.process = subprocess.Popen(
            (sys.executable, "-m", "recoup", "up"),
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self.process

    def stop(self) -> None:
        """Stops it as people do, and sees that nothing is left."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_LIMIT_S)
        self._reader.join()
        if self.process.stdout:
            self.process.stdout.close()
        assert status == 0, self.lines
        assert self.left() == []

    def left(self) -> list[psutil.Process]:
        """Processes of this instance that run now."""
        return preflight.of_stack(record(self.data_dir).read_text())

    def recoup(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of `recoup` on this instance, to its end."""
        return subprocess.run(
            (sys.executable, "-m", "recoup", *arguments),
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_S,
            check=False,
        )

    def database(self, store: str) -> redis.Redis:
        """A client of the database of a service, or of the broker, behind everyone's back."""
        return redis.Redis.from_url(self.settings.database_url(store), decode_responses=True)

    # --- what tests do to it ---

    def kill(self, name: str) -> list[psutil.Process]:
        """kill -9 of one process (the gateway: of its master). Returns it, and its children."""
        process = psutil.Process(self.supervisor.pid(name))
        family = [process, *process.children()]
        process.kill()
        return family

    def comes_back(self, name: str, killed: Sequence[psutil.Process]) -> None:
        """Waits until a killed process runs anew and all is ready. The children of the killed one
        end by themselves; until then the gateway's still answer, and keep its port."""
        pids = {0, *(process.pid for process in killed)}
        eventually(lambda: not any(map(lives, killed)))
        eventually(lambda: self.supervisor.pid(name) not in pids)
        self.heals()

    def gateway_workers(self) -> list[psutil.Process]:
        """The gateway's worker processes."""
        return psutil.Process(self.supervisor.pid("gateway")).children()

    def kill_gateway_worker(self) -> None:
        """kill -9 of one of the gateway's worker processes."""
        self.gateway_workers()[0].kill()

    @contextlib.contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """A process that stands still meanwhile, alive."""
        process = psutil.Process(self.supervisor.pid(name))
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    def end(self, *names: str) -> None:
        """Ends processes as a supervisor does, together: a worker takes seconds."""
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(self.supervisor.stop, names))

    @contextlib.contextmanager
    def without(self, *names: str) -> Iterator[None]:
        """Processes that are away meanwhile, and are back and ready afterwards."""
        self.end(*names)
        try:
            yield
        finally:
            for name in names:
                self.supervisor.start(name)
            self.heals()

    def heals(self) -> None:
        """Waits until everything that a checkout needs answers again."""

        def all_ok() -> bool:
            try:
                answer = urllib3.request("GET", self.url + "/readyz", retries=False, timeout=5)
                return bool(answer.json()["all_ok"])
            except (urllib3.exceptions.HTTPError, ValueError):
                return False

        eventually(all_ok)

    # --- what Flower shows ---

    def in_flower(self) -> dict[str, dict[str, Any]]:
        """The tasks that Flower knows, by their ids."""
        answer = urllib3.request(
            "GET", self.flower_url + "/api/tasks?limit=1000", retries=False, timeout=10
        )
        tasks: dict[str, dict[str, Any]] = answer.json()
        return tasks

    def pending_in_flower(self) -> set[str]:
        """The ids of compensations that are still being tried."""
        return {
            id
            for id, task in self.in_flower().items()
            if str(task["name"]).endswith(".compensate")
            and task["state"] in ("PENDING", "RECEIVED", "STARTED", "RETRY")
        }
