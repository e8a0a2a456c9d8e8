"""Who settles legs in a world: workers and sweeps, for any leg that is held, at any time."""

from __future__ import annotations

from collections.abc import Iterator

from recoup.settings import PARTIES
from tests.model import reconciler
from tests.model.chains import PARTY
from tests.model.hearing import heard
from tests.model.network import message
from tests.model.process import LOST, Program, Question, Turn
from tests.model.scene import Move, Next, Scene
from tests.model.state import State, Worker, view


class Settlers:
    """As many at a time as the bounds say. If there is no room for one more, one has died."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._parties = [name for name in PARTIES if name != PARTY or scene.bounds.chains is None]
        self._programs: dict[tuple[str, str], Program] = {}
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
        who = f"{party}'s settler of {tid}"
        ((number, what),) = turn.open
        after, answer = self._scene.ask(state, what)
        told = turn.answered(number, heard(party, what, answer))
        yield Move(who, what, answer), self._go_on(after, rest, Worker(party, tid, told)), ""
        silent = turn.answered(number, LOST)
        if not silent.ended:
            yield Move(who, what, LOST), self._go_on(state, rest, Worker(party, tid, silent)), ""

    def _go_on(self, state: State, rest: tuple[Worker, ...], worker: Worker) -> State:
        """A settler takes its next step. When it is to settle, it does so in the same move: as a
        verdict never changes, that it settles later is as if it had asked later."""
        if not worker.turn.ended:
            ((_, what),) = worker.turn.open
            state = state._replace(sent=self._scene.network.send(state.sent, [what]))
            if _settles(what):
                state, _ = self._scene.ask(state, what)
            else:
                if what.method == "Propose":  # what it proposes is all that it still remembers
                    worker = self._proposers.setdefault((worker.party, what), worker)
                rest = tuple(sorted((*rest, worker), key=lambda each: each.turn.number))
        return self._scene.tidy(state._replace(workers=rest))

    def _program(self, name: str, tid: str) -> Program:
        if (name, tid) not in self._programs:
            self._programs[name, tid] = reconciler.settler(name, tid)
        return self._programs[name, tid]


def _settles(what: Question) -> bool:
    sent = message(what)
    return bool(sent and sent.act == "settle")
