"""A run: each fault alone, with its own convergence and audit; then all of them in a storm."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from loadtest.audit import audited
from loadtest.books import Outcome
from loadtest.chaos import shop as shops
from loadtest.chaos.answers import Unaccounted, unaccounted, verdict_on
from loadtest.chaos.board import Board
from loadtest.chaos.faults import Fault
from loadtest.chaos.load import Load, Tally
from loadtest.chaos.plan import SINGLES_LEAST, Plan, Planned
from loadtest.chaos.result import Result
from loadtest.chaos.timeline import Sampler, Span, Timeline
from loadtest.chaos.world import Missed, World
from loadtest.client import Client
from loadtest.interrupt import pause

READY_LIMIT_S = 60.0
CONVERGENCE_LIMIT_S = 60.0

CALM_S = 0.5
"""Nothing is held for as long: a leg that a forgotten request takes meanwhile is seen."""

SERVED = 5
"""So many checkouts have to be paid once everything is ready again."""

POLL_S = 0.1
AUDIT_LIMIT_S = 120.0


class Run:
    """Carries out a plan on a world that is up."""

    def __init__(self, world: World, plan: Plan, board: Board) -> None:
        self._world, self._plan, self._board = world, plan, board
        self._client = Client(world.instance.url, shops.CALLERS)
        self._draw = random.Random(plan.seed)
        self._tally = Tally()
        self.timeline = Timeline()
        self.results: list[Result] = []
        self.left_out: list[str] = []
        """Kinds of fault that there was no time for to be had alone."""
        self._sampler = Sampler(self.timeline, self._tally.so_far, world.legs_held, board.show)

    def __enter__(self) -> Run:
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._sampler.stop()
        self._client.close()

    def singles(self) -> None:
        """Each kind of fault alone, as many as there is time for."""
        end_s = time.monotonic() + self._plan.singles_s
        with self._span("each fault alone"):
            for number, fault in enumerate(self._plan.singles):
                late = time.monotonic() > end_s and number >= SINGLES_LEAST
                if late or self._beyond_repair():
                    self.left_out = [left.name for left in self._plan.singles[number:]]
                    return
                self._board.say(f"{number + 1}/{len(self._plan.singles)} {fault.name}")
                self._judged(fault.name, [Planned(fault)], 0.0)

    def storm(self) -> None:
        """All kinds at random times, several at once; one convergence and one audit after it."""
        if self._beyond_repair():
            return
        with self._span("storm"):
            self._board.say(f"storm of {len(self._plan.storm)} faults")
            self._judged(f"storm of {len(self._plan.storm)}", self._plan.storm, self._plan.storm_s)

    def _beyond_repair(self) -> bool:
        """Whether a fault has left something that is never ready again: nobody can be judged by
        what comes after it."""
        return any(result.ready_s is None for result in self.results)

    def _judged(self, name: str, planned: Sequence[Planned], lasts_s: float) -> None:
        """Load, faults under it, and what is left when all have passed."""
        shop = shops.fill(self._client, self._draw)
        load = Load(self._world.instance.url, shop, self._tally, self._draw.getrandbits(32))
        before, result = self._tally.so_far(), Result(name)
        self.results.append(result)
        try:
            load.start()
            spans = self._inflict(planned, lasts_s)
            result.missed = sum(bool(span.missed) for span in spans)
            result.ready_s = self._until_ready()
            ready_at = time.monotonic()
            result.served = result.ready_s is not None and self._is_served()
        finally:
            load.stop()
            result.checkouts = self._tally.so_far() - before
        if result.ready_s is not None:
            result.converged_s = self._until_nothing_is_held(ready_at)
            self._judge(result, shop, load)
        self._board.done(result)

    def _judge(self, result: Result, shop: shops.Shop, load: Load) -> None:
        """The clients' answers against the books, and the books against themselves."""
        with ThreadPoolExecutor(1) as pool:
            audit = pool.submit(self._audit)
            books = shops.read(self._client, shop, load.stories.orders)
            discrepancies = verdict_on(load.stories, books)
            counted, differences = audit.result()
        result.unaccounted = counted.most(unaccounted(books, discrepancies))
        result.discrepancies = [str(each) for each in discrepancies] + differences
        result.held = self._world.legs_held() or 0

    # --- faults ---

    def _inflict(self, planned: Sequence[Planned], lasts_s: float) -> list[Span]:
        """Has each fault happen at its time; returns when the last is over."""
        began_s = time.monotonic()
        with ThreadPoolExecutor(max(1, len(planned))) as pool:
            under_way: list[Future[Span]] = []
            for each in planned:
                pause(began_s + each.at_s - time.monotonic())
                under_way.append(pool.submit(self._break, each.fault))
            spans = [future.result() for future in under_way]
        pause(began_s + lasts_s - time.monotonic())
        return spans

    def _break(self, fault: Fault) -> Span:
        span = Span(fault.name, self._sampler.now_s())
        self._board.broken.add(fault.name)
        try:
            with fault.act(self._world):
                time.sleep(fault.lasts_s)
        except Missed as missed:
            span.missed = str(missed)
        finally:
            self._board.broken.discard(fault.name)
        span.ended_s = self._sampler.now_s()
        self.timeline.faults.append(span)
        return span

    # --- afterwards ---

    def _until_ready(self) -> float | None:
        """Waits until every process does its work; how long it took, None if it never does."""
        began_s = time.monotonic()
        while time.monotonic() < began_s + READY_LIMIT_S:
            down = self._world.instance.not_ready()
            if not down:
                return time.monotonic() - began_s
            self._board.waits_for(", ".join(down))
            pause(POLL_S)
        return None

    def _is_served(self) -> bool:
        """Waits until customers are served again; False if they never are."""
        enough = self._tally.so_far()[Outcome.PAID] + SERVED
        give_up = time.monotonic() + READY_LIMIT_S
        while self._tally.so_far()[Outcome.PAID] < enough:
            if time.monotonic() > give_up:
                return False
            pause(POLL_S)
        return True

    def _until_nothing_is_held(self, began_s: float) -> float | None:
        """Waits until no leg is held; how long that took from `began_s`, None if it never is."""
        give_up = time.monotonic() + CONVERGENCE_LIMIT_S
        since_s = time.monotonic()
        while (now_s := time.monotonic()) < give_up:
            held = self._world.legs_held()
            if held == 0 and now_s - since_s >= CALM_S:
                return since_s - began_s
            if held != 0:
                self._board.waits_for(f"{held} held legs")
                since_s = now_s
            pause(POLL_S / 2)
        return None

    def _audit(self) -> tuple[Unaccounted, list[str]]:
        """What `recoup audit` finds in everything that was ever bought here."""
        audit = audited(self._world.instance, AUDIT_LIMIT_S)
        counts = {book: abs(units) for book, units in audit["unaccounted"].items()}
        credits, orders = counts.pop("credits"), counts.pop("orders")
        counted = Unaccounted(credits, sum(counts.values()), orders)
        if audit["balanced"]:
            return counted, []
        found = audit["differences"] or [{"kind": "not balanced"}]
        return counted, [f"audit: {' · '.join(filter(None, each.values()))}" for each in found]

    @contextmanager
    def _span(self, name: str) -> Iterator[None]:
        """A phase of the run."""
        span = Span(name, self._sampler.now_s())
        self.timeline.phases.append(span)
        try:
            yield
        finally:
            span.ended_s = self._sampler.now_s()
