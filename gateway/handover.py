"""Hands finished tids to the Celery workers, in groups, without making anyone wait.

The groups are what has finished since the last message left; but for what is paid, and has gone
along with a call that the party got anyhow. A broker that is away, or slow, costs the customer
nothing: what can't be handed over is dropped here, and found by the parties' sweeps, which are the
truth about what is held.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence

import gevent
from gevent.event import Event

from gateway import metrics
from recoup import faults, logs, tracing

log = logs.logger(__name__)

GROUP_TIDS = 200
"""Tids in one message: far more than finish in a few ms, and still a small message."""

GATHER_S = 0.1
"""How long tids gather before a message leaves: publishing and running one costs as much as five
checkouts, and nobody waits for it but who wants the last piece, which another order has bought."""

GO_ALONG_S = 0.25
"""How long what is paid waits for a call that takes it along. Under load there is one every few
milliseconds; but thousands of customers come in waves, and a wave takes this long."""

WAITING_MOST = 50_000
"""Beyond this the broker is too slow to be of use, and the sweep is faster."""

PUBLISH_LIMIT_S = 3.0
PAUSE_S = 5.0
"""Don't try a broker again sooner, that has just failed: each try may hang until its limit."""

Publish = Callable[[str, Sequence[str]], None]
"""Publishes one group for a party."""


class Handover:
    """Gathers finished tids, by party, and publishes those that nobody takes along before."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._waiting: dict[str, list[str]] = {}
        self._paid: defaultdict[str, deque[tuple[str, float]]] = defaultdict(deque)
        self._running: gevent.Greenlet | None = None
        self._paused_until_s = 0.0
        self._ends = Event()
        """Set when nothing more will come, so that there is nothing to gather."""

    def put(self, parties: Iterable[str], tid: str) -> None:
        """Takes a tid that these parties have to settle. Never waits, never fails."""
        if time.monotonic() < self._paused_until_s:
            metrics.HANDED_OVER["lost"].inc()
            return
        for party in parties:
            tids = self._waiting.setdefault(party, [])
            if len(tids) < WAITING_MOST:
                tids.append(tid)
            else:
                metrics.HANDED_OVER["lost"].inc()
        self._run_soon()

    def put_paid(self, parties: Iterable[str], tid: str) -> None:
        """As `put`, of a tid whose verdict is `commit`: whoever calls the party can settle it."""
        end_s = time.monotonic() + GO_ALONG_S
        for party in parties:
            tids = self._paid[party]
            if len(tids) < WAITING_MOST:
                tids.append((tid, end_s))
            else:
                metrics.HANDED_OVER["lost"].inc()
        self._run_soon()

    def take_paid(self, party: str, most: int) -> list[str]:
        """The paid tids of a party that have waited longest. They are the caller's now: to be
        settled, or `put` again."""
        tids = self._paid[party]
        return [tids.popleft()[0] for _ in range(min(most, len(tids)))]

    def _run_soon(self) -> None:
        if self._running is None:
            self._running = gevent.spawn(self._run)

    def flush(self, limit_s: float) -> None:
        """Publishes what waits, within `limit_s`: for an orderly end."""
        self._ends.set()
        if self._running is not None:
            self._running.join(limit_s)

    def _run(self) -> None:
        try:
            while any(self._waiting.values()) or any(self._paid.values()):
                self._ends.wait(GATHER_S)
                for party in dict.fromkeys([*self._waiting, *self._paid]):
                    tids = self._waiting.pop(party, []) + self._left_behind(party)
                    for first in range(0, len(tids), GROUP_TIDS):
                        self._send(party, tids[first : first + GROUP_TIDS])
        finally:
            self._running = None

    def _left_behind(self, party: str) -> list[str]:
        """The paid tids of a party that nobody has taken along in time."""
        tids, left = self._paid[party], []
        now_s = math.inf if self._ends.is_set() else time.monotonic()
        while tids and tids[0][1] <= now_s:
            left.append(tids.popleft()[0])
        return left

    @tracing.many(lambda self, party, _: f"hand over to {party}", lambda self, party, tids: tids)
    def _send(self, party: str, tids: list[str]) -> None:
        began_s = time.monotonic()
        if began_s < self._paused_until_s:  # a message before this one has failed
            metrics.HANDED_OVER["lost"].inc(len(tids))
            return
        try:
            faults.point("gateway.before_hand_over")
            with gevent.Timeout(PUBLISH_LIMIT_S):
                self._publish(party, tids)
        except (Exception, gevent.Timeout) as error:  # kombu raises what its libraries raise
            self._paused_until_s = time.monotonic() + PAUSE_S
            metrics.HANDED_OVER["lost"].inc(len(tids))
            log.warning("the broker doesn't take %r: a sweep will", error, party=party, tids=tids)
        else:
            metrics.HANDED_OVER["published"].inc(len(tids))
            metrics.BATCH_ITEMS["hand_over"].observe(len(tids))
            metrics.HOP_DURATION_S["hand_over"].observe(time.monotonic() - began_s)
