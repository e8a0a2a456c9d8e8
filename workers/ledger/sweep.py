"""The sweep: finds legs that are due, and sees to it that somebody settles them.

It runs in each party's own process, so it lives as long as the legs can be settled at all. It
hands groups to Celery; what it can't hand over, because the broker is away, or what nobody has
touched for long, because the workers are, it settles itself, by the same code.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prometheus_client import Counter, Gauge

from reconcile.reconciler import Done, Reconciler, Stuck, Waiting
from recoup import faults, logs
from recoup.errors import RecoupError
from recoup.settings import Settings
from workers.ledger.engine import DueLeg, Ledger
from workers.ledger.metrics import observe

log = logs.logger(__name__)

GROUP_LEGS = 100
"""Legs in one message: few enough that one failure doesn't matter, many enough to be cheap."""

UNTOUCHED_LEASES = 2
"""Nobody has tried a leg for this many leases after it was to be tried: no worker is at work."""

BROKER_PAUSE_S = 5.0
"""Don't try a broker again sooner, that has just failed: a publish may hang for seconds."""

Publish = Callable[[Sequence[str], int], None]
"""Hands tids and their due time to Celery. Raises when the broker is away."""

LAST_RUN = Gauge(
    "recoup_sweep_last_run_timestamp_seconds", "When the sweep last ended well", ["party"]
)
TAKEN = Counter("recoup_swept_legs", "Legs that were due", ["party", "to"])


@dataclass(frozen=True, slots=True)
class Swept:
    """What one run did: legs handed to Celery, settled here, still waiting, parked, woken."""

    handed_over: int = 0
    settled: int = 0
    waiting: int = 0
    parked: int = 0
    woken: int = 0


class Sweep:
    """One party's sweep."""

    def __init__(
        self,
        ledger: Ledger,
        reconciler: Reconciler,
        publish: Publish,
        orders_answer: Callable[[], bool],
        settings: Settings,
    ) -> None:
        self._ledger = ledger
        self._reconciler = reconciler
        self._publish = publish
        self._orders_answer = orders_answer
        self._settings = settings
        self._broker_failed_s = -BROKER_PAUSE_S
        self._orders_were_away = False
        self._ended_s: float | None = None
        self._last_run = LAST_RUN.labels(reconciler.name)
        self._taken = {to: TAKEN.labels(reconciler.name, to) for to in ("workers", "itself")}

    def ended_ago_ms(self) -> int | None:
        """How long ago it last ended well; None: it never has."""
        ended_s = self._ended_s
        return None if ended_s is None else int((time.monotonic() - ended_s) * 1000)

    def run_once(self) -> Swept:
        """Takes the legs that are due and has each settled, or handed over. Returns counts.

        Taking moves a leg's due time on by a lease: if nothing comes of it, for whatever reason,
        the leg is due again then. Raises Unanswered when the database doesn't answer.
        """
        woken = self._wake()
        now, due_ms, legs = self._ledger.take_due(
            self._settings.sweep_legs, self._settings.lease_ms
        )
        if legs:
            faults.point("party.after_take_due")
        untouched_ms = UNTOUCHED_LEASES * self._settings.lease_ms
        mine = [leg for leg in legs if now > leg.expected_ms + untouched_ms]
        theirs = [leg for leg in legs if now <= leg.expected_ms + untouched_ms]
        if time.monotonic() < self._broker_failed_s + BROKER_PAUSE_S:
            mine, theirs = legs, []
        handed_over = self._hand_over(theirs, due_ms)
        return self._settle(mine + theirs[handed_over:], handed_over, woken)

    def _hand_over(self, legs: Sequence[DueLeg], due_ms: int) -> int:
        """Publishes groups of legs; how many, counted from the first."""
        handed_over = 0
        for first in range(0, len(legs), GROUP_LEGS):
            group = [leg.tid for leg in legs[first : first + GROUP_LEGS]]
            try:
                self._publish(group, due_ms)
            except Exception as error:  # kombu's transports raise what their libraries raise
                away = "the broker is away, so the sweep settles by itself: %s"
                log.warning(away, error, party=self._reconciler.name, tids=group)
                self._broker_failed_s = time.monotonic()
                break
            handed_over += len(group)
            log.info("due: handed to the workers", party=self._reconciler.name, tids=group)
        self._taken["workers"].inc(handed_over)
        return handed_over

    def _settle(self, legs: Sequence[DueLeg], handed_over: int, woken: int) -> Swept:
        settled = waiting = parked = 0
        name = self._reconciler.name
        settled_as: dict[str, list[str]] = {}
        for first in range(0, len(legs), GROUP_LEGS):
            group = [leg.tid for leg in legs[first : first + GROUP_LEGS]]
            for tid, outcome in self._reconciler.settle(group).items():
                if isinstance(outcome, Done):
                    settled += 1
                    settled_as.setdefault(outcome.verdict or "nothing was held", []).append(tid)
                elif isinstance(outcome, Stuck):
                    log.error("parked %s: %s", tid, outcome.reason, tid=tid, party=name)
                    self._ledger.park(tid, outcome.reason)
                    parked += 1
                else:
                    self._note(tid, outcome)
                    waiting += 1
        for verdict, tids in settled_as.items():
            log.info("due: settled by the sweep: %s", verdict, party=name, tids=tids)
        self._taken["itself"].inc(len(legs))
        return Swept(handed_over, settled, waiting, parked, woken)

    def _note(self, tid: str, waiting: Waiting) -> None:
        name = self._reconciler.name
        log.info("due: not settled yet", tid=tid, party=name, cause=waiting.cause)
        self._ledger.note(tid, waiting.cause, waiting.orders_unreachable)

    def _wake(self) -> int:
        """When the order store answers again, what waits for it is due at once, paced."""
        if not self._ledger.waiting_for_orders():
            self._orders_were_away = False
            return 0
        if not self._orders_answer():
            self._orders_were_away = True
            return 0
        return self._ledger.wake(self._settings.sweep_legs) if self._orders_were_away else 0

    def start(self) -> Callable[[], None]:
        """Runs it on a schedule, in a thread of its own. Returns what stops it, and waits."""
        stopping = threading.Event()

        def run() -> None:
            while not stopping.wait(self._settings.sweep_interval_ms / 1000):
                try:
                    observe(self._ledger)
                    swept = self.run_once()
                except RecoupError as error:
                    log.warning("sweep: %s", error)
                except Exception:  # a sweep that dies of one surprise would never be noticed
                    log.exception("sweep")
                else:
                    self._ended_s = time.monotonic()
                    self._last_run.set_to_current_time()
                    if swept != Swept():
                        log.info("sweep: %s", swept)

        thread = threading.Thread(target=run, name="sweep", daemon=True)
        thread.start()

        def stop() -> None:
            stopping.set()
            thread.join(timeout=2)

        return stop
