"""The tasks: a group that was just finished, one tid that resists, and what was parked.

Each party has its own three, on its own queue: `stock.settle`, `stock.compensate`,
`stock.retry_parked`, and the same for payment and whoever else there is.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from celery import Task

from reconcile.app import app
from reconcile.backoff import backoff_ms
from reconcile.clients import orders, party
from reconcile.reconciler import Done, Reconciler, Stuck, Waiting, unreachable
from recoup import faults, logs, tracing
from recoup.bounds import is_tid
from recoup.errors import Unanswered
from recoup.settings import AMOUNT_MAX, settings

log = logs.logger(__name__)

GROUP_TIDS = 200
"""Tids settled together: as many as a gateway puts into one message. One that has more is none of
ours; it is done all the same, a part at a time."""

UNPARK_LEGS = 100
"""Parked legs that beat has tried again at a time."""


@functools.cache
def reconciler(name: str) -> Reconciler:
    """This process's reconciler of a party."""
    return Reconciler(name, party(name), orders(), party)


def settle(name: str, tids: Sequence[str], due_ms: int = 0) -> None:
    """Settles a group of tids. It is never retried: what resists gets a task of its own.

    `due_ms`: the due time that a sweep gave these legs; 0 if they come from a gateway.
    """
    understood = understandable(tids, due_ms)
    for first in range(0, len(understood), GROUP_TIDS):
        group = understood[first : first + GROUP_TIDS]
        for tid, outcome in reconciler(name).settle(group).items():
            if not isinstance(outcome, Done):
                cause = outcome.reason if isinstance(outcome, Stuck) else outcome.cause
                log.info("gets a task of its own", tid=tid, party=name, cause=cause)
                publish_compensation(name, tid, due_ms)


def understandable(tids: object, due_ms: object) -> list[str]:
    """The tids in a message that may hold anything: the broker takes it from anyone."""
    is_time = type(due_ms) is int and 0 <= due_ms <= AMOUNT_MAX
    if not isinstance(tids, list | tuple) or not is_time:
        log.error("dropped a message that names no tids: %.200r", (tids, due_ms))
        return []
    found = [tid for tid in tids if is_tid(tid)]
    if len(found) < len(tids):
        log.error("a message has %d tids that are none", len(tids) - len(found))
    return found


def publish_compensation(name: str, tid: str, due_ms: int = 0) -> None:
    """Gives one tid a task of its own, which keeps its id through all retries.

    Raises what kombu raises when the broker is away. The sweep finds the leg in any case.
    """
    app.send_task(
        f"{name}.compensate", (tid, due_ms), task_id=f"{tid}:{name}", queue=name, retry=False
    )


@tracing.one(lambda task, name, *_: f"compensate {name}", lambda task, name, tid, *_: tid)
def compensate(task: Task[Any, Any], name: str, tid: str, due_ms: int = 0) -> str:
    """Tries to settle one tid, and goes on until it is settled, parked, or somebody else's.

    `due_ms`: the due time of the leg that this chain of tries holds; 0: it has none yet.
    """
    if not understandable([tid], due_ms):
        return "dropped: that is no tid"
    limits, tries = settings(), task.request.retries + 1
    pause_ms = backoff_ms(task.request.retries, limits.backoff_first_ms, limits.backoff_max_ms)
    try:
        faults.point("worker.before_claim")
        claim = party(name).claim(tid, due_ms, pause_ms, limits.lease_ms)
        if claim.claimed:
            faults.point("worker.after_claim")
        # Also what isn't ours to try: a leg that was settled against its verdict is not due, and
        # nobody else would find it. Settling what somebody else settles changes nothing.
        outcome = reconciler(name).settle([tid])[tid]
        if not claim.claimed and not isinstance(outcome, Stuck):
            log.info("ends: settled, or taken over", tid=tid, party=name, tries=tries)
            return "ended: settled, or taken over"
        due_ms = claim.due_ms
        if isinstance(outcome, Done):
            settled = f"settled: {outcome.verdict or 'nothing was held'}"
            log.info("%s after %d tries", settled, tries, tid=tid, party=name, tries=tries)
            return settled
        if isinstance(outcome, Stuck):
            faults.point("worker.before_park")
            log.error("parked %s of %s: %s", tid, name, outcome.reason, tid=tid, party=name)
            party(name).park(tid, outcome.reason)
            return f"parked: {outcome.reason}"
        party(name).note(tid, outcome.cause, outcome.orders_unreachable)
    except Unanswered as error:
        outcome = Waiting(unreachable(name, error))
    said = {"tid": tid, "party": name, "tries": tries, "cause": outcome.cause}
    log.info("not settled yet: tries again in %d ms", pause_ms, **said, next_try_ms=pause_ms)
    raise task.retry((tid, due_ms), countdown=pause_ms / 1000, exc=StillWaiting(outcome.cause))


class StillWaiting(Exception):
    """Why a tid isn't settled yet: what Flower shows beside a retry."""


def retry_parked(name: str) -> int:
    """Makes what a party has parked due again; the sweep takes it from there."""
    return party(name).unpark(UNPARK_LEGS)


def register(name: str) -> None:
    """Gives a party its three tasks."""

    # Without events: a group is a fast path, and its events would cost more than it does.
    @app.task(name=f"{name}.settle", send_events=False)
    def settle_group(tids: Sequence[str], due_ms: int = 0) -> None:
        settle(name, tids, due_ms)

    @app.task(bind=True, name=f"{name}.compensate", max_retries=None)
    def compensate_one(task: Task[Any, Any], tid: str, due_ms: int = 0) -> str:
        return compensate(task, name, tid, due_ms)

    @app.task(name=f"{name}.retry_parked")
    def retry_all_parked() -> int:
        return retry_parked(name)


for each in settings().parties:
    register(each)
