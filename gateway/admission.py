"""Who may check out now, who waits for a turn, and who is turned away: so that an overload is a
quick answer for those who are too many, and not a slow failure for everyone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gevent.lock import BoundedSemaphore

from recoup.settings import Settings

AT_WORK_MOST = 256
"""Checkouts that do more than wait for their turn: as many as fill the batches. With more, each
would only take longer between reading its order and its deadline, and hold for longer what others
want; so the rest waits before it begins."""

WAIT_DEADLINES = 2
"""How long to wait for a turn. The limit of those under way makes it less than one, unless the
machine is far slower than it was measured; then nobody waits without end."""

T = TypeVar("T")


class TurnedAway:
    """Too many checkouts are under way here; nothing was even read."""


class Admission:
    """Lets checkouts begin: a bounded number under way, and of these a bounded number at work."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.under_way_checkouts
        self._under_way = 0
        self._turns = BoundedSemaphore(AT_WORK_MOST)
        self._wait_s = WAIT_DEADLINES * settings.deadline_ms / 1000

    def run(self, checkout: Callable[[], T]) -> T | TurnedAway:
        """What the checkout returns, or raises, once it has had its turn."""
        if self._under_way >= self._most:
            return TurnedAway()
        self._under_way += 1
        try:
            if not self._turns.acquire(timeout=self._wait_s):
                return TurnedAway()
            try:
                return checkout()
            finally:
                self._turns.release()
        finally:
            self._under_way -= 1
