"""What is checked before anything starts: a fault is one sentence, and nothing half started."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import shutil
import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from recoup.errors import WrongSetup
from recoup.settings import Settings

FREE_LEAST_BYTES = 200 * 1024 * 1024
"""Below this the databases would soon refuse to write."""

OPEN_FILES = 65_536
"""Each client connection is an open file, and the usual limit of 1,024 is soon reached."""

STACK_ID = "RECOUP_STACK_ID"
"""In the environment of everything that one start has started, so that it can be found again."""

END_LIMIT_S = 3.0


def raise_file_limit() -> None:
    """Raises the soft limit of open files, as far as the hard one allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def prepare_data(folder: Path, stores: Iterable[str]) -> None:
    """Makes the folders of an instance. Raises WrongSetup if they can't be written, or are full."""
    try:
        for name in (*stores, "run", "logs", "beat", "flower"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        probe = folder / "run" / "probe"
        probe.write_text("can be written")
        probe.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise WrongSetup(
            f"the data folder {folder} can't be written: {error.strerror}. Set DATA to another."
        ) from error
    if free < FREE_LEAST_BYTES:
        raise WrongSetup(
            f"only {free // 2**20} MB are free where {folder} is; the databases need "
            f"{FREE_LEAST_BYTES // 2**20}. Make room, or set DATA to a folder on another disk."
        )


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds an instance's data for itself. Raises WrongSetup if another instance does."""
    with (folder / "run" / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise WrongSetup(
                f"another instance (process {lock.read().strip()}) runs on {folder}. Stop it, or "
                "set DATA to another folder."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def check_ports(ports: dict[str, int], settings: Settings) -> None:
    """Raises WrongSetup if a port is taken; `ports` by the name of what listens there."""
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, port))
            except OSError:
                variable = "FLOWER_PORT" if name == "flower" else "PORT"
                raise WrongSetup(
                    f"port {port}, which {name} needs, is taken{by_whom(port)}. "
                    f"Stop that, or set {variable} to another."
                ) from None


def by_whom(port: int) -> str:
    """ " by <program> (process <pid>)", as far as this user may know."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""


def of_stack(stack_id: str) -> list[psutil.Process]:
    """Every process, but this one, that the start named `stack_id` has started."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mine = process.pid != os.getpid() and process.environ().get(STACK_ID) == stack_id
            if mine and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def end(stack_id: str, limit_s: float = END_LIMIT_S) -> int:
    """Ends every process of a stack: asks, then kills what is left. Returns how many there were."""
    found = of_stack(stack_id)
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(found, timeout=limit_s)
    give_up_s = time.monotonic() + END_LIMIT_S
    # Looks again each time: a supervisor among them may have started another meanwhile.
    while (left := of_stack(stack_id)) and time.monotonic() < give_up_s:
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=0.2)
    return len(found)
