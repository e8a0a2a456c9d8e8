"""What the console sees of the instance: asked for at most once a second, however many look.

One in each gateway process. It goes on looking while nobody does, now and then, so that a page can
say since when a store is away, and what it said last.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import gevent
import redis

from gateway.console.brisk import BriskClients
from gateway.console.figures import Hour, hour
from gateway.console.record import AWAY, WAITING, Counts, Recorder, last_hour
from recoup.operate.clients import Clients
from recoup.operate.overview import Observer, Overview
from recoup.scripts import connect
from recoup.settings import Settings

log = logging.getLogger(__name__)

FRESH_S = 1.0
"""For so long everyone is shown the same overview."""

HOUR_FRESH_S = 5.0
"""And the same last hour: it is read from 360 hashes, and grows every ten seconds."""

STALE_S = 10.0
"""While somebody waits for who doesn't answer, others are shown what was seen so long ago at most:
each page says from when its figures are."""

RECORD_S = 5.0
"""How often a process writes what it has counted: twice for each slot of the record."""

EARLIER_S = 30.0
"""How far back to look for whether what waits grows."""

DATABASE_LIMIT_S = 0.5
"""For the record: a page is worth no more."""

Thing = TypeVar("Thing")


class Kept(Generic[Thing]):
    """Something that takes a while to make, shared by all who want it at about the same time."""

    def __init__(self, make: Callable[[], Thing], fresh_s: float) -> None:
        self._make = make
        self._fresh_s = fresh_s
        self._lock = threading.Lock()
        self._thing: Thing | None = None
        self._made_at_s = float("-inf")

    def get(self) -> Thing:
        """It, not older than `fresh_s`; or a little older, while somebody is making a new one.
        Raises what making it raises."""
        age_s = time.monotonic() - self._made_at_s
        if self._thing is not None and age_s <= self._fresh_s:
            return self._thing
        if not self._lock.acquire(blocking=self._thing is None or age_s > STALE_S):
            assert self._thing is not None
            return self._thing
        try:
            if self._thing is None or time.monotonic() - self._made_at_s > self._fresh_s:
                self._thing = self._make()
                self._made_at_s = time.monotonic()
            return self._thing
        finally:
            self._lock.release()


class Sight:
    """The instance as this process sees it, and the last hour as all processes have counted it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clients: Clients = BriskClients(settings)
        """Whom pages ask."""
        self.acting = Clients(settings)
        """Who is asked to do something, and gets all the time for it."""
        self._database = connect(settings.database_url("orders"), limit_s=DATABASE_LIMIT_S)
        self._observer = Observer(self.clients)
        self._overview = Kept(self._look, FRESH_S)
        self._hour = Kept(self._read_hour, HOUR_FRESH_S)
        self._seen: deque[Overview] = deque()

    def overview(self) -> Overview:
        """How everyone stands. Raises nothing."""
        return self._overview.get()

    def earlier(self) -> Overview | None:
        """The overview of about half a minute ago."""
        return self._seen[0] if self._seen else None

    def hour(self) -> Hour:
        """The last hour. Raises RedisError."""
        return self._hour.get()

    def _read_hour(self) -> Hour:
        return hour(last_hour(self._database, time.time()), self.settings.parties)

    def _look(self) -> Overview:
        overview = self._observer.look()
        self._seen.append(overview)
        while len(self._seen) > 1 and self._seen[1].at_s <= overview.at_s - EARLIER_S:
            self._seen.popleft()
        return overview

    def watch(self) -> gevent.Greenlet:
        """Begins to look by itself, and to write the record, until the process ends."""
        return gevent.spawn(self._watch)

    def _watch(self) -> None:
        recorder = Recorder(self._database, lambda: levels(self.overview()))
        told = False
        while True:
            gevent.sleep(RECORD_S)
            try:
                recorder.run_once()
            except redis.exceptions.RedisError as error:
                if not told:
                    log.warning("what was counted can't be written now, but later: %s", error)
                told = True
            except Exception:  # a mistake here shall not end what a page shows of the hour
                log.exception("what was counted can't be written")
            else:
                told = False


def levels(overview: Overview) -> Counts:
    """What the record keeps of an overview."""
    answering = {name: seen.view for name, seen in overview.parties.items() if seen.answers}
    waiting = {WAITING + name: view.legs_overdue for name, view in answering.items() if view}
    return waiting | {AWAY + name: 1 for name in overview.stores_away}
