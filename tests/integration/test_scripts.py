"""How scripts are run: unknown ones are loaded, each call is on its own, nothing is repeated."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from recoup import scripts as scripts_module
from recoup.errors import Unanswered, WrongSetup
from recoup.scripts import Call, Scripts, connect, refuse_unsafe
from tests.integration.conftest import Server

COUNT = "return redis.call('INCR', KEYS[1])"
FAIL = "redis.call('INCR', KEYS[1]); return redis.call('NO SUCH COMMAND')"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two scripts: one that counts, and one that counts and fails."""
    (tmp_path / "count.lua").write_text(COUNT)
    (tmp_path / "fail.lua").write_text(FAIL)
    return tmp_path


@pytest.fixture
def scripts(client: redis.Redis, folder: Path) -> Scripts:
    return Scripts(client, folder)


def count(key: str = "n") -> Call:
    return Call("count", (key,))


def test_who_is_interrupted_leaves_no_answers_to_the_next(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given somebody who sent two calls, and was interrupted before the second answer
    answered = iter([scripts_module._answer])

    def interrupted(connection: object) -> object:
        for answer in answered:
            return answer(connection)
        raise KeyboardInterrupt

    scripts.run([count("n")])
    with monkeypatch.context() as patch:
        patch.setattr(scripts_module, "_answer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            scripts.run([count("n"), count("n")])
    # when the next one sends a call, then the answer is its own
    assert scripts.run([count("other")]) == [1]


class Relay:
    """Stands between a client and a database. When it has passed on calls of scripts, and they
    were carried out, it hangs up."""

    def __init__(self, database: str) -> None:
        self.connections = 0
        self._database = database
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
            self.connections += 1
            address = urlsplit(self._database)
            with client, socket.create_connection((address.hostname, address.port)) as database:
                self._pass_on(client, database)

    def _pass_on(self, client: socket.socket, database: socket.socket) -> None:
        while asked := client.recv(65536):
            database.sendall(asked)
            answer = database.recv(65536)
            if b"EVALSHA" in asked:
                return
            client.sendall(answer)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def relay(server: Server) -> Iterator[Relay]:
    relay = Relay(server.url)
    yield relay
    relay.close()


def test_calls_are_answered_in_their_order(scripts: Scripts) -> None:
    assert scripts.run([count("a"), count("b"), count("a")]) == [1, 1, 2]
    assert scripts.run([]) == []


def test_what_all_scripts_share_is_there(client: redis.Redis, folder: Path) -> None:
    (folder / "time.lua").write_text("return exact(clock(KEYS[1]))")
    client.set("clock", 2**53 - 1)
    assert Scripts(client, folder).run_one(Call("time", ("clock",))) == str(2**53 - 1)
    assert Scripts(client, folder).run_one(Call("recall", ("key",), ("f",))) == []


def test_a_database_that_forgot_the_scripts_is_given_them_again(
    scripts: Scripts, client: redis.Redis
) -> None:
    # Given a database that knows the scripts no more, as after a restart
    scripts.run([count()])
    client.script_flush()
    # When a batch is run, then each call is answered in its place, and was carried out once
    assert scripts.run([count("a"), count("b"), count("a")]) == [1, 1, 2]
    assert scripts.run_one(count()) == 2


def test_only_calls_that_were_not_run_are_sent_again(scripts: Scripts, client: redis.Redis) -> None:
    # Given a database that knows one of the two scripts
    scripts.run([count()])
    client.script_flush()
    client.script_load(scripts._sources["count"])
    # When both are called
    first, failed, second = scripts.run([count(), Call("fail", ("m",)), count()])
    # Then the known one was carried out once for each call, and the other once too
    assert (first, second) == (2, 3)
    assert isinstance(failed, redis.exceptions.ResponseError)
    assert client.get("m") == "1"


def test_a_call_that_fails_is_not_repeated_and_disturbs_no_other(
    scripts: Scripts, client: redis.Redis
) -> None:
    client.set("text", "what is this?")
    first, wrong, failed, last = scripts.run(
        [count(), count("text"), Call("fail", ("m",)), count()]
    )
    assert (first, last) == (1, 2)
    assert isinstance(wrong, redis.exceptions.ResponseError)
    assert isinstance(failed, redis.exceptions.ResponseError)
    assert client.get("m") == "1"


def test_one_call_raises_what_it_ended_with(scripts: Scripts, client: redis.Redis) -> None:
    client.lpush("list", "x")
    with pytest.raises(redis.exceptions.ResponseError, match="WRONGTYPE"):
        scripts.run_one(count("list"))


def test_a_database_that_is_down_has_not_answered(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with connect(f"redis://127.0.0.1:{port}/0") as client, pytest.raises(Unanswered):
        Scripts(client, folder).run([count()])


def test_a_connection_that_breaks_after_a_call_was_sent_is_not_tried_again(
    scripts: Scripts, client: redis.Redis, relay: Relay, folder: Path
) -> None:
    # Given a database that knows the scripts, behind a connection that breaks before it answers
    assert scripts.run([count()]) == [1]
    with connect(relay.url) as broken:
        # When two calls are sent
        with pytest.raises(Unanswered):
            Scripts(broken, folder).run([count(), count()])
        # Then each was carried out once, and nobody has sent it again
        assert client.get("n") == "3"
        assert relay.connections == 1
        # And the next call goes out on a connection of its own
        with pytest.raises(Unanswered):
            Scripts(broken, folder).run([count()])
    assert client.get("n") == "4"
    assert relay.connections == 2


def test_a_database_that_is_silent_has_not_answered(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recoup.scripts.SOCKET_TIMEOUT_S", 0.1)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        connect(f"redis://127.0.0.1:{silent.getsockname()[1]}/0") as client,
        pytest.raises(Unanswered),
    ):
        Scripts(client, folder).run([count()])


REWRITES = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
UNSAFE = {"maxmemory-policy": "allkeys-lru", "appendonly": "no", "appendfsync": "everysec"}


@pytest.fixture
def database(client: redis.Redis) -> Iterator[redis.Redis]:
    """A database whose settings may be changed: it has its own again afterwards."""
    before = {setting: client.config_get(setting)[setting] for setting in UNSAFE}
    yield client
    for setting, value in before.items():
        client.config_set(setting, value)
    # It writes its file anew when it is to keep one again, and doesn't stop before that is done.
    while "1" in {str(client.info("persistence")[word]) for word in REWRITES}:
        time.sleep(0.01)


@pytest.mark.parametrize("setting", UNSAFE)
def test_a_database_that_may_lose_money_is_refused(database: redis.Redis, setting: str) -> None:
    # Given a database that keeps everything
    refuse_unsafe(database, durable=True)
    # When it is set otherwise, then it is refused, with a sentence that says what to do
    database.config_set(setting, UNSAFE[setting])
    with pytest.raises(WrongSetup, match=f"has {setting} {UNSAFE[setting]}: .* Set {setting} to"):
        refuse_unsafe(database, durable=True)


def test_who_accepts_that_it_forgets_is_not_refused_but_it_must_not_drop(
    database: redis.Redis,
) -> None:
    for setting in ("appendonly", "appendfsync"):
        database.config_set(setting, UNSAFE[setting])
    refuse_unsafe(database, durable=False)
    database.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(WrongSetup):
        refuse_unsafe(database, durable=False)
