"""Who may check out now, who waits for a turn, and who is turned away: so that an overload is a
quick answer for those who are too many, and not a slow failure for everyone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeVar

from gevent.event import AsyncResult

from recoup.settings import Settings

AT_WORK_MOST = 256
"""Checkouts that do more than wait for their turn: as many as fill the batches. With more, each
would only take longer between reading its order and its deadline, and hold for longer what others
want; so the rest waits before it begins."""

WAIT_DEADLINES = 2
"""How long to wait for a turn. The limit of those under way makes it less than two, unless the
machine is far slower than it was measured; then nobody waits without end."""

T = TypeVar("T")


class TurnedAway:
    """Too many checkouts are under way here; nothing was even read."""


class Admission:
    """Lets checkouts begin: a bounded number under way, and of these a bounded number at work.

    Turns go by arrival. (A semaphore of gevent's lets who comes at the right moment pass those who
    wait: most would be served at once, and some never.)
    """

    def __init__(self, settings: Settings) -> None:
        self._most = settings.under_way_checkouts
        self._under_way = 0
        self._free_turns = AT_WORK_MOST
        self._waiting: deque[AsyncResult] = deque()
        """Of each who waits, by arrival, whether the turn has come; False: none will."""
        self._wait_s = WAIT_DEADLINES * settings.deadline_ms / 1000

    def close(self) -> None:
        """Lets nobody begin any more: for an orderly end. Who is at work goes on."""
        self._most = 0
        while self._waiting:
            self._waiting.popleft().set(False)

    def run(self, checkout: Callable[[], T]) -> T | TurnedAway:
        """What the checkout returns, or raises, once it has had its turn."""
        if self._under_way >= self._most:
            return TurnedAway()
        self._under_way += 1
        try:
            if not self._has_turn():
                return TurnedAway()
            try:
                return checkout()
            finally:
                self._pass_on()
        finally:
            self._under_way -= 1

    def _has_turn(self) -> bool:
        """Waits for a turn; False if none came in time."""
        if self._free_turns:  # so nobody waits
            self._free_turns -= 1
            return True
        mine = AsyncResult()
        self._waiting.append(mine)
        try:
            mine.wait(self._wait_s)
        except BaseException:
            if mine.value:
                self._pass_on()
            raise
        finally:
            if not mine.ready():
                self._waiting.remove(mine)
        return bool(mine.value)

    def _pass_on(self) -> None:
        """Gives a turn to who has waited longest."""
        if self._waiting:
            self._waiting.popleft().set(True)
        else:
            self._free_turns += 1
