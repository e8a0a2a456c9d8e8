"""Being told to end (Ctrl-C, SIGTERM, SIGHUP): by an exception, which is never lost.

A signal's exception strikes wherever the program is just then. Where that is a callback of the
interpreter's own, such as a weak reference's, it is printed and forgotten. So it is remembered too,
and raised again at the next pause.
"""

from __future__ import annotations

import signal
import threading
import time

_told = threading.Event()


def listen() -> None:
    """From now on, whoever tells this process to end interrupts it. For the main thread."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def pause(seconds: float) -> None:
    """Sleeps. Raises KeyboardInterrupt if this process was told to end. For the main thread."""
    time.sleep(max(0.0, seconds))
    if _told.is_set():
        raise KeyboardInterrupt


def _interrupt(*_: object) -> None:
    _told.set()
    raise KeyboardInterrupt
