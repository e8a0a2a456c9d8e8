"""A bench: instances of its own, loads one after the other in rounds, and an audit of each."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtest.bench import plan as planned
from loadtest.bench.figures import Run
from loadtest.bench.generator import Job
from loadtest.bench.load import load
from loadtest.bench.meters import Counts, cpu_s, grpc_calls, redis_commands
from loadtest.bench.plan import Plan
from loadtest.bench.shop import AHEAD, ITEMS
from loadtest.bench.subject import Subject
from loadtest.bench.yardstick import Yardstick
from loadtest.instance import Instance
from loadtest.soak.measure import busy_s

WARM_UP_S = 2.0
HALF = 0.5
"""The bare route and /healthz are steady from the start, so half the time will do."""

SPARE, FLOOD_SPARE = 2.0, 10.0
"""For how many more checkouts there are orders than the warm-up has paid in the time. In a flood
some are turned away, which is quick, and each takes another order."""

CHECKOUT_PATH = "/orders/checkout/{}"


class Bench:
    """Carries out a plan."""

    def __init__(self, plan: Plan, folder: Path, say: Callable[[str], None]) -> None:
        self._plan, self._folder, self._say = plan, folder, say
        self._yardstick = Yardstick(folder / "bare")
        self.runs: list[Run] = []
        self.idle_cores: dict[str, float] = {}
        """By process, before the first load."""
        self.wrong: list[str] = []
        """What makes this bench no result, in words."""

    def carry_out(self) -> None:
        """All of it. Raises CannotTell."""
        try:
            if {"load", "mix"} & set(self._plan.parts):
                with self._subject("default", ahead=AHEAD) as subject:
                    self._default(subject)
            if {"instances", "features"} & set(self._plan.parts):
                with self._subject("few", others=planned.FEW_ORDERS, ahead=0) as few:
                    self._warm_up(few)
                    if "instances" in self._plan.parts:
                        self._others(few)
                    if "features" in self._plan.parts:
                        self._features(few)
        finally:
            self._yardstick.stop()

    def _default(self, subject: Subject) -> None:
        """The default instance: beside the bare route, and with other customers and carts."""
        self._say("idle")
        self.idle_cores = subject.idle_cores(self._plan.idle_s)
        self._yardstick.start()
        self._warm_up(subject)
        self._bare(-1, WARM_UP_S / 2, self._plan.crowd)
        for number in range(self._plan.rounds):
            for connections in self._plan.in_turn:
                if "load" in self._plan.parts:
                    self._bare(number, self._plan.seconds * HALF, connections)
                    self._checkouts(subject, number, planned.CHECKOUT, connections)
                    self._healthz(subject, number, connections)
                elif connections == self._plan.crowd:
                    self._checkouts(subject, number, planned.CHECKOUT, connections)
            if "mix" in self._plan.parts:
                self._mixes(subject, number)

    def _mixes(self, subject: Subject, number: int) -> None:
        for scenario, refused in planned.MIXES.items():
            subject.shop.refuse(refused)
            items = 1 if scenario == planned.HOT else ITEMS
            self._checkouts(subject, number, scenario, self._plan.crowd, items)
        subject.shop.refuse(0.0)

    def _others(self, few: Subject) -> None:
        """Beside an instance with few orders, one after the other, those that differ."""
        ahead = min(self._plan.many_orders, self._ahead(few))
        others = self._plan.many_orders - ahead
        with self._subject("many", others=others, ahead=ahead) as other:
            self._beside(few, planned.FEW, other, planned.MILLION)
        with self._subject("everysec", others=planned.FEW_ORDERS, ahead=0) as other:
            other.meters.set_fsync("everysec")
            self._beside(few, planned.ALWAYS, other, planned.EVERYSEC)
        if few.instance.settings.gateway_workers != 1:
            one = {"RECOUP_GATEWAY_WORKERS": "1"}
            with self._subject("one", planned.FEW_ORDERS, 0, **one) as other:
                self._beside(few, planned.TWO, other, planned.ONE)

    def _features(self, few: Subject) -> None:
        """Beside it, one after the other, those that lack one feature."""
        for scenario, feature in planned.WITHOUT.items():
            name = scenario.replace(" ", "-")
            with self._subject(name, planned.FEW_ORDERS, 0, without=feature) as other:
                self._beside(few, f"with {feature}", other, scenario)

    def _ahead(self, like: Subject) -> int:
        """Orders for all its loads, so that they need not be written anew."""
        warm_up = self._count(like, WARM_UP_S, self._plan.crowd)
        one = self._count(like, self._plan.seconds, self._plan.crowd)
        return 2 * (warm_up + self._plan.rounds * one)

    def _beside(self, few: Subject, its: str, other: Subject, others: str) -> None:
        self._warm_up(other)
        for number in range(self._plan.rounds):
            self._checkouts(few, number, its, self._plan.crowd)
            self._checkouts(other, number, others, self._plan.crowd)

    @contextmanager
    def _subject(
        self,
        name: str,
        others: int = 0,
        ahead: int = AHEAD,
        without: str = "",
        **environment: str,
    ) -> Iterator[Subject]:
        """An instance (`without` a feature), steadily ready, with its shop filled; audited in the
        end, and stopped."""
        self._say(f"starts the instance {name!r}")
        instance = Instance(self._folder / name, without, **environment)
        subject = Subject(name, instance, others, ahead, counts=without != "metrics")
        try:
            subject.start()
            yield subject
            self._say(f"audits {name!r}")
            self.wrong += subject.wrong()
        finally:
            subject.stop()

    # --- loads ---

    def _warm_up(self, subject: Subject) -> None:
        """A load that isn't counted; it shows how many orders the others need."""
        subject.per_s = 2_000.0
        run = self._checkouts(subject, -1, planned.CHECKOUT, self._plan.crowd, seconds=WARM_UP_S)
        subject.per_s = run.figures()["per_s"]

    def _count(self, subject: Subject, seconds: float, connections: int) -> int:
        spare = FLOOD_SPARE if connections > planned.FLOOD else SPARE
        return connections + math.ceil(subject.per_s * seconds * spare)

    def _checkouts(
        self,
        subject: Subject,
        number: int,
        scenario: str,
        connections: int,
        items: int = ITEMS,
        seconds: float = 0.0,
    ) -> Run:
        """Checks orders out, waits until all is settled, and notes what it has cost."""
        seconds = seconds or self._plan.seconds
        seconds *= planned.FLOOD_TIMES if connections > planned.FLOOD else 1.0
        taken = subject.shop.take(self._count(subject, seconds, connections), items)
        self._announce(number, scenario, connections)
        job = Job(
            subject.instance.settings.port,
            CHECKOUT_PATH,
            connections,
            seconds,
            taken.first,
            taken.count,
        )
        subject.meters.wait_until_written()
        counts = subject.meters.counts()
        others, before = others_cores(), subject.meters.cpu_s()
        tally = load(job)
        settled_at_s = subject.meters.settled_at_s()
        run = Run(number, scenario, connections, tally, subject.name, taken)
        final = run.final() or 1
        run.cpu_ms = {
            name: (used - before[name]) / final * 1000
            for name, used in subject.meters.cpu_s().items()
        }
        run.others_cores = others()
        if settled_at_s is None:
            self.wrong.append(f"{scenario} at {connections}: legs are left that nobody settles")
        else:
            run.settled_s = settled_at_s - tally.last_answer_at_s
        self._note_counts(subject, run, subject.meters.counts() - counts, final)
        if number >= 0:
            self.runs.append(run)
        return run

    def _note_counts(self, subject: Subject, run: Run, cost: Counts, final: int) -> None:
        run.redis = {name: count / final for name, count in redis_commands(cost).items()}
        if not subject.counts:
            return
        run.grpc, run.tasks = grpc_calls(cost) / final, cost["tasks"] / final
        paid, again = (
            cost[f'recoup_checkouts_total{{outcome="{outcome}"}}']
            for outcome in ("paid", "already-paid")
        )
        self.wrong += run.wrong(paid, again)

    def _bare(self, number: int, seconds: float, connections: int) -> None:
        """The bare route."""
        self._announce(number, planned.BARE, connections)
        job = Job(self._yardstick.settings.port, CHECKOUT_PATH.format(0), connections, seconds)
        pids = {"bare": self._yardstick.pid}
        others, before = others_cores(), cpu_s(pids)
        run = Run(number, planned.BARE, connections, load(job))
        used = cpu_s(pids)["bare"] - before["bare"]
        run.cpu_ms = {"bare": used / (run.final() or 1) * 1000}
        run.others_cores = others()
        if number >= 0:
            self.runs.append(run)

    def _healthz(self, subject: Subject, number: int, connections: int) -> None:
        """The gateway's cheapest answer."""
        self._announce(number, planned.HEALTHZ, connections)
        port, seconds = subject.instance.settings.port, self._plan.seconds * HALF
        others = others_cores()
        tally = load(Job(port, "/healthz", connections, seconds, method="GET"))
        run = Run(number, planned.HEALTHZ, connections, tally, subject.name)
        run.others_cores = others()
        self.runs.append(run)

    def _announce(self, number: int, scenario: str, connections: int) -> None:
        which = f"round {number + 1}/{self._plan.rounds}" if number >= 0 else "warm-up"
        self._say(f"{which} · {scenario}, {connections:,} connections")


def others_cores() -> Callable[[], float]:
    """How many cores others use from now on, until that is asked: who isn't a child of ours."""
    ours = {"bench": os.getpid()}
    began_s, busy, used_s = time.monotonic(), busy_s(), cpu_s(ours)["bench"]

    def until_now() -> float:
        both_s = busy_s() - busy - (cpu_s(ours)["bench"] - used_s)
        return max(0.0, both_s) / (time.monotonic() - began_s)

    return until_now
