"""How commands end that break or load an instance of their own: by a verdict, whatever comes."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from loadtest import interrupt
from loadtest.books import Verdict
from loadtest.client import CannotTell

WIDE = 140
"""A table in a file or a pipe isn't squeezed into what a terminal would have."""

out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def need_matplotlib(parser: argparse.ArgumentParser) -> None:
    """Ends with a sentence if pictures can't be drawn: before anything runs for minutes."""
    if importlib.util.find_spec("matplotlib") is None:
        parser.error("matplotlib, which draws the picture, is missing: `make chaos` installs it")


def judged_as_json(work: Callable[[], Verdict], report: Path) -> Verdict:
    """As `judged`; what it tells goes to standard error, and the report it has written, one object
    on a line, to standard output."""
    out.stderr = True
    verdict = judged(work)
    found = json.loads(report.read_text()) if report.exists() else {}
    print(json.dumps({**found, "verdict": int(verdict)}))
    return verdict


def judged(work: Callable[[], Verdict]) -> Verdict:
    """What the work finds; CANNOT_TELL, and why, if it doesn't come to that. Whoever is told to end
    (SIGTERM, SIGHUP, Ctrl-C) leaves by an exception, so that what is open is closed."""
    interrupt.listen()
    try:
        return work()
    except CannotTell as error:
        out.print(f"[bold yellow]CAN'T TELL[/] {error}", soft_wrap=True)
    except KeyboardInterrupt:
        out.print("[bold yellow]CAN'T TELL[/] interrupted")
    except Exception:
        # A fault of the program itself must not look like one of what it judges.
        traceback.print_exc()
    return Verdict.CANNOT_TELL
