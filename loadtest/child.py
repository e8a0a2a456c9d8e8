"""Runs a command that ends when its parent does, however that ends.

    python -m loadtest.child <pid of the parent> <command> …

In a program of its own, and not between fork and exec of the parent: that may have gRPC's threads,
and what runs there then may never get as far as exec.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

from recoup.stack import PR_SET_PDEATHSIG


def command(*words: str) -> Sequence[str]:
    """What to run in place of a command, so that it ends with this process."""
    return (sys.executable, "-m", "loadtest.child", str(os.getpid()), *words)


def main() -> None:
    """Becomes the command on the command line; or ends, if its parent already has."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == int(sys.argv[1]):
        os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
