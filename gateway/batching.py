"""Adaptive micro-batching: the calls that many greenlets make at once travel as one.

While one call is on its way, the next batch fills; when it is quiet, nothing waits. The idea is
that of group commit in databases: the batch is whatever has arrived since the last one left.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import gevent
from gevent.event import AsyncResult

from recoup.errors import NotSent, RecoupError, Unanswered

Item = TypeVar("Item")
Result = TypeVar("Result")


class Pending(Generic[Result]):
    """A result that is on its way."""

    __slots__ = ("_arrived",)

    def __init__(self) -> None:
        self._arrived = AsyncResult()

    def get(self, timeout_s: float | None = None) -> Result:
        """Waits for the result. Raises what the call raised, or Unanswered after `timeout_s`:
        the call goes on, and may still act."""
        try:
            result: Result = self._arrived.get(timeout=timeout_s)
        except gevent.Timeout:
            raise Unanswered(f"no answer within {timeout_s:.1f} s") from None
        return result

    def settle(self, result: Result | Exception) -> None:
        """Hands over the result, or the exception to raise."""
        if isinstance(result, Exception):
            self._arrived.set_exception(result)
        else:
            self._arrived.set(result)


class Batcher(Generic[Item, Result]):
    """Gathers items into calls of `call`, one call at a time, in order of arrival.

    `call` answers a batch with one result, or exception, for each item, in order. If it raises,
    each item of that batch, and of no other, gets what it raised. Never more than `most` items
    make one call; beyond `waiting_most` items in the queue a new one is refused with NotSent. So
    is one that has waited there until nobody waits for it any more: it is never sent.
    """

    def __init__(
        self,
        call: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        most: int,
        waiting_most: int,
        observe: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._call = call
        self._most = most
        self._waiting_most = waiting_most
        self._observe = observe
        self._queue: deque[tuple[Item, Pending[Result], float]] = deque()
        self._sending = False

    def put(self, item: Item, end_s: float = math.inf) -> Pending[Result]:
        """Lets the item travel with the next call, if that leaves by `end_s` (monotonic)."""
        if len(self._queue) >= self._waiting_most:
            raise NotSent("too many calls are waiting")
        pending: Pending[Result] = Pending()
        self._queue.append((item, pending, end_s))
        if not self._sending:
            self._sending = True
            gevent.spawn(self._send_all)
        return pending

    def _send_all(self) -> None:
        try:
            while batch := self._next():
                self._send(batch)
        finally:
            self._sending = False

    def _next(self) -> list[tuple[Item, Pending[Result]]]:
        """The longest waiting items, but those that nobody waits for any more."""
        batch: list[tuple[Item, Pending[Result]]] = []
        now_s = time.monotonic()
        while self._queue and len(batch) < self._most:
            item, pending, end_s = self._queue.popleft()
            if now_s > end_s:
                pending.settle(NotSent("its time was over before it could be sent"))
            else:
                batch.append((item, pending))
        return batch

    def _send(self, batch: list[tuple[Item, Pending[Result]]]) -> None:
        self._observe(len(batch))
        results: Sequence[Result | Exception]
        try:
            results = self._call([item for item, _ in batch])
            if len(results) != len(batch):
                raise RecoupError(f"{len(batch)} calls got {len(results)} answers")
        except Exception as error:  # whatever it is, it is handed to those who wait
            results = [error] * len(batch)
        for (_, pending), result in zip(batch, results, strict=True):
            pending.settle(result)
