"""The databases as the audit reads them: in batches, without a pause for anybody else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.exceptions import BusyLoadingError, ResponseError, WatchError

from recoup.audit import records
from recoup.audit.records import Unreadable
from recoup.scripts import connect
from recoup.settings import Settings

BATCH = 1000
"""Keys that one command looks at: less than half a millisecond, in which others must wait."""

TOGETHER = 100
"""Groups of commands in one transaction: about as long, in which others must wait."""

Command = tuple[str | int, ...]
Advance = Callable[[int], None]
"""Told how many keys were looked at."""


class Unreachable(Exception):
    """A database doesn't answer, so nothing can be said; the text says what to do."""


class Store:
    """One database, read-only."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.prefix = f"{{{name}}}:"
        self._url = settings.database_url(name)
        # What is no text can't be read as a number or an id either, and is reported as such.
        self._client = connect(self._url, encoding_errors="replace")

    def close(self) -> None:
        """Lets go of its connections."""
        self._client.close()

    def size(self) -> int:
        """How many keys there are."""
        with self._answering():
            return int(self._client.dbsize())

    def now_ms(self) -> int:
        """The store's clock: the highest TIME it has seen."""
        with self._answering():
            seconds, microseconds = self._client.time()
            (seen,) = self.read([("GET", self.prefix + "clock")])
        seen_ms = int(seen) if isinstance(seen, str) and seen.isdecimal() else 0
        return max(int(seconds) * 1000 + int(microseconds) // 1000, seen_ms)

    def names(self, kind: str, advance: Advance) -> Iterator[list[str]]:
        """The names behind `<kind>:`, in batches. What is there all the time comes, maybe twice."""
        prefix = f"{self.prefix}{kind}:"
        cursor = 0
        while True:
            with self._answering():
                cursor, keys = self._client.scan(cursor, match=prefix + "*", count=BATCH)
            advance(BATCH)
            if keys:
                yield [str(key)[len(prefix) :] for key in keys]
            if not cursor:
                return

    def members(self, name: str) -> Iterator[list[tuple[str, str]]]:
        """The entries of a hash or a sorted set, in batches. Raises Unreadable if it is neither."""
        commands = {"hash": "HSCAN", "zset": "ZSCAN"}
        key = self.prefix + name
        with self._answering():
            type = str(self._client.type(key))
        if type == "none":
            return
        if type not in commands:
            raise Unreadable(f"it is a {type}")
        cursor = "0"
        while True:
            (answer,) = self.read([(commands[type], key, cursor, "COUNT", BATCH)])
            next_cursor, flat = records.listed(answer)
            cursor = str(next_cursor)
            pairs = flat.items() if isinstance(flat, dict) else flat
            yield [(str(entry), str(value)) for entry, value in pairs]
            if cursor == "0":
                return

    def read(self, commands: Sequence[Command]) -> list[Any]:
        """Runs commands in one round trip; an error in place of what has another type."""
        return self._run(commands, together=False)

    def read_together(self, groups: Sequence[Sequence[Command]]) -> list[list[Any]]:
        """As `read`, and the commands of each group at one instant."""
        answers: list[Any] = []
        for first in range(0, len(groups), TOGETHER):
            some = groups[first : first + TOGETHER]
            answers += self._run([command for group in some for command in group], together=True)
        each = iter(answers)
        return [[next(each) for _ in group] for group in groups]

    @contextlib.contextmanager
    def watched(self, key: str) -> Iterator[Callable[[], bool]]:
        """Gives a function that says whether nobody has touched `key` since it was entered."""
        with self._answering(), self._client.pipeline() as pipeline:
            pipeline.watch(self.prefix + key)  # type: ignore[no-untyped-call]

            def untouched() -> bool:
                pipeline.multi()
                pipeline.ping()
                try:
                    pipeline.execute()
                except WatchError:
                    return False
                return True

            yield untouched

    def _run(self, commands: Sequence[Command], together: bool) -> list[Any]:
        if not commands:
            return []
        with self._answering(), self._client.pipeline(transaction=together) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
            answers: list[Any] = pipeline.execute(raise_on_error=False)
            for answer in answers:
                # Another type is the record's fault. Anything else: it can't be read now.
                if isinstance(answer, Exception) and "WRONGTYPE" not in str(answer):
                    raise answer
            return answers

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
            address = urlsplit(self._url)
            busy = "is loading its data" if isinstance(error, BusyLoadingError) else "is away"
            raise Unreachable(
                f"{self.name}-db at {address.hostname}:{address.port} {busy}. Start it (make run), "
                f"or name it in RECOUP_{self.name.upper()}_DB_URL, and ask again."
            ) from error
        except ResponseError as error:
            raise Unreachable(
                f"{self.name}-db refuses to be read: {error}. It needs SCAN, HMGET, HSCAN, ZSCAN, "
                "ZRANGE, ZSCORE, WATCH and MULTI."
            ) from error
