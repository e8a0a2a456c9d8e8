"""How a mutant is made: the project's own text with a few words replaced, in Lua or in Python."""

from __future__ import annotations
import __future__

import inspect
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from gateway.orders.store import LUA as ORDERS_LUA
from recoup.scripts import SHARED
from tests.model.worlds import Make
from workers.ledger.accounts import LUA as LEDGER_LUA

SCRIPTS = [
    path.read_text() for folder in (SHARED, ORDERS_LUA, LEDGER_LUA) for path in folder.glob("*.lua")
]


@dataclass(frozen=True)
class Lua:
    """Other words in the Lua script that has these."""

    old: str
    new: str


@dataclass(frozen=True)
class Python:
    """Other words in a function, or a method."""

    owner: Any
    name: str
    old: str
    new: str

    def function(self) -> Any:
        """The function with the other words."""
        original = getattr(self.owner, self.name)
        source = textwrap.dedent(inspect.getsource(original))
        assert self.old in source, f"{self.name} has changed: {self.old!r} isn't in it"
        changed: dict[str, Any] = {}
        code = compile(
            source.replace(self.old, self.new),
            f"a mutant of {self.name}",
            "exec",
            flags=__future__.annotations.compiler_flag,
        )
        exec(code, original.__globals__, changed)
        return changed[self.name]


@dataclass(frozen=True)
class Mutant:
    """The code without one rule, and the world in which that shows."""

    rule: str
    world: Make
    changes: tuple[Lua | Python, ...]

    def rewrite(self, source: str) -> str:
        """The text of a script, as this mutant has it."""
        for change in self.changes:
            if isinstance(change, Lua):
                source = source.replace(change.old, change.new)
        return source

    @contextmanager
    def alive(self) -> Iterator[None]:
        """While this holds, the functions are the mutant's."""
        with ExitStack() as stack:
            for change in self.changes:
                if isinstance(change, Lua):
                    found = any(change.old in script for script in SCRIPTS)
                    assert found, f"no script has {change.old!r} any more"
                else:
                    function = change.function()
                    stack.enter_context(patch.object(change.owner, change.name, function))
            yield
