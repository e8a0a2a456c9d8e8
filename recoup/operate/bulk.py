"""Having many legs tried: exactly those that were counted and shown, paced, and stoppable."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from proto import ledger_pb2 as pb
from recoup.bounds import ITEMS_MOST
from recoup.errors import RecoupError
from recoup.operate.actions import BEGUN, POLL_S, WATCH_S, Operator, note
from recoup.operate.clients import Clients, ask_of
from recoup.operate.waiting import Filter, waiting

PER_S = 50.0
"""Legs that a retry of many makes due in a second: a tenth of what a worker settles."""

WAVE_S = 0.5
"""Between two waves of a retry: what they came to is looked at meanwhile."""

FAILS_LEAST = 10
FAILS_PART = 0.5
"""A retry of many stops by itself when so many of those it has made due have failed again, and they
are such a part of those tried: the reason why they wait is still there."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The legs that a filter chose, when they were counted. A retry does these, and no others."""

    filter: Filter
    as_of_s: float
    legs: tuple[tuple[str, str], ...]
    """Party and tid of each."""
    left_out: int
    """More that fit, beyond what is done at once."""
    away: Mapping[str, str]
    """Who can't be asked: what waits there is in none of these numbers."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a retry of many is, in legs."""

    chosen: int
    due: int = 0
    """Made due so far."""
    gone: int = 0
    """Nothing of them waited any more when their turn came."""
    settled: int = 0
    failed: int = 0
    """Tried, and still waiting, or parked again."""
    stopped: str = ""
    """Why it stopped before the end; empty: it didn't."""

    @property
    def unseen(self) -> int:
        """Made due, and not tried while they were watched."""
        return self.due - self.settled - self.failed

    def __str__(self) -> str:
        words = [f"{self.settled} settled"]
        words += [f"{self.failed} failed again"] if self.failed else []
        words += [f"{self.unseen} not tried yet"] if self.unseen else []
        words += [f"{self.gone} had been settled before"] if self.gone else []
        words += [f"stopped: {self.stopped}"] if self.stopped else []
        return ", ".join(words)


def choose(clients: Clients, chosen: Filter, most: int = ITEMS_MOST) -> Chosen:
    """The legs that a filter chooses now, the longest waiting first. `most`: of each party and
    kind."""
    found = waiting(clients, chosen, limit=most)
    legs = tuple((leg.party, leg.tid) for leg in found.legs)
    return Chosen(chosen, found.at_s, legs, max(0, found.matched - len(legs)), found.away)


def retry_all(
    clients: Clients,
    operator: Operator,
    chosen: Chosen,
    per_s: float = PER_S,
    progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> Progress:
    """Has all chosen legs tried, `per_s` of them in a second, and watches what comes of them.

    `progress` is told how far it is, `stop` asked before each wave whether to go on. It stops by
    itself when too many fail. Raises RecoupError when that can't be noted, or nobody answers.
    """
    target = f"{chosen.filter} ({len(chosen.legs)} legs)".strip()
    note(clients, operator, "retry", target, len(chosen.legs), BEGUN)
    run = _Retry(clients, chosen)
    try:
        result = run.run(per_s, progress, stop)
    except RecoupError as error:
        said = f"broke off: {error}; {run.so_far()}"
        note(clients, operator, "retry", target, run.due, said)
        raise
    note(clients, operator, "retry", target, run.due, str(result))
    return result


class _Retry:
    """A retry of many, under way."""

    def __init__(self, clients: Clients, chosen: Chosen) -> None:
        self._clients = clients
        self._left = list(chosen.legs)
        self._chosen = len(chosen.legs)
        self._watched: dict[tuple[str, str], int] = {}
        """Legs made due and not seen to have been tried: when they last were, before that."""
        self.due = self._gone = self._settled = self._failed = 0
        self._stopped = ""

    def so_far(self) -> Progress:
        """How far it is."""
        return Progress(
            self._chosen, self.due, self._gone, self._settled, self._failed, self._stopped
        )

    def run(
        self, per_s: float, progress: Callable[[Progress], None], stop: Callable[[], bool]
    ) -> Progress:
        """All waves; then watches the last ones."""
        size = max(1, round(per_s * WAVE_S))
        while self._left and not self._stopped:
            if stop():
                self._stopped = "as told"
                break
            began_s = time.monotonic()
            wave, self._left = self._left[:size], self._left[size:]
            self._make_due(wave)
            self._look()
            self._stopped = self._too_many_fail()
            progress(self.so_far())
            if self._left and not self._stopped:
                time.sleep(max(0.0, len(wave) / per_s - (time.monotonic() - began_s)))
        self._watch_last(progress, stop)
        return self.so_far()

    def _make_due(self, wave: Sequence[tuple[str, str]]) -> None:
        for party, tids in _by_party(wave).items():
            stub = self._clients.party(party)
            # First when they were last tried: otherwise a quick try would go unnoticed.
            legs = ask_of(party, stub.Status, pb.StatusRequest(tids=tids)).legs
            due = ask_of(party, stub.Retry, pb.RetryRequest(tids=tids)).due
            for leg, is_due in zip(legs, due, strict=True):
                if is_due:
                    self.due += 1
                    self._watched[party, leg.tid] = _last_try_ms(leg)
                else:
                    self._gone += 1

    def _look(self) -> None:
        """What has come of those that were made due."""
        for party, tids in _by_party(list(self._watched)).items():
            for first in range(0, len(tids), ITEMS_MOST):
                request = pb.StatusRequest(tids=tids[first : first + ITEMS_MOST])
                for leg in ask_of(party, self._clients.party(party).Status, request).legs:
                    self._note_leg(party, leg)

    def _note_leg(self, party: str, leg: pb.Leg) -> None:
        tried = _last_try_ms(leg) != self._watched[party, leg.tid]
        if leg.state != pb.Leg.HELD and not leg.parked:
            self._settled += 1
        elif (leg.parked and not leg.due_ms) or tried:
            self._failed += 1
        else:
            return
        del self._watched[party, leg.tid]

    def _too_many_fail(self) -> str:
        tried = self._settled + self._failed
        if self._failed >= FAILS_LEAST and self._failed > FAILS_PART * tried:
            return f"{self._failed} of {tried} failed again"
        return ""

    def _watch_last(self, progress: Callable[[Progress], None], stop: Callable[[], bool]) -> None:
        end_s = time.monotonic() + WATCH_S
        while self._watched and time.monotonic() < end_s and not stop():
            time.sleep(POLL_S)
            self._look()
            progress(self.so_far())


def _by_party(legs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    tids: dict[str, list[str]] = {}
    for party, tid in legs:
        tids.setdefault(party, []).append(tid)
    return tids


def _last_try_ms(leg: pb.Leg) -> int:
    """When a try last didn't settle it; 0: none has."""
    return leg.recent_tries[-1].at_ms if leg.recent_tries else 0
