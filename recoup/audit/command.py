"""`recoup audit`: stdout is what was found, stderr how far it is, the exit status the verdict."""

from __future__ import annotations

import sys
import traceback

from rich.console import Console

from recoup.audit import report
from recoup.audit.progress import Steps
from recoup.audit.run import WAIT_LIMIT_S, run, wait_until_quiet
from recoup.audit.stores import Unreachable
from recoup.settings import Settings

BALANCED, DIFFERS, CANNOT_TELL = 0, 1, 3


def audit(settings: Settings, as_json: bool, wait: bool) -> int:
    """Audits, and prints what was found. Returns the exit status."""
    steps = Steps()
    try:
        if wait and not wait_until_quiet(settings):
            print(
                f"recoup audit: something is still held after {WAIT_LIMIT_S:.0f} s; it audits as "
                "it is.",
                file=sys.stderr,
            )
        with steps.shown():
            findings = run(settings, steps)
    except Unreachable as error:
        print(f"recoup audit: can't tell: {error}", file=sys.stderr)
        return CANNOT_TELL
    except Exception:
        # A fault of the audit itself must not look like one of the books.
        traceback.print_exc()
        print("recoup audit: can't tell: it failed. Report this as a fault.", file=sys.stderr)
        return CANNOT_TELL
    if as_json:
        print(report.as_json(findings))
    else:
        # A pipe has no width of its own, and the books are wider than the usual guess.
        report.show(findings, Console(highlight=False, width=None if sys.stdout.isatty() else 130))
    return BALANCED if findings.balanced else DIFFERS
