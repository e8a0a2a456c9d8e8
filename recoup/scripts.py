"""Runs Lua scripts on one Redis database: a list of calls in one round trip, each on its own.

Scripts are addressed by hash. A database that doesn't know one (it was restarted, or replaced)
says so *without having run it*; only such calls are sent again. Nothing else is ever repeated
here, and the client is built so that it repeats nothing by itself either: whether a call may be
made twice is for the caller to know.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from recoup.errors import NO_DATABASE, Unanswered, WrongSetup

SHARED = Path(__file__).with_name("lua")
PRELUDE = SHARED / "prelude.lua"

SOCKET_TIMEOUT_S = 3.0
"""A database on the same network answers in a millisecond; one that doesn't is not coming back
within the deadline of a checkout."""


@dataclass(frozen=True, slots=True)
class Call:
    """One run of a script, by the name of its file."""

    script: str
    keys: Sequence[str]
    arguments: Sequence[str | int] = field(default=())


def connect(
    url: str, encoding_errors: str = "strict", limit_s: float = SOCKET_TIMEOUT_S
) -> redis.Redis:
    """A client for the database at `url`, which never repeats a command by itself.

    `encoding_errors`: what becomes of bytes that are no text; see `bytes.decode`. `limit_s`: how
    long it waits for an answer; whoever just looks may be less patient.
    """
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        encoding_errors=encoding_errors,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=limit_s,
        socket_connect_timeout=min(limit_s, 1.0),
        max_connections=64,
    )


SAFE = (
    ("maxmemory-policy", "noeviction", "it drops keys when memory is full, and money with them"),
    ("appendonly", "yes", "when it is killed it forgets what it has acknowledged"),
    ("appendfsync", "always", "when its machine fails it forgets what it has acknowledged"),
)
"""What a database of money and goods has to be set to, and what happens otherwise."""

ALWAYS_NEEDED = {"maxmemory-policy"}
"""What even an operator who accepts losses can't do without."""


def refuse_unsafe(client: redis.Redis, durable: bool) -> None:
    """Raises WrongSetup if this database may lose what it holds.

    Without `durable` it may lose what it acknowledged last, when it or its machine dies.
    """
    for setting, safe, otherwise in SAFE:
        if not durable and setting not in ALWAYS_NEEDED:
            continue
        value = _setting(client, setting, safe)
        if value != safe:
            raise WrongSetup(
                f"the database has {setting} {value}: {otherwise}. Set {setting} to {safe}."
            )


def is_durable(client: redis.Redis) -> bool:
    """Whether this database keeps what it acknowledges, by its settings as they are now.

    Raises Unanswered when it can't be asked.
    """
    return all(_setting(client, setting, safe) == safe for setting, safe, _ in SAFE)


def _setting(client: redis.Redis, setting: str, unknown: str) -> str:
    """A setting of the database; `unknown` if it has none of that name."""
    try:
        return str(client.config_get(setting).get(setting, unknown))
    except redis.exceptions.RedisError as error:
        raise Unanswered(f"the database can't be asked for its settings: {error}") from error


class Scripts:
    """The scripts of one folder (and those that all share), on one database. A `prelude.lua` in the
    folder goes in front of each of them."""

    def __init__(self, client: redis.Redis, folder: Path) -> None:
        self.client = client
        own = folder / PRELUDE.name
        prelude = PRELUDE.read_text() + (own.read_text() if own.exists() else "")
        scripts = {*SHARED.glob("*.lua"), *folder.glob("*.lua")} - {PRELUDE, own}
        self._sources = {path.stem: prelude + path.read_text() for path in sorted(scripts)}
        self._hashes = {
            name: hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
            for name, source in self._sources.items()
        }

    def run(self, calls: Sequence[Call]) -> list[Any]:
        """Runs each call on its own, in order, in one round trip.

        Returns for each call what its script returned, or the ResponseError it ended with.
        Raises Unanswered when the database did not answer: each call has been run, or has not.
        """
        try:
            results = self._send(calls)
            unknown = [i for i, result in enumerate(results) if isinstance(result, NoScriptError)]
            if unknown:
                for source in self._sources.values():
                    self.client.script_load(source)
                again = self._send([calls[i] for i in unknown])
                for i, result in zip(unknown, again, strict=True):
                    results[i] = result
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
            raise Unanswered(f"{NO_DATABASE}: {error}") from error
        return results

    def run_one(self, call: Call) -> Any:
        """Runs one call; raises what it ended with."""
        (result,) = self.run([call])
        if isinstance(result, Exception):
            raise result
        return result

    def _send(self, calls: Sequence[Call]) -> list[Any]:
        # What a pipeline of the client does, without what it does besides: that costs as much as
        # the rest (see docs/performance.md).
        pool = self.client.connection_pool
        connection: Any = pool.get_connection()
        try:
            connection.send_packed_command(connection.pack_commands(map(self._command, calls)))
            return [_answer(connection) for _ in calls]
        except BaseException:
            connection.disconnect()  # else the next one would take these answers for its own
            raise
        finally:
            pool.release(connection)

    def _command(self, call: Call) -> tuple[str | int, ...]:
        return ("EVALSHA", self._hashes[call.script], len(call.keys), *call.keys, *call.arguments)


def _answer(connection: Any) -> Any:
    """The next answer, or the error that a script ended with."""
    try:
        return connection.read_response()
    except redis.exceptions.ResponseError as error:
        return error
