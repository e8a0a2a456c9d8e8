"""A client of the in-memory Redis: runs the project's own Lua, as `recoup.scripts` sends it.

It stands where the project has a `redis.Redis`. What isn't defined here doesn't exist, so that code
which begins to use more of a client fails loudly.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lupa import lua51  # type: ignore[import-untyped]
from redis.exceptions import NoScriptError, ResponseError

from tests.model.redis import EMPTY, Commands, Reply, Store, number

Rewrite = Callable[[str], str]
"""Changes the text of a script: how a mutant gets into the database."""


class Database:
    """One database, of which the contents and the time are set from outside."""

    def __init__(self, rewrite: Rewrite = str, loud: bool = True) -> None:
        """`loud`: a script that fails ends everything. No record is ever broken in the model, so
        that none may."""
        self._commands = Commands(EMPTY, 0)
        self._rewrite = rewrite
        self._loud = loud
        self._answers: deque[Any] = deque()
        self._scripts: dict[str, Any] = {}
        self._lua = lua51.LuaRuntime(unpack_returned_tuples=True)
        self._lua.globals().redis = self._lua.table_from(
            {"call": self._call, "pcall": self._protected_call}
        )

    def open(self, store: Store, time_ms: int) -> None:
        """Puts these contents in, at this time."""
        self._commands = Commands(store, time_ms)

    def close(self) -> Store:
        """The contents as they are now."""
        return self._commands.frozen()

    # --- as a client ---

    @property
    def connection_pool(self) -> Database:
        """Its one connection, which is itself."""
        return self

    def get_connection(self) -> Database:
        return self

    def release(self, connection: Database) -> None:
        assert not self._answers

    def disconnect(self) -> None:
        self._answers.clear()

    def pack_commands(self, commands: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return list(commands)

    def send_packed_command(self, commands: Sequence[tuple[Any, ...]]) -> None:
        for name, *arguments in commands:
            assert name == "EVALSHA", name
            self._answers.append(self.evalsha(*arguments))

    def read_response(self) -> Any:
        answer = self._answers.popleft()
        if isinstance(answer, ResponseError):
            raise answer
        return answer

    def script_load(self, source: str) -> None:
        name = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
        self._scripts[name] = _compile(self._lua, self._rewrite(source))

    def evalsha(self, name: str, count: int, *arguments: str | int) -> Any:
        """Runs a script; gives what the client gives, or the error it ended with."""
        if name not in self._scripts:
            return NoScriptError("NOSCRIPT No matching script")
        texts = [str(each) for each in arguments]
        keys, rest = self._lua.table_from(texts[:count]), self._lua.table_from(texts[count:])
        try:
            return _from_lua(self._scripts[name](keys, rest))
        except (ResponseError, lua51.LuaError) as error:
            if self._loud:
                raise
            return ResponseError(f"ERR {error}") if isinstance(error, lua51.LuaError) else error

    # --- as a script sees it ---

    def _call(self, name: str, *arguments: str | float) -> Any:
        texts = [each if isinstance(each, str) else number(each) for each in arguments]
        return self._to_lua(self._commands.call(name, *texts))

    def _protected_call(self, name: str, *arguments: str | float) -> Any:
        try:
            return self._call(name, *arguments)
        except ResponseError as error:
            return self._lua.table_from({"err": str(error)})

    def _to_lua(self, reply: Reply) -> Any:
        if reply is None:
            return False
        if isinstance(reply, list):
            return self._lua.table_from([self._to_lua(each) for each in reply])
        return reply


def _compile(lua: Any, source: str) -> Any:
    return lua.execute(f"return function(KEYS, ARGV)\n{source}\nend")


def _from_lua(value: Any) -> Any:
    """What a client gets of what a script returns. Lists end at the first nil."""
    if value is None or value is False:
        return None
    if value is True:
        return 1
    if isinstance(value, int | float):
        return int(value)
    if isinstance(value, str):
        return value
    if value["err"] is not None:
        return ResponseError(value["err"])
    items: list[Any] = []
    while (item := value[len(items) + 1]) is not None:
        items.append(_from_lua(item))
    return items
