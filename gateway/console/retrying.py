"""A retry of many legs: those that a form lists, and how far it is while they are tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import gevent
from gevent.event import Event
from gevent.queue import SimpleQueue

from recoup.bounds import is_tid
from recoup.errors import RecoupError
from recoup.operate import bulk
from recoup.operate.actions import Operator
from recoup.operate.bulk import Chosen, Progress
from recoup.operate.clients import Clients

MANY_MOST = 1_000
"""Legs that one form has done. They travel in it, so that they are those that were shown."""


class Refused(Exception):
    """A form can't be done; its text says why, and `status` how that is called."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class Run:
    """A retry of many, as it goes on: its progress, a step at a time. Ends it when nobody reads
    on."""

    def __init__(self, clients: Clients, operator: Operator, chosen: Chosen) -> None:
        self._clients = clients
        self._operator = operator
        self._chosen = chosen

    def __iter__(self) -> Iterator[Progress | str]:
        told: SimpleQueue = SimpleQueue()
        left = Event()

        def work() -> None:
            try:
                bulk.retry_all(
                    self._clients,
                    self._operator,
                    self._chosen,
                    progress=told.put,
                    stop=left.is_set,
                )
            except RecoupError as error:
                told.put(f"It broke off: {error}.")
            finally:
                told.put(None)

        gevent.spawn(work)
        try:
            while (step := told.get()) is not None:
                yield step
        finally:
            left.set()


def legs_of(text: str, parties: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The legs that a form lists. Raises Refused if it lists none, or anything else."""
    legs = tuple(
        (party, tid) for party, _, tid in (line.partition(" ") for line in text.split("\n"))
    )
    legs = tuple((party, tid.strip()) for party, tid in legs)
    if len(legs) > MANY_MOST or not all(party in parties and is_tid(tid) for party, tid in legs):
        raise Refused("nothing was done: that isn't the list that was shown", 400)
    return legs
