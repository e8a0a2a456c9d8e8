"""From single runs to figures: pure mathematics.

A figure is the median of a number over the rounds, with the least and the most beside it. A ratio
is taken within each round, where both were measured a moment apart, and then treated alike.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from loadtest.bench import plan as planned
from loadtest.bench.generator import Tally
from loadtest.bench.shop import Taken

ANSWERS = {"200", "503"}
"""Of a checkout that can be paid; in some scenarios there are refusals, too."""


@dataclass(slots=True)
class Run:
    """One load, and what it has cost. Costs are for each final answer (no 5xx)."""

    round: int
    scenario: str
    connections: int
    tally: Tally
    instance: str = ""
    taken: Taken | None = None
    settled_s: float | None = None
    """From the last answer until no leg waited any more."""
    cpu_ms: dict[str, float] = field(default_factory=dict)
    """By process."""
    redis: dict[str, float] = field(default_factory=dict)
    """Commands by store; `scripts`: how many of all were one."""
    grpc: float = 0.0
    tasks: float = 0.0
    others_cores: float = 0.0
    """Cores that were used by what isn't part of the bench."""

    def final(self) -> int:
        """Answers that aren't a 5xx."""
        return finals(self.tally.answers)

    def wrong(self, paid: int, again: int) -> Iterator[str]:
        """What makes these checkouts no result, in words. `paid`, `again`: how many the gateway has
        counted as newly paid, and as paid before."""
        about = f"{self.scenario} at {self.connections}"
        answers, failed = self.tally.answers, sum(self.tally.failed.values())
        allowed = ANSWERS | ({"400"} if planned.MIXES.get(self.scenario) else set())
        if strange := {status: n for status, n in answers.items() if status not in allowed}:
            yield f"{about}: answers that nobody should get: {strange}"
        if failed and self.connections <= planned.FLOOD:
            yield f"{about}: {failed} connections failed"
        told = answers.get("200", 0)
        # Whose connection failed may have been paid, and not been told.
        if again or not told <= paid <= told + failed:
            yield f"{about}: {told} were answered 200, and {paid} newly paid, {again} again"

    def figures(self) -> dict[str, float]:
        """The numbers by their names, units last."""
        tally = self.tally
        window_s = tally.window_s or 1.0
        numbers = {
            "per_s": tally.in_time.get("200", 0) / window_s,
            "final_per_s": finals(tally.in_time) / window_s,
            "unavailable_per_s": tally.in_time.get("503", 0) / window_s,
            "failed": float(sum(tally.failed.values())),
            "generator_us": tally.cpu_us,
            "generator_busy": tally.busy,
            "others_cores": self.others_cores,
            **{f"{name}_ms": value for name, value in tally.took_ms.items()},
        }
        if self.cpu_ms:
            numbers["cpu_ms"] = sum(self.cpu_ms.values())
            numbers |= {f"cpu {name} ms": value for name, value in self.cpu_ms.items()}
        if self.redis:
            numbers |= {"grpc_calls": self.grpc, "tasks": self.tasks}
            numbers |= {f"redis {store}": value for store, value in self.redis.items()}
            numbers["redis"] = sum(self.redis.values()) - self.redis["scripts"]
        if self.settled_s is not None:
            numbers["settled_s"] = self.settled_s
        return numbers


def finals(answers: Mapping[str, int]) -> int:
    """Of these answers, by status, those that aren't a 5xx."""
    return sum(count for status, count in answers.items() if status < "500")


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure: the median, and the ends."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread | None:
    """Of the same number in each round; None of nothing."""
    return Spread(statistics.median(values), min(values), max(values)) if values else None


Key = tuple[str, int]
"""A scenario, and its number of connections."""


class Figures:
    """The figures of all runs."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._rounds: dict[Key, dict[int, dict[str, float]]] = {}
        for run in runs:
            key = run.scenario, run.connections
            self._rounds.setdefault(key, {})[run.round] = run.figures()

    def measured(self) -> list[Key]:
        """What was measured: first what was at several numbers of connections, by those."""
        times = Counter(scenario for scenario, _ in self._rounds)
        return sorted(
            self._rounds, key=lambda key: (times[key[0]] == 1, key[1] if times[key[0]] > 1 else 0)
        )

    def of(self, key: Key, name: str) -> Spread | None:
        """A figure; None if it wasn't measured."""
        return self.derived(key, lambda numbers: numbers[name])

    def names(self, key: Key) -> list[str]:
        """Of its figures."""
        return list(next(iter(self._rounds[key].values())))

    def derived(self, key: Key, of: Callable[[dict[str, float]], float]) -> Spread | None:
        """A figure that is worked out from each round's numbers, where it can be."""
        return spread(_worked_out(of, ((each,) for each in self._rounds.get(key, {}).values())))

    def ratio(self, one: Key, other: Key, name: str) -> Spread | None:
        """How often the one has the other's, round by round."""
        ones, others = self._rounds.get(one, {}), self._rounds.get(other, {})
        pairs = ((ones[each], others[each]) for each in ones if each in others)
        return spread(_worked_out(lambda a, b: a[name] / b[name], pairs))


def _worked_out(
    of: Callable[..., float], inputs: Iterable[tuple[dict[str, float], ...]]
) -> list[float]:
    """What it is for each input but those in which a number is missing, or zero below a line."""
    values = []
    for each in inputs:
        try:
            values.append(of(*each))
        except (KeyError, ZeroDivisionError):
            continue
    return values
