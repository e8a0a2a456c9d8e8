"""A database that doesn't say whether it has carried out a call: the caller is told so, and nobody
asks again behind its back.

The database here is a few lines that speak its protocol, so that what was sent can be counted.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any

import pytest

from gateway.app import OrderScripts
from gateway.orders.store import OrderStore
from proto import ledger_pb2 as pb
from recoup.errors import Unanswered
from recoup.scripts import Call, Scripts, connect
from recoup.settings import Settings
from tests.integration.books import COMMIT
from workers.ledger.accounts import Accounts
from workers.ledger.engine import Ledger

PATIENCE_S = 30
"""A limit for what should take milliseconds: reached only when it never comes."""

HANG_UP = b""
LOADING = b"-LOADING Redis is loading the dataset in memory\r\n"
NOSCRIPT = b"-NOSCRIPT No matching script.\r\n"

PROJECT = Path(__file__).parents[2]


class Database:
    """Takes calls of scripts, and answers the first, the second… as told; then it hangs up."""

    def __init__(self, *answers: bytes) -> None:
        self.calls: list[bytes] = []
        self.loaded = 0
        self.wait: dict[int, threading.Event] = {}
        """Which calls are answered only when something has happened."""
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, client.makefile("rb") as asked:
                try:
                    while (command := read(asked)) and (answer := self._answer(command)):
                        client.sendall(answer)
                except OSError:  # it had not the patience to wait for this
                    pass

    def _answer(self, command: list[bytes]) -> bytes:
        match command[0].upper():
            case b"EVALSHA":
                number = len(self.calls)
                self.calls.append(command[3])  # its first key
                if number in self.wait:
                    assert self.wait[number].wait(PATIENCE_S)
                return self._answers[number] if number < len(self._answers) else HANG_UP
            case b"HELLO":
                return b"%1\r\n$5\r\nproto\r\n:3\r\n"
            case b"SCRIPT":
                self.loaded += 1
                return b"$40\r\n" + b"0" * 40 + b"\r\n"
        return b"+OK\r\n"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE_S)


def read(asked: BufferedReader) -> list[bytes]:
    """One command; empty at the end."""
    first = asked.readline()
    command = []
    for _ in range(int(first[1:] or 0)):
        length = int(asked.readline()[1:])
        command.append(asked.read(length + 2)[:-2])
    return command


Begin = Callable[..., Database]


@pytest.fixture
def begin() -> Iterator[Begin]:
    databases = []

    def begin(*answers: bytes) -> Database:
        databases.append(Database(*answers))
        return databases[-1]

    yield begin
    for database in databases:
        database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "count.lua").write_text("return redis.call('INCR', KEYS[1])")
    return tmp_path


def count(*keys: str) -> list[Call]:
    return [Call("count", (key,)) for key in keys]


# --- whoever the caller is ---


def plain(url: str, folder: Path) -> None:
    with connect(url) as client:
        Scripts(client, folder).run(count("a"))


def gateway(url: str, folder: Path) -> None:
    settings = Settings(orders_db_url=url)
    OrderStore(OrderScripts(settings).run, settings).propose("o.1", "commit")


def party(url: str, folder: Path) -> None:
    with connect(url) as client:
        settlement = pb.Settlement(tid="o.1", verdict=COMMIT)
        request = pb.ApplyRequest(settlements=[settlement])
        Ledger(client, "stock", Settings()).apply(request)


def accounts(url: str, folder: Path) -> None:
    with connect(url) as client:
        adjustment = pb.Adjustment(account_id="a", amount=5)
        Accounts(client, "stock", Settings()).adjust([adjustment])


CALLERS = [plain, gateway, party, accounts]


@pytest.mark.parametrize("answer", [HANG_UP, LOADING], ids=["hangs up", "is loading"])
@pytest.mark.parametrize("caller", CALLERS)
def test_a_call_without_an_answer_is_sent_once(
    begin: Begin, folder: Path, caller: Callable[[str, Path], None], answer: bytes
) -> None:
    # Given a database that takes a call and hangs up, or is loading its data
    database = begin(answer, b":1\r\n")
    # When it is called, then the caller is told that it hasn't answered
    with pytest.raises(Unanswered):
        caller(database.url, folder)
    # And it was called once
    assert len(database.calls) == 1


def test_an_answer_that_comes_too_late_is_nobodys(
    begin: Begin, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a database that answers when its client has lost patience
    monkeypatch.setattr("recoup.scripts.SOCKET_TIMEOUT_S", 0.1)
    database = begin(b":1\r\n", b":2\r\n")
    gave_up = database.wait[0] = threading.Event()
    with connect(database.url) as client:
        scripts = Scripts(client, folder)
        # When it is called, then it was called once
        with pytest.raises(Unanswered):
            scripts.run(count("a"))
        assert database.calls == [b"a"]
        # And the next call doesn't take the late answer for its own
        gave_up.set()
        assert scripts.run(count("b")) == [2]
    assert database.calls == [b"a", b"b"]


def test_only_a_call_that_was_not_run_is_sent_again(begin: Begin, folder: Path) -> None:
    # Given a database that doesn't know the script of the second of three calls
    database = begin(b":1\r\n", NOSCRIPT, b":3\r\n", b":2\r\n")
    with connect(database.url) as client:
        assert Scripts(client, folder).run(count("a", "b", "c")) == [1, 2, 3]
    # Then it was given the scripts, and that call alone once more
    assert database.loaded > 0
    assert database.calls == [b"a", b"b", b"c", b"b"]


def test_what_is_sent_again_is_sent_again_once(begin: Begin, folder: Path) -> None:
    # Given a database that is given its scripts, and then hangs up
    database = begin(NOSCRIPT, HANG_UP, b":1\r\n")
    with connect(database.url) as client, pytest.raises(Unanswered):
        Scripts(client, folder).run(count("a"))
    assert database.calls == [b"a", b"a"]


def test_a_database_that_never_learns_is_not_asked_for_ever(begin: Begin, folder: Path) -> None:
    database = begin(NOSCRIPT, NOSCRIPT, b":1\r\n")
    with connect(database.url) as client:
        (result,) = Scripts(client, folder).run(count("a"))
    assert "No matching script" in str(result)
    assert database.calls == [b"a", b"a"]


def test_there_is_one_way_to_connect() -> None:
    # Given all that is written in this project, but for its tests
    packages: Sequence[Any] = ("gateway", "workers", "reconcile", "recoup", "loadtest")
    sources = [path for package in packages for path in (PROJECT / package).rglob("*.py")]
    # When one looks for what makes a client of a database
    makes = re.compile(r"(redis|Redis)\.from_url\(|\bRedis\(|StrictRedis|ConnectionPool\(")
    found = [path.relative_to(PROJECT) for path in sources if makes.search(path.read_text())]
    # Then it is that which never repeats a call
    assert found == [Path("recoup/scripts.py")]
