"""Checks out thousands of orders at the same moment, each over a connection of its own.

In a process of its own, since so many connections take green threads, which change the standard
library under whoever else uses it:

    python -m tests.e2e.burst URL ORDERS FIND...

Orders are "0" to "ORDERS-1". Meanwhile another client, one request after the other, asks for what
FIND names. Tells what happened as JSON: see `Burst`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

import gevent
from gevent import socket
from gevent.event import Event

LIMIT_S = 60.0
"""Of connecting, and of waiting for the answer: reached only when none comes."""

OTHER_FILES = 64
"""Open files of this process besides its connections."""


@dataclass(frozen=True)
class Reply:
    """The answer to one request, with the last part of its problem's type, if it is one; status 0:
    there was none, and `fault` says why."""

    path: str
    status: int = 0
    content_type: str = ""
    retry_after: str = ""
    problem: str = ""
    fault: str = ""
    took_s: float = 0.0


@dataclass
class Burst:
    """What a burst came to: the checkouts, and what was asked meanwhile."""

    checkouts: list[Reply] = field(default_factory=list)
    others: list[Reply] = field(default_factory=list)


def open_files_most() -> int:
    """How many files a process of this user may ever have open at once."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def run(url: str, orders: int, *find: str) -> Burst:
    """Runs a burst in a process of its own."""
    command = [sys.executable, "-m", "tests.e2e.burst", url, str(orders), *find]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    lists = json.loads(said.stdout)
    return Burst(**{name: [Reply(**reply) for reply in lists[name]] for name in lists})


def ask(address: tuple[str, int], method: str, path: str) -> Reply:
    """One request over a connection of its own, which the server ends."""
    head = f"{method} {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
    began_s = time.monotonic()
    answer = bytearray()
    try:
        with socket.create_connection(address, timeout=LIMIT_S) as connection:
            connection.sendall(head.encode())
            while chunk := connection.recv(4096):
                answer += chunk
    except OSError as error:
        return Reply(path, fault=repr(error), took_s=time.monotonic() - began_s)
    took_s = time.monotonic() - began_s
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    if not lines[0].startswith("HTTP/1.1 "):
        return Reply(path, fault=f"no answer: {lines[0]!r}", took_s=took_s)
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    status, content_type = int(lines[0].split()[1]), headers.get("content-type", "")
    problem = json.loads(body)["type"].rsplit("/")[-1] if status >= 400 else ""
    retry_after = headers.get("retry-after", "")
    return Reply(path, status, content_type, retry_after, problem, took_s=took_s)


def burst(address: tuple[str, int], orders: int, find: list[str]) -> Burst:
    """All checkouts at once; the others' requests from before until after them."""
    result = Burst()
    gate, over = Event(), Event()

    def check_out(order_id: int) -> Reply:
        gate.wait()
        return ask(address, "POST", f"/orders/checkout/{order_id}")

    def look_around() -> None:
        while not over.is_set():
            result.others.extend(ask(address, "GET", path) for path in find)

    checkouts = [gevent.spawn(check_out, order_id) for order_id in range(orders)]
    looking = gevent.spawn(look_around)
    gevent.sleep(0)
    gate.set()
    gevent.joinall(checkouts, raise_error=True)
    over.set()
    looking.get()
    result.checkouts = [greenlet.value for greenlet in checkouts]
    return result


def main() -> None:
    """The command line."""
    url, orders, *find = sys.argv[1:]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = int(orders) + OTHER_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, open_files_most()), hard))
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    result = burst((parts.hostname, parts.port), int(orders), find)
    print(json.dumps(asdict(result)))


if __name__ == "__main__":
    main()
