"""Who settles legs in a world: a worker or a sweep, for any leg, at any time."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model import reconciler
from tests.model.chains import PARTY
from tests.model.hearing import heard
from tests.model.network import Sent, message
from tests.model.process import LOST, Program, Question, Turn
from tests.model.redis import Store
from tests.model.scene import Move, Next, Scene
from tests.model.state import State, Worker, view

Outcome = tuple[Move, tuple[Store, ...], Worker | None, Sent]
"""A move, the stores afterwards, the settler if it goes on, and what it has sent."""


class Settlers:
    """As many at a time as the bounds say. If there is no room for one more, one has died."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        parties, chains = scene.bounds.parties, scene.bounds.chains
        self._parties = [name for name in parties if name != PARTY or chains is None]
        self._programs: dict[tuple[str, str], Program] = {}
        self._known: dict[tuple[object, ...], list[Outcome]] = {}
        self._proposers: dict[tuple[str, Question], Worker] = {}

    def moves(self, state: State) -> Iterator[Next]:
        """Each settler begins with a leg that anyone has, hears an answer, or hears none."""
        workers = state.workers
        for place, worker in enumerate(workers):
            rest = workers[:place] + workers[place + 1 :]
            yield from self._steps(state, rest, worker.party, worker.tid, worker.turn)
        if not self._scene.bounds.settlers:
            return
        room = [workers]
        if len(workers) >= self._scene.bounds.settlers:
            room = [workers[:place] + workers[place + 1 :] for place in range(len(workers))]
        legs = sorted({tid for store in state.stores for tid in view(store).legs})
        for name in self._parties:
            for tid in legs:
                for rest in room:
                    turn = self._program(name, tid).turn()
                    yield from self._steps(state, rest, name, tid, turn)

    def _steps(
        self, state: State, rest: tuple[Worker, ...], party: str, tid: str, turn: Turn
    ) -> Iterator[Next]:
        stores, clocks, checkouts, _, sent, expired, left, chains, sweep = state
        for move, after, worker, sends in self._outcomes(state, Worker(party, tid, turn)):
            workers = rest
            if worker:
                workers = tuple(sorted((*rest, worker), key=lambda each: each.turn.number))
            elif after is stores and rest == state.workers:
                continue
            new = State(
                after, clocks, checkouts, workers, sent | sends, expired, left, chains, sweep
            )
            yield move, self._scene.tidy(new), ""

    def _outcomes(self, state: State, worker: Worker) -> list[Outcome]:
        """What may come of a settler's question, which depends on the stores and their clocks."""
        key = (state.stores, state.clocks, worker)
        if key not in self._known:
            who = f"{worker.party}'s settler of {worker.tid}"
            ((number, what),) = worker.turn.open
            after, answer = self._scene.ask(state, what)
            told = worker.turn.answered(number, heard(worker.party, what, answer))
            outcomes = [self._outcome(Move(who, what, answer), after, worker, told)]
            silent = worker.turn.answered(number, LOST)
            if not silent.ended:
                outcomes.append(self._outcome(Move(who, what, LOST), state, worker, silent))
            self._known[key] = outcomes
        return self._known[key]

    def _outcome(self, move: Move, after: State, worker: Worker, turn: Turn) -> Outcome:
        """A settler takes its next step. When it is to settle, it does so in the same move: as a
        verdict never changes, that it settles later is as if it had asked later."""
        if turn.ended:
            return move, after.stores, None, 0
        ((_, what),) = turn.open
        sends = self._scene.network.send(0, [what])
        if _settles(what):
            return move, self._scene.ask(after, what)[0].stores, None, sends
        worker = worker._replace(turn=turn)
        if what.method == "Propose":  # what it proposes is all that it still remembers
            worker = self._proposers.setdefault((worker.party, what), worker)
        return move, after.stores, worker, sends

    def _program(self, name: str, tid: str) -> Program:
        if (name, tid) not in self._programs:
            self._programs[name, tid] = reconciler.settler(name, tid)
        return self._programs[name, tid]


def _settles(what: Question) -> bool:
    sent = message(what)
    return bool(sent and sent.act == "settle")
