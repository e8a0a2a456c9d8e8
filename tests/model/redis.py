"""A small Redis in memory: what the project's Lua scripts use of it, and nothing else.

Its contents can be frozen into a `Store`: a value that never changes, of which there is one object
for each content, so that comparing two of them is comparing addresses. That the commands here do
what a real Redis does is tested in `tests/integration/test_model_redis.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from redis.exceptions import ResponseError


class SortedSet(dict[str, float]):
    """Members and their scores."""


Value = str | dict[str, str] | SortedSet | set[str] | list[str]
Frozen = tuple[str, str, Any, int | None]
"""Key, kind, contents in an order that is always the same, and when it expires, in ms."""

Reply = str | int | None | list[Any]


class Store:
    """The contents of a database. Equal contents are the same object."""

    __slots__ = ("contents",)
    _all: ClassVar[dict[tuple[Frozen, ...], Store]] = {}

    def __init__(self, contents: tuple[Frozen, ...]) -> None:
        self.contents = contents

    @classmethod
    def of(cls, contents: tuple[Frozen, ...]) -> Store:
        return cls._all.setdefault(contents, cls(contents))


EMPTY = Store.of(())


def freeze(value: Value) -> tuple[str, Any]:
    """The kind and the contents of a value, in an order that is always the same."""
    if isinstance(value, str):
        return "string", value
    if isinstance(value, list):
        return "list", tuple(value)
    if isinstance(value, set):
        return "set", tuple(sorted(value))
    kind = "zset" if isinstance(value, SortedSet) else "hash"
    return kind, tuple(sorted(value.items()))


THAW: dict[str, Callable[[Any], Value]] = {
    "string": str,
    "list": list,
    "set": set,
    "zset": SortedSet,
    "hash": dict,
}


class Commands:
    """A database at work, at one moment. Each method in capitals is a command of that name."""

    def __init__(self, store: Store, time_ms: int) -> None:
        self.time_ms = time_ms
        self.values: dict[str, Value] = {}
        self.expires_ms: dict[str, int] = {}
        for key, kind, contents, expires_ms in store.contents:
            if expires_ms is not None and expires_ms <= time_ms:
                continue
            self.values[key] = THAW[kind](contents)
            if expires_ms is not None:
                self.expires_ms[key] = expires_ms

    def frozen(self) -> Store:
        """What the database holds now. Whatever became empty is gone, as in Redis."""
        return Store.of(
            tuple(
                (key, *freeze(value), self.expires_ms.get(key))
                for key, value in sorted(self.values.items())
                if value or isinstance(value, str)
            )
        )

    def call(self, name: str, *arguments: str) -> Reply:
        """Carries out a command. One that isn't known here is a fault of the model's, not an error
        that a script could handle."""
        command = getattr(self, name.upper(), None)
        if command is None:
            raise NotImplementedError(f"the model's Redis has no {name} {arguments}")
        reply: Reply = command(*arguments)
        return reply

    def _get(self, key: str, kind: type[Any]) -> Any:
        """The value of a key, empty if there is none, which a write then puts there."""
        value = self.values.get(key)
        if value is None:
            self.expires_ms.pop(key, None)
            return kind()
        if type(value) is not kind:
            raise ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")
        return value

    # Redis fixes the names of its commands.
    # ruff: noqa: N802

    # --- all keys ---

    def TIME(self) -> list[str]:
        return [str(self.time_ms // 1000), str(self.time_ms % 1000 * 1000)]

    def EXISTS(self, key: str) -> int:
        return int(bool(self.values.get(key)) or isinstance(self.values.get(key), str))

    def DEL(self, key: str) -> int:
        self.expires_ms.pop(key, None)
        return int(self.values.pop(key, None) is not None)

    def EXPIRE(self, key: str, seconds: str) -> int:
        return self.PEXPIREAT(key, str(self.time_ms + int(seconds) * 1000))

    def PEXPIRE(self, key: str, ms: str) -> int:
        return self.PEXPIREAT(key, str(self.time_ms + int(ms)))

    def PEXPIREAT(self, key: str, ms: str) -> int:
        if not self.EXISTS(key):
            return 0
        self.expires_ms[key] = int(ms)
        if int(ms) <= self.time_ms:
            self.DEL(key)
        return 1

    def PERSIST(self, key: str) -> int:
        return int(self.expires_ms.pop(key, None) is not None)

    # --- strings and lists ---

    def GET(self, key: str) -> str | None:
        self._get(key, str)
        value = self.values.get(key)
        return None if value is None else str(value)

    def SET(self, key: str, value: str) -> str:
        self.DEL(key)
        self.values[key] = value
        return "OK"

    def INCR(self, key: str) -> int:
        return self.INCRBY(key, "1")

    def INCRBY(self, key: str, amount: str) -> int:
        number = int(self._get(key, str) or 0) + int(amount)
        self.values[key] = str(number)
        return number

    def LRANGE(self, key: str, first: str, last: str) -> list[str]:
        items: list[str] = self._get(key, list)
        end = int(last)
        return items[int(first) : end + 1 if end >= 0 else len(items) + end + 1]

    def RPUSH(self, key: str, *items: str) -> int:
        self.values[key] = [*self._get(key, list), *items]
        return len(self.values[key])

    def LTRIM(self, key: str, first: str, last: str) -> str:
        self.values[key] = self.LRANGE(key, first, last)
        return "OK"

    # --- hashes ---

    def HGET(self, key: str, field: str) -> str | None:
        value: str | None = self._get(key, dict).get(field)
        return value

    def HMGET(self, key: str, *fields: str) -> list[str | None]:
        value = self._get(key, dict)
        return [value.get(field) for field in fields]

    def HGETALL(self, key: str) -> list[str]:
        return [each for pair in sorted(self._get(key, dict).items()) for each in pair]

    def HEXISTS(self, key: str, field: str) -> int:
        return int(field in self._get(key, dict))

    def HSET(self, key: str, *pairs: str) -> int:
        value = self._get(key, dict)
        new = dict(zip(pairs[::2], pairs[1::2], strict=True))
        added = len(new.keys() - value.keys())
        self.values[key] = value | new
        return added

    def HDEL(self, key: str, *fields: str) -> int:
        value = self._get(key, dict)
        return sum(value.pop(field, None) is not None for field in fields)

    def HINCRBY(self, key: str, field: str, amount: str) -> int:
        value = self._get(key, dict)
        try:
            number = int(value.get(field, "0")) + int(amount)
        except ValueError:
            raise ResponseError("ERR hash value is not an integer") from None
        self.values[key] = value | {field: str(number)}
        return number

    # --- sets ---

    def SADD(self, key: str, *members: str) -> int:
        value = self._get(key, set)
        self.values[key] = value | set(members)
        return len(set(members) - value)

    def SREM(self, key: str, *members: str) -> int:
        value = self._get(key, set)
        gone = value & set(members)
        value -= gone
        return len(gone)

    def SCARD(self, key: str) -> int:
        return len(self._get(key, set))

    def SPOP(self, key: str, count: str) -> list[str]:
        """The smallest ones: where Redis chooses by chance, any choice will do."""
        chosen = sorted(self._get(key, set))[: int(count)]
        self.SREM(key, *chosen)
        return chosen

    # --- sorted sets ---

    def ZADD(self, key: str, *arguments: str) -> int:
        value = self._get(key, SortedSet)
        flags = {each for each in arguments[:-2] if each in ("XX", "NX", "GT")}
        score, member = float(arguments[-2]), arguments[-1]
        assert len(arguments) == 2 + len(flags), "one member at a time"
        old = value.get(member)
        if ("XX" in flags and old is None) or ("NX" in flags and old is not None):
            return 0
        if "GT" in flags and old is not None and score <= old:
            return 0
        self.values[key] = SortedSet(value | {member: score})
        return int(old is None)

    def ZREM(self, key: str, *members: str) -> int:
        value = self._get(key, SortedSet)
        return sum(value.pop(member, None) is not None for member in members)

    def ZCARD(self, key: str) -> int:
        return len(self._get(key, SortedSet))

    def ZSCORE(self, key: str, member: str) -> str | None:
        score = self._get(key, SortedSet).get(member)
        return None if score is None else number(score)

    def ZRANGE(self, key: str, first: str, last: str) -> list[str]:
        members = [member for member, _ in self._by_score(key)]
        end = int(last)
        return members[int(first) : end + 1 if end >= 0 else len(members) + end + 1]

    def ZRANGEBYSCORE(self, key: str, low: str, high: str, *limit: str) -> list[str]:
        assert low == "-inf", "from the lowest score on"
        found = [member for member, score in self._by_score(key) if score <= float(high)]
        if not limit:
            return found
        word, offset, count = limit
        assert word == "LIMIT", limit
        return found[int(offset) : int(offset) + int(count)]

    def _by_score(self, key: str) -> list[tuple[str, float]]:
        return sorted(self._get(key, SortedSet).items(), key=lambda pair: (pair[1], pair[0]))


def number(value: float) -> str:
    """A number as Redis writes it, exact to the last digit."""
    return str(int(value)) if value == int(value) else f"{value:.17g}"
