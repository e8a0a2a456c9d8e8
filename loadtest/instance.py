"""An instance of one's own to put under load and to break: fresh data, ports that nobody uses.

    python -m loadtest.instance '{"gateway": {"RECOUP_STOCK_ADDRESS": "127.0.0.1:4711"}}'

is `recoup up` in which each process named finds these variables in its environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import redis
from celery import Celery

from loadtest import child, features
from loadtest.client import CannotTell
from proto import ledger_pb2 as pb
from proto.ledger_pb2_grpc import LedgerStub
from recoup.processes import ROOT, processes
from recoup.readiness import Check, checks
from recoup.rpc import ask, open_channel
from recoup.scripts import SOCKET_TIMEOUT_S, connect
from recoup.settings import PARTIES, Settings, port_offsets, settings
from recoup.stack import up
from recoup.supervisor import Supervisor

READY_LIMIT_S = 120.0
STOP_LIMIT_S = 60.0
ANSWER_LIMIT_S = 1.0
SUPPLY_LIMIT_S = 10.0

SUPPLY = 10**12
"""What a further party can give: more than anybody asks."""

GATEWAY_WORKER = "gateway-worker"
"""One of the gateway's worker processes, in place of the name of a process."""

Overrides = Mapping[str, Mapping[str, str]]
"""What a process, by its name, alone finds in its environment."""


def stores(parties: Sequence[str]) -> list[str]:
    """The databases that lose nothing they have acknowledged, as processes are named."""
    return [f"{owner}-db" for owner in ("orders", *parties)]


def free_ports(parties: tuple[str, ...]) -> tuple[int, int]:
    """A port below which, and above, all of an instance's are free now; and one for Flower."""
    count = max(port_offsets(parties).values()) + 1
    # Processes that were started together, and start instances together, don't meet.
    for first in range(20_000 + os.getpid() % 100 * 100, 32_000, 20):
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            for port in range(first, first + count + 1):
                probe = probes.enter_context(socket.socket())
                probe.bind(("127.0.0.1", port))
            return first, first + count
    raise CannotTell("no ports are free")


class Instance:
    """A whole system, started and stopped by whoever measures it."""

    def __init__(self, data_dir: Path, without: str = "", **environment: str) -> None:
        """`without`: one of FEATURES. `environment` is for all its processes. Its parties are those
        of our own settings."""
        self._without = without
        port, flower_port = free_ports(settings().parties)
        told = {name.removeprefix("RECOUP_").lower(): word for name, word in environment.items()}
        places: dict[str, Any] = {"port": port, "flower_port": flower_port}
        self.settings = Settings(**(told | places), data_dir=data_dir.resolve())
        self.url = f"http://{self.settings.host}:{port}"
        self.supervisor = Supervisor(self.settings.data_dir)
        self.environment = {
            **os.environ,
            "RECOUP_PORT": str(port),
            "RECOUP_FLOWER_PORT": str(flower_port),
            "RECOUP_DATA_DIR": str(self.settings.data_dir),
            **features.environment(without),
            **environment,
        }
        """What a command of `recoup` that is about this instance has to find."""
        self._checks: dict[str, Check] = {}
        self._process: subprocess.Popen[str] | None = None

    def start(self, overrides: Overrides) -> None:
        """Starts it, and waits until it is ready. Raises CannotTell if it doesn't become so."""
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        said = self.settings.data_dir / "up.log"
        with said.open("w") as file:
            self._process = subprocess.Popen(
                child.command(sys.executable, "-m", "loadtest.instance", json.dumps(overrides)),
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                # Ctrl-C goes to everyone in the group; what is broken is to be mended first.
                start_new_session=True,
            )
        if not self._says_ready():
            raise CannotTell(f"it doesn't start: {said.read_text().strip()[-500:]}")
        host = socket.gethostname()
        workers = {
            name: consumes(f"{name}@{host}", self.settings.database_url("broker"))
            for name in (f"{party}-worker" for party in self.settings.parties)
        }
        self._checks = {**checks(self.settings), **workers}
        self._checks.pop(self._without, None)
        for party in self.settings.parties:
            if party not in PARTIES:
                self._supply(party)

    def _supply(self, party: str) -> None:
        """Fills the account of a further party, of which each order takes one unit."""
        ledger = LedgerStub(open_channel(self.settings.address(party)))
        new = pb.CreateAccountsRequest(accounts=[pb.NewAccount(account_id=party)])
        more = pb.AdjustAccountsRequest(
            adjustments=[pb.Adjustment(account_id=party, amount=SUPPLY)]
        )
        (result,) = ask(ledger.CreateAccounts, new, SUPPLY_LIMIT_S).results
        if result.outcome == pb.AccountResult.OK:
            (result,) = ask(ledger.AdjustAccounts, more, SUPPLY_LIMIT_S).results
        if result.outcome != pb.AccountResult.OK:
            raise CannotTell(f"{party} doesn't take what it shall give: {result}")

    def _says_ready(self) -> bool:
        assert self._process is not None
        assert self._process.stdout is not None
        give_up = threading.Timer(READY_LIMIT_S, self._process.terminate)
        give_up.start()
        try:
            return self._process.stdout.readline().startswith("ready")
        finally:
            give_up.cancel()

    def stop(self) -> None:
        """Stops all of it; what stands still is woken, so that it can end."""
        if self._process is None:
            return
        with contextlib.suppress(OSError):
            for state in self.supervisor.states().values():
                wake(state.pid)
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._process.wait(STOP_LIMIT_S)

    # --- how it is ---

    def pid(self, name: str) -> int:
        """The process id; 0 if it doesn't run now."""
        return next(iter(self.pids(name)), 0)

    def pids(self, name: str) -> list[int]:
        """As `pid`, but of a gateway worker's fellows too."""
        if name == GATEWAY_WORKER:
            return [worker.pid for worker in self._gateway_workers()]
        return [pid for pid in [self.supervisor.pid(name)] if pid]

    def database(self, store: str, limit_s: float = SOCKET_TIMEOUT_S) -> redis.Redis:
        """A client of `orders`, `stock`, `payment` or `broker`'s database."""
        return connect(self.settings.database_url(store), limit_s=limit_s)

    def not_ready(self) -> list[str]:
        """The processes that don't do their work now: that live alone isn't enough."""
        states = self.supervisor.states()
        # What its supervisor calls running may have died: it may not know yet.
        down = [
            name
            for name, state in states.items()
            if state.word != "RUNNING" or not lives(state.pid)
        ]
        if len(self._gateway_workers()) != self.settings.gateway_workers:
            down.append(GATEWAY_WORKER)
        if down:
            return down
        with ThreadPoolExecutor(len(self._checks)) as pool:
            fine = pool.map(lambda check: check(), self._checks.values())
            return [name for name, ready in zip(self._checks, fine, strict=True) if not ready]

    def _gateway_workers(self) -> list[psutil.Process]:
        try:
            return [
                child
                for child in psutil.Process(self.supervisor.pid("gateway")).children()
                if child.status() != psutil.STATUS_ZOMBIE
            ]
        except psutil.Error:
            return []


def lives(pid: int) -> bool:
    """Whether a process is there and hasn't ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wake(pid: int) -> None:
    """Lets a process that stands still, and its children, go on."""
    with contextlib.suppress(psutil.Error):
        if pid:
            process = psutil.Process(pid)
            for each in (process, *process.children(recursive=True)):
                each.resume()


def consumes(worker: str, broker_url: str) -> Check:
    """A Celery worker answers when it is called. (Its entry in the broker outlives it, and is lost
    when the broker is emptied.)"""
    app = Celery(broker=broker_url, set_as_current=False)
    app.conf.broker_transport_options = {
        "socket_timeout": ANSWER_LIMIT_S,
        "socket_connect_timeout": ANSWER_LIMIT_S,
    }

    def check() -> bool:
        try:
            with app.connection_for_write() as connection:
                return bool(
                    app.control.ping([worker], timeout=ANSWER_LIMIT_S, connection=connection)
                )
        except Exception:  # kombu raises what its libraries raise
            return False

    return check


def main() -> int:
    """Runs an instance with the overrides on the command line."""
    overrides: Overrides = json.loads(sys.argv[1])
    listed = [
        replace(process, environment=tuple(overrides.get(process.name, {}).items()))
        for process in features.kept(processes(settings()), os.environ.get(features.VARIABLE, ""))
    ]
    return up(settings(), listed)


if __name__ == "__main__":
    sys.exit(main())
