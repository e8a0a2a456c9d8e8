"""supervisord as Recoup uses it: its configuration, and a client to ask and to command it."""

from __future__ import annotations

import configparser
import hashlib
import os
import shlex
import tempfile
import xmlrpc.client
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from recoup.processes import ROOT, Process, Stage

SOCKET_PATH_MOST = 100
"""A socket's path may have 108 bytes; supervisord writes it under a longer name first."""

STOP_LIMIT_S = {Stage.STORE: 1, Stage.SERVICE: 2, Stage.FRONT: 5}
"""How long a process may take to end what it has begun, before it is killed. A Celery
worker takes up to 4 s without any work. All stages stay below the ten seconds in which
everything is to be gone."""

LOG_BYTES = "10MB"


@dataclass(frozen=True, slots=True)
class State:
    """A process as supervisord sees it. `pid` is 0 if it doesn't run."""

    name: str
    word: str
    pid: int
    began_s: int


class Supervisor:
    """Asks and commands the supervisord of an instance. Raises OSError if it isn't there."""

    def __init__(self, data_dir: Path) -> None:
        self._url = f"unix://{socket_path(data_dir)}"

    def states(self) -> dict[str, State]:
        """Every process, by its name."""
        return {info["name"]: _state(info) for info in self._infos()}

    def pid(self, name: str) -> int:
        """The process id; 0 if it doesn't run."""
        return self.states()[name].pid

    def stop(self, name: str) -> None:
        """Stops a process, and waits until it has ended."""
        self._call("stopProcess", name)

    def start(self, name: str) -> None:
        """Starts a process that was stopped; doesn't wait until it is ready."""
        self._call("startProcess", name, False)

    def _call(self, method: str, name: str, *arguments: Any) -> None:
        for info in self._infos():
            if info["name"] == name:
                self._ask(method, f"{info['group']}:{name}", *arguments)
                return
        raise LookupError(f"there is no process {name!r}")

    def _infos(self) -> list[dict[str, Any]]:
        infos: list[dict[str, Any]] = self._ask("getAllProcessInfo")
        return infos

    def _ask(self, method: str, *arguments: Any) -> Any:
        # A connection for each question: supervisord may have been started again since.
        transport = SupervisorTransport(serverurl=self._url)
        with xmlrpc.client.ServerProxy("http://recoup", transport=transport) as server:
            return getattr(server.supervisor, method)(*arguments)


def _state(info: dict[str, Any]) -> State:
    return State(info["name"], info["statename"], info["pid"], info["start"])


def socket_path(data_dir: Path) -> Path:
    """Where an instance's supervisord listens: with its data, unless that path is too long."""
    inside = data_dir / "run" / "supervisor.sock"
    if len(os.fsencode(inside)) <= SOCKET_PATH_MOST:
        return inside
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"recoup-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{name}.sock"


def write_configuration(processes: Iterable[Process], data_dir: Path) -> Path:
    """Writes supervisord's configuration for these processes, and returns where it is."""
    config = configparser.RawConfigParser()
    run, logs = data_dir / "run", data_dir / "logs"
    config["supervisord"] = {
        "nodaemon": "true",
        "silent": "true",
        "logfile": _quoted(logs / "supervisord.log"),
        "pidfile": _quoted(run / "supervisord.pid"),
        "childlogdir": _quoted(logs),
        "directory": _quoted(ROOT),
    }
    config["unix_http_server"] = {"file": _quoted(socket_path(data_dir)), "chmod": "0700"}
    factory = "supervisor.rpcinterface:make_main_rpcinterface"
    config["rpcinterface:supervisor"] = {"supervisor.rpcinterface_factory": factory}
    groups: dict[Stage, list[str]] = defaultdict(list)
    for process in processes:
        groups[process.stage].append(process.name)
        config[f"program:{process.name}"] = {
            "command": _quoted(shlex.join(process.command)),
            "autorestart": "true",
            "startsecs": "1",
            # As good as for ever: it would give up after three quick deaths.
            "startretries": "1000000",
            "stopwaitsecs": str(STOP_LIMIT_S[process.stage]),
            # The master ends its children in order; only what is left is killed as a group.
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": _quoted(logs / f"{process.name}.log"),
            "stdout_logfile_maxbytes": LOG_BYTES,
            "stdout_logfile_backups": "2",
            "environment": _quoted(",".join(f'{k}="{v}"' for k, v in process.environment)),
        }
    for stage, names in groups.items():
        # One stage stops at a time, the highest first; those in it together.
        config[f"group:{stage.name.lower()}"] = {
            "programs": ",".join(names),
            "priority": str(int(stage)),
        }
    path = run / "supervisord.conf"
    with path.open("w") as file:
        config.write(file)
    return path


def _quoted(value: object) -> str:
    """Keeps what supervisord would expand."""
    return str(value).replace("%", "%%")
