"""Marks what is worth a span, for OpenTelemetry. Switched on by `RECOUP_TRACE_URL`.

Off, a mark leaves its function as it is, and nothing of OpenTelemetry is loaded: it costs nothing.
On, `recoup/spans.py` does the work, and its text says which spans there are. The marks:

    @tracing.step("read")                                     a part of what is under way
    @tracing.one("decide", lambda self, tid, *_: tid)         a part of one tid's story
    @tracing.many("settle", lambda self, tids: tids)          what is done for many tids at once
    @tracing.tries                                            has the tries of one checkout in it
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

ON = bool(os.environ.get("RECOUP_TRACE_URL"))
"""Read when modules are loaded, before there are settings: a mark has to know it then."""

Function = TypeVar("Function", bound=Callable[..., Any])
Name = str | Callable[..., str]
"""What a span is called, or what says so of the function's arguments."""


class Mark(Protocol):
    """What a function is marked with."""

    def __call__(self, function: Function, /) -> Function: ...


def _nothing(function: Function) -> Function:
    return function


def step(name: Name) -> Mark:
    """A span within the one that is under way; none, if none is."""
    if not ON:
        return _nothing
    from recoup import spans

    return spans.step(name)


def one(name: Name, tid: Callable[..., str]) -> Mark:
    """A span in a tid's trace. `tid` takes the function's arguments."""
    if not ON:
        return _nothing
    from recoup import spans

    return spans.one(name, tid)


def many(
    name: Name,
    tids: Callable[..., Sequence[str]],
    said: Callable[[Sequence[str], Any], Mapping[str, str]] = lambda tids, result: {},
) -> Mark:
    """One span for the whole batch, and one in each tid's trace. `tids` takes the function's
    arguments; `said` takes them and the result, and tells what became of each."""
    if not ON:
        return _nothing
    from recoup import spans

    return spans.many(name, tids, said)


def tries(function: Function) -> Function:
    """Gives each tid that is met in the function the first span of its trace."""
    if not ON:
        return function
    from recoup import spans

    return spans.tries(function)


def begin(process: str) -> None:
    """Sends spans from now on, under this process's name. Once, after it has forked."""
    if ON:
        from recoup import spans

        spans.begin(process)
