"""`recoup tail`: follows what happens, until Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recoup.cli.command import (
    Duration,
    Status,
    advise,
    as_json,
    as_text,
    clients,
    filter_options,
    give_up,
    json_option,
)

if TYPE_CHECKING:
    from recoup.operate.waiting import Filter

LOOK_S = 1.0
"""Between two looks at what waits."""

READ_S = 0.2
"""Between two looks for new lines."""


@click.command()
@click.argument("word", required=False, default="")
@json_option
@filter_options
@click.option("--logs", is_flag=True, help="Follow the processes' logs: lines with WORD in them.")
@click.option("--process", default="", help="With --logs: of this process alone.")
@click.option("--for", "for_ms", type=Duration(), help="Stop by itself after this time: 30s.")
def tail(
    word: str, json_: bool, chosen: Filter, logs: bool, process: str, for_ms: int | None
) -> None:
    """Follow what happens: legs that begin to wait, are tried, parked, settled; parties that go.

    With --logs, the log lines of all processes on this machine, WORD is a tid, an order, or
    anything else that stands in a line; with one, also the lines there are already.

    \b
    recoup tail
    recoup tail --party payment --json
    recoup tail --logs 8f3c.1
    recoup tail --logs --process gateway --for 30s

    Exit status: 0; 3 with --logs, when there are no logs on this machine.
    """
    if not logs and (word or process):
        raise click.UsageError("WORD and --process go with --logs; --order ID chooses an order.")
    end_s = time.monotonic() + for_ms / 1000 if for_ms is not None else float("inf")
    try:
        if logs:
            _tail_logs(word, process, end_s, json_)
        else:
            _tail_changes(chosen, end_s, json_)
    except KeyboardInterrupt:
        sys.exit(Status.FINE)


def _tail_changes(chosen: Filter, end_s: float, json_: bool) -> None:
    from recoup.operate.changes import Follower
    from recoup.operate.wording import clock

    follower = Follower(clients(), chosen)
    advise("Follows what waits; Ctrl-C ends it.")
    while True:
        for change in follower.look():
            if json_:
                as_json(change)
            else:
                as_text(f"{clock(change.at_s * 1000)} {change}")
        if time.monotonic() >= end_s:
            return
        time.sleep(min(LOOK_S, max(0.0, end_s - time.monotonic())))


def _tail_logs(word: str, process: str, end_s: float, json_: bool) -> None:
    from recoup.settings import settings

    folder = settings().data_dir / "logs"
    paths = sorted(folder.glob(f"{process or '*'}.log"))
    if not paths:
        give_up(f"there are no logs in {folder}", "recoup tail", Status.CANNOT_TELL)
    with contextlib.ExitStack() as stack:
        logs = [
            stack.enter_context(contextlib.closing(Log(path, from_its_end=not word)))
            for path in paths
        ]
        _follow(logs, word, end_s, json_)


def _follow(logs: Sequence[Log], word: str, end_s: float, json_: bool) -> None:
    while True:
        lines = [(line, log.name) for log in logs for line in log.new_lines() if word in line]
        # Each line begins with its time, in the same form everywhere.
        for line, name in sorted(lines):
            if json_:
                as_json({"process": name, "line": line})
            else:
                as_text(line)
        if time.monotonic() >= end_s:
            return
        time.sleep(READ_S)


class Log:
    """One process's log: what is added to it, also when it is begun anew."""

    def __init__(self, path: Path, from_its_end: bool) -> None:
        self.name = path.stem
        self._path = path
        self._file = path.open(errors="replace")
        self._partial = ""
        if from_its_end:
            self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        """Closes its file."""
        self._file.close()

    def new_lines(self) -> Iterator[str]:
        """The whole lines since the last time."""
        text = self._partial + self._file.read()
        *lines, self._partial = text.split("\n")
        yield from lines
        with contextlib.suppress(FileNotFoundError):  # it was just renamed: the next time, then
            if self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino:
                self._file.close()
                self._file = self._path.open(errors="replace")
