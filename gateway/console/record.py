"""The record of the last hour: what all gateway processes have counted, ten seconds at a time.

Each process adds what it has counted since the last time to a hash in the order database, one for
each ten seconds, which expires after an hour. So sums over processes and machines come by
themselves, and survive them. A request costs nothing that `gateway/metrics.py` doesn't count
anyhow. The figures are for people: when an addition isn't answered it is made again, and may then
count twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import redis
from prometheus_client.metrics import MetricWrapperBase

from gateway import metrics

PREFIX = "{orders}:counted:"

SLOT_S = 10
"""Fine enough to see a restart, and 360 small hashes in an hour."""

KEPT_S = 3_600
EXTRA_S = 60
"""The oldest slot is still there while the hour that it belongs to is read."""

OUTCOME, TOOK = "outcome ", "took "
"""What a field of a slot begins with: how checkouts were answered, and how long they took."""

WAITING, AWAY = "waiting ", "away "
"""And, not added up but as last seen: legs that wait at a party, and stores that didn't answer."""

Counts = Mapping[str, int]


def counted() -> Counter[str]:
    """What this process has counted of checkouts since it began, by field."""
    so_far: Counter[str] = Counter()
    for outcome, series in metrics.CHECKOUTS.items():
        so_far[OUTCOME + outcome] = int(_values(series)["_total", ""])
    within = 0
    for (name, bound), value in _values(metrics.CHECKOUT_DURATION_S).items():
        if name == "_bucket":  # each counts those of the smaller ones too
            so_far[TOOK + bound], within = int(value) - within, int(value)
    return so_far


def _values(metric: MetricWrapperBase) -> dict[tuple[str, str], float]:
    """A metric's values in this process alone, by the end of their name and their upper bound."""
    (family,) = metric.collect()
    return {
        (sample.name.removeprefix(family.name), sample.labels.get("le", "")): sample.value
        for sample in family.samples
    }


class Recorder:
    """Adds what this process counts to the record. `levels` says what it sees besides (waiting
    legs, stores that are away); the last process to say it is believed."""

    def __init__(
        self,
        database: redis.Redis,
        levels: Callable[[], Counts],
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._levels = levels
        self._now_s = now_s
        self._before = counted()
        self._unwritten: dict[int, Counter[str]] = {}
        """By slot; more than one while the database is away."""

    def run_once(self) -> int:
        """Writes what is new; returns how many fields. Raises RedisError when the database doesn't
        answer: then it is written the next time."""
        now = counted()
        slot = slot_of(self._now_s())
        self._unwritten.setdefault(slot, Counter()).update(now - self._before)
        self._before = now
        self._forget(slot)
        levels = self._levels()
        with self._database.pipeline(transaction=False) as pipeline:
            for each, counts in self._unwritten.items():
                for name, count in counts.items():
                    pipeline.hincrby(_key(each), name, count)
            for name, level in levels.items():
                pipeline.hset(_key(slot), name, level)
            if len(pipeline):
                for each in {slot, *self._unwritten}:
                    pipeline.expire(_key(each), KEPT_S + EXTRA_S)
                pipeline.execute()
        written = sum(map(len, self._unwritten.values())) + len(levels)
        self._unwritten.clear()
        return written

    def _forget(self, slot: int) -> None:
        """What is older than an hour, nobody will read: a database may be away for long."""
        for each in [each for each in self._unwritten if each <= slot - KEPT_S]:
            del self._unwritten[each]


def slot_of(moment_s: float) -> int:
    """The slot of a moment: when it began, in s."""
    return int(moment_s) // SLOT_S * SLOT_S


def _key(slot: int) -> str:
    return f"{PREFIX}{slot}"


@dataclass(frozen=True, slots=True)
class Slot:
    """Ten seconds of the record, beginning at `at_s`."""

    at_s: int
    outcomes: Counts = field(default_factory=dict)
    took: Counts = field(default_factory=dict)
    waiting: Counts = field(default_factory=dict)
    away: Counts = field(default_factory=dict)

    @property
    def answered(self) -> int:
        """Checkouts that were answered in it, in any way."""
        return sum(self.outcomes.values())


def last_hour(database: redis.Redis, now_s: float) -> list[Slot]:
    """Every slot of the last hour that is complete, the oldest first; of one without checkouts it
    is empty. Raises RedisError."""
    # What a process counts is here only after its next turn.
    end = slot_of(now_s - SLOT_S / 2)
    slots = range(end - KEPT_S, end, SLOT_S)
    with database.pipeline(transaction=False) as pipeline:
        for at_s in slots:
            pipeline.hgetall(_key(at_s))
        return [_slot(at_s, fields) for at_s, fields in zip(slots, pipeline.execute(), strict=True)]


def _slot(at_s: int, fields: Mapping[str, str]) -> Slot:
    return Slot(at_s, *(_of_kind(fields, kind) for kind in (OUTCOME, TOOK, WAITING, AWAY)))


def _of_kind(fields: Mapping[str, str], kind: str) -> dict[str, int]:
    return {
        name.removeprefix(kind): int(value)
        for name, value in fields.items()
        if name.startswith(kind)
    }


def added_up(counts: Iterable[Counts]) -> Counter[str]:
    """These counts together."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total


def quantile_s(took: Counts, part: float) -> float | None:
    """How long `part` of the checkouts took at most, in s: within a bucket guessed to lie even, as
    Prometheus does it. None without any."""
    counts = {float(bound): count for bound, count in took.items()}
    wanted = part * sum(counts.values())
    seen, lower = 0, 0.0
    for upper in metrics.SECONDS:
        count = counts.get(upper, 0)
        if count and seen + count >= wanted:
            return lower + (upper - lower) * (wanted - seen) / count
        seen, lower = seen + count, upper
    return lower if counts else None  # beyond the last bound nobody has looked
