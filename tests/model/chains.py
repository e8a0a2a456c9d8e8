"""A party's legs settled in full detail: by its sweep, and by tasks that are retried, and repeated.

The sweep takes what is due and hands it to the broker, or settles it. A task is under way as any
message is: it may be delivered any number of times, so that several chains of retries begin.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from proto import ledger_pb2 as pb
from proto import orders_pb2
from tests.model import reconciler
from tests.model.hearing import heard
from tests.model.network import task
from tests.model.process import LOST, Packed, Program, Question, question
from tests.model.scene import Move, Next, Scene
from tests.model.state import Chain, State, replaced

PARTY = "stock"
"""Whose legs these are. The other party's are settled by settlers."""

SETTLING = ("Verdicts", "Status", "Propose", "Apply")
Asked = tuple[Question, object]

FAILURE = "disk full"
"""What the order store may answer once, so that a leg is parked."""


class Chains:
    """The sweep of a party, and its chains of retries."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._sweep = reconciler.sweep(PARTY, scene.settings)
        self._programs: dict[tuple[str, int, int], Program] = {}

    def moves(self, state: State) -> Iterator[Next]:
        """A sweep begins, or goes on; a task is delivered; a chain goes on, or is tried again."""
        if self._scene.bounds.chains is None:
            return
        for turn in (self._sweep.turn(), state.sweep):
            if turn:
                yield from self._steps(state, -1, Chain("", 0, turn))
        tasks = [each for what in self._scene.network.under_way(state.sent) if (each := task(what))]
        for place, chain in enumerate(state.chains):
            for tid, due_ms in tasks if chain is None else []:
                yield from self._steps(state, place, self._begun(place, Chain(tid, due_ms)))
            if chain is not None:
                yield from self._steps(state, place, self._begun(place, chain))
                chains = replaced(state.chains, place, None)
                dead = self._scene.tidy(state._replace(chains=chains))
                yield Move(f"chain {place + 1} of {chain.tid}", "its worker dies"), dead, ""

    def _steps(self, state: State, place: int, chain: Chain) -> Iterator[Next]:
        """What comes of the question that a chain, or the sweep, has asked."""
        who = f"{PARTY}'s sweep" if place < 0 else f"chain {place + 1} of {chain.tid}"
        for asked, after, gone_on in self._run(state, place, chain):
            end = self._end(after, place, gone_on)
            yield Move(who, asked), end, self._two_live(end)

    def _run(
        self, state: State, place: int, chain: Chain
    ) -> Iterator[tuple[tuple[Asked, ...], State, Chain]]:
        """A step of a process, in each way it may go. What a task does between its claim and its
        note is one step: settlers do the same one by one."""
        assert chain.turn is not None
        ((number, what),) = chain.turn.open
        for answer, after in self._answers(state, what):
            told = answer if answer is LOST else heard(PARTY, what, answer)
            turn = chain.turn.answered(number, told)
            sent = self._scene.network.send(after.sent, [each for _, each in turn.open])
            after, gone_on = after._replace(sent=sent), chain._replace(turn=turn)
            if place >= 0 and not turn.ended and turn.open[0][1].method in SETTLING:
                for rest in self._run(after, place, gone_on):
                    yield ((what, answer), *rest[0]), *rest[1:]
            else:
                yield ((what, answer),), after, gone_on

    def _answers(self, state: State, what: Question) -> Iterator[tuple[object, State]]:
        """What a question may be answered, and the state then."""
        if what.store == "broker":
            if self._scene.bounds.chains:
                yield True, state._replace(sent=self._scene.network.send(state.sent, [what]))
            else:
                yield LOST, state
            return
        after, answer = self._scene.ask(state, what)
        yield answer, after
        if isinstance(what.request, Packed):  # it is asked over the network
            yield LOST, state
            if after is not state:
                yield LOST, after
        failures = state.left[-2]
        if what.method == "Verdicts" and failures:
            tids = what.request.message().tids  # type: ignore[attr-defined]
            decisions = [orders_pb2.Decision(tid=tid, error=FAILURE) for tid in tids]
            left = replaced(state.left, len(state.left) - 2, failures - 1)
            failed = Packed.of(orders_pb2.DecisionsReply(decisions=decisions))
            yield failed, state._replace(left=left)

    def _end(self, state: State, place: int, chain: Chain) -> State:
        """The state after a step."""
        turn = chain.turn
        assert turn is not None
        if place < 0:
            return self._scene.tidy(state._replace(sweep=None if turn.ended else turn))
        after: Chain | None = chain
        if isinstance(turn.result, reconciler.Again):
            due_ms = turn.result.due_ms
            after = Chain(chain.tid, due_ms, None, chain.claimed or due_ms != chain.due_ms)
        elif turn.ended:
            after = None
        return self._scene.tidy(state._replace(chains=replaced(state.chains, place, after)))

    def _begun(self, place: int, chain: Chain) -> Chain:
        """A chain at its next try, if it waits for that. Pauses are random: none has another's."""
        if chain.turn:
            return chain
        key = (chain.tid, chain.due_ms, place + 1)
        if key not in self._programs:
            self._programs[key] = reconciler.compensation(PARTY, *key)
        return chain._replace(turn=self._programs[key].turn())

    def _two_live(self, state: State) -> str:
        """A leg has one live chain at most: of those that wait after a claim, one may go on."""
        live = [
            chain.tid
            for place, chain in enumerate(state.chains)
            if chain and not chain.turn and chain.claimed and self._may_go_on(state, place, chain)
        ]
        if len(live) == len(set(live)):
            return ""
        return f"two chains of retries are alive for {live[0]}"

    def _may_go_on(self, state: State, place: int, chain: Chain) -> bool:
        _, answer = self._scene.ask(state, _claim(chain.tid, chain.due_ms, place + 1))
        return bool(answer.message().claimed)


@functools.cache
def _claim(tid: str, due_ms: int, pause_ms: int) -> Question:
    request = pb.ClaimRequest(tid=tid, due_ms=due_ms, backoff_ms=pause_ms)
    return question(PARTY, "Claim", Packed.of(request))
