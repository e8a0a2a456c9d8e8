"""`recoup up`: starts an instance, says when it is ready, and leaves nothing behind at its end."""

from __future__ import annotations

import contextlib
import ctypes
import json
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from recoup import faults, pages, preflight
from recoup.errors import WrongSetup
from recoup.processes import ROOT, Process, Stage, environment, processes
from recoup.readiness import Check, checks
from recoup.settings import Settings
from recoup.supervisor import Supervisor, write_configuration

READY_LIMIT_S = 90.0
"""Generous: a slow disk has to load all data first."""

STARTS_MOST = 4
"""A process that had to be started so often before it was ready won't be."""

POLL_S = 0.1

STOP_LIMIT_S = 9.2
"""When supervisord hasn't stopped everything by then, what is left is killed."""

PR_SET_PDEATHSIG = 1

say = Console(stderr=True, highlight=False)


class Interrupted(Exception):
    """Told to stop before everything was ready."""


def up(settings: Settings, listed: Sequence[Process] | None = None, as_json: bool = False) -> int:
    """Runs an instance until SIGINT, SIGTERM or SIGHUP. Returns the exit status.

    0: stopped as told. 1: it could not start, or its supervisor ended; the reason has been said.
    """
    settings = settings.model_copy(update={"data_dir": settings.data_dir.resolve()})
    told = Signals()
    try:
        wanted = list(processes(settings) if listed is None else listed)
        preflight.raise_file_limit()
        stores = [process.name for process in wanted if process.stage is Stage.STORE]
        preflight.prepare_data(settings.data_dir, stores)
        with preflight.alone(settings.data_dir):
            end_orphans(settings.data_dir)
            faults.forget(settings.data_dir)
            ports = {process.name: process.port for process in wanted if process.port}
            ports |= {
                f"{each.name}-metrics": each.metrics_port for each in wanted if each.metrics_port
            }
            preflight.check_ports(ports, settings)
            if settings.fault:
                say.print(f"faults are set, so something will die: {settings.fault}")
            return run(settings, wanted, told, as_json)
    except WrongSetup as error:
        say.print(f"recoup: {error}", style="red", soft_wrap=True)
        return 1


def run(settings: Settings, wanted: Sequence[Process], told: Signals, as_json: bool) -> int:
    """Starts supervisord, waits until all is ready, then until it is told to stop."""
    stack_id = secrets.token_hex(16)
    record(settings.data_dir).write_text(stack_id)
    supervisord = start_supervisord(settings, wanted, stack_id)
    try:
        wait_until_ready(settings, wanted, supervisord, told)
        print(ready_json(settings) if as_json else ready_line(settings), flush=True)
        told.wait(supervisord)
        if not told.stop:
            raise WrongSetup("supervisord has ended by itself; everything else is stopped too")
        return 0
    except Interrupted:
        return 0
    finally:
        stop(supervisord, stack_id)


def ready_line(settings: Settings) -> str:
    """What tells a newcomer, or a script, where to go."""
    where = "  ".join(f"{name} {address}" for name, address in places(settings).items())
    return f"ready  {where}  stop with Ctrl-C"


def ready_json(settings: Settings) -> str:
    """The same for programs."""
    return json.dumps({"ready": True, **places(settings)})


def places(settings: Settings) -> dict[str, str]:
    """Where a browser finds what."""
    gateway = f"http://{settings.host}:{settings.port}"
    return {
        "gateway": gateway,
        "console": pages.console(settings),
        "docs": f"{gateway}/docs/",
        "flower": pages.flower(settings),
    }


class Signals:
    """Notes the signals that end an instance, and wakes whoever waits for one."""

    def __init__(self) -> None:
        self.stop = False
        self._woken = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: self._woken.set())

    def _stop(self, *_: object) -> None:
        self.stop = True
        self._woken.set()

    def wait(self, child: subprocess.Popen[bytes]) -> None:
        """Returns when told to stop, or when the child has ended."""
        while not self.stop and child.poll() is None:
            self._woken.wait()
            self._woken.clear()


def record(data_dir: Path) -> Path:
    """Where the id of the latest start on this data is written."""
    return data_dir / "run" / "stack-id"


def end_orphans(data_dir: Path) -> None:
    """Ends what an earlier start on this data has left: someone had killed its supervisor."""
    with contextlib.suppress(FileNotFoundError):
        count = preflight.end(record(data_dir).read_text())
        if count:
            say.print(f"ended {count} processes that an earlier run had left")


def start_supervisord(
    settings: Settings, wanted: Sequence[Process], stack_id: str
) -> subprocess.Popen[bytes]:
    """Starts supervisord, and with it everything else."""
    path = write_configuration(wanted, settings.data_dir)
    output = settings.data_dir / "logs" / "supervisord.out"
    die_with_parent = ctypes.CDLL(None).prctl

    with output.open("wb") as file:
        return subprocess.Popen(
            (sys.executable, "-m", "supervisor.supervisord", "-c", str(path)),
            cwd=ROOT,
            env={**environment(settings), preflight.STACK_ID: stack_id},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            # Ctrl-C in a terminal goes to everyone in the group; the order of stopping is ours.
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(PR_SET_PDEATHSIG, signal.SIGTERM),
        )


def wait_until_ready(
    settings: Settings,
    wanted: Sequence[Process],
    supervisord: subprocess.Popen[bytes],
    told: Signals,
) -> None:
    """Shows progress until every process does its work. Raises WrongSetup if one can't."""
    names = {process.name for process in wanted}
    missing = {name: check for name, check in checks(settings).items() if name in names}
    total, began_s = len(missing), time.monotonic()
    starts: dict[str, set[int]] = defaultdict(set)
    with say.status("starting") as status:
        while missing:
            if told.stop:
                raise Interrupted
            if supervisord.poll() is not None:
                raise WrongSetup(f"supervisord ended at once: {last_line(settings, 'supervisord')}")
            take_ready(missing)
            status.update(f"{total - len(missing)}/{total} ready, waits for {', '.join(missing)}")
            give_up_on(missing, starts, settings)
            if time.monotonic() > began_s + READY_LIMIT_S:
                name = next(iter(missing))
                raise WrongSetup(not_ready(settings, name, f"not ready in {READY_LIMIT_S:.0f} s"))
            time.sleep(POLL_S)
    say.print(f"{total} of {total} processes ready after {time.monotonic() - began_s:.1f} s")


def take_ready(missing: dict[str, Check]) -> None:
    """Asks those that are missing, in their order, up to the first that isn't ready: who comes
    later needs it."""
    for name, check in list(missing.items()):
        if not check():
            return
        del missing[name]


def give_up_on(missing: dict[str, Check], starts: dict[str, set[int]], settings: Settings) -> None:
    """Raises WrongSetup for a process that ends again and again."""
    with contextlib.suppress(OSError):  # supervisord itself is still starting
        for name, state in Supervisor(settings.data_dir).states().items():
            starts[name].add(state.began_s)
            if name in missing and len(starts[name]) > STARTS_MOST:
                raise WrongSetup(not_ready(settings, name, "doesn't start"))


def not_ready(settings: Settings, name: str, why: str) -> str:
    """One sentence about a process that didn't come up."""
    log = settings.data_dir / "logs" / f"{name}.log"
    return f"{name}: {why}. Its last words: {last_line(settings, name)} (see {log})"


def last_line(settings: Settings, name: str) -> str:
    """The last line in a process's log that says something."""
    for ending in ("log", "out"):
        path = settings.data_dir / "logs" / f"{name}.{ending}"
        if path.exists():
            lines = path.read_text(errors="replace").splitlines()
            said = [line.strip() for line in lines if line.strip()]
            if said:
                return said[-1]
    return "none"


def stop(supervisord: subprocess.Popen[bytes], stack_id: str) -> None:
    """Stops everything, the front first; kills what is left in the end."""
    began_s = time.monotonic()
    with say.status("stopping"):
        if supervisord.poll() is None:
            supervisord.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                supervisord.wait(STOP_LIMIT_S)
        left = preflight.of_stack(stack_id)
        for process in left:
            say.print(f"killed {process.pid}, which had not stopped")
        if left:
            preflight.end(stack_id, limit_s=0)
        supervisord.wait()
    say.print(f"stopped after {time.monotonic() - began_s:.1f} s")
