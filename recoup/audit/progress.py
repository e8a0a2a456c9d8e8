"""How far the audit is, on stderr: nothing unless somebody watches."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from recoup.audit.stores import Advance


class Steps:
    """The steps of an audit, each with a bar of its own."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:28}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Shows the bars meanwhile."""
        with self._progress:
            yield

    def begin(self, what: str, total: int) -> Advance:
        """Begins a step of so many keys; returns what to call as they are done."""
        task = self._progress.add_task(what, total=max(1, total))
        return lambda count: self._progress.advance(task, count)
