"""Where everything happens: the services, the messages under way, and the bounds of a world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from recoup.settings import PARTIES
from tests.model.database import Rewrite
from tests.model.hearing import heard
from tests.model.invariants import Invariants
from tests.model.network import Network, message
from tests.model.outside import Event
from tests.model.process import Question
from tests.model.state import ORDERS, Checkout, State, Worker, replaced
from tests.model.system import SETTINGS, System


@dataclass(frozen=True)
class Bounds:
    """How much may happen in a world."""

    checkouts: tuple[str, ...] = ("0", "0")
    """The orders that are checked out, each time by a request of its own."""
    parties: tuple[str, ...] = PARTIES
    """Who takes part, in the order in which they are asked one after the other."""
    tries: int = 1
    """Of each checkout."""
    settlers: int = 2
    """How many may be about to settle something at a time."""
    steps: int = 1
    """How far the clocks go."""
    skew: int | None = None
    """How far they may be apart; None: they are one."""
    setbacks: int = 0
    """How often all clocks may be set back to the beginning."""
    loses: bool = True
    """Whether answers to checkouts are lost."""
    chains: int | None = None
    """How many tasks may be at work for stock, whose sweep then runs too; 0: without a broker.
    None: settlers settle its legs, as the other party's."""
    failures: int = 0
    """How often the order store can't read a record."""
    events: tuple[Event, ...] = ()


class Move(NamedTuple):
    """Something that happens: who does it, what is asked (one thing, or several, each with its
    answer), and the answer."""

    who: str
    what: Question | str | tuple[tuple[Question, object], ...]
    answer: object = None
    checkout: int | None = None
    """The place of the checkout that does it, if one does."""


Next = tuple[Move, State, str]
"""A move, the state afterwards, and what is wrong with it (nothing, if it is empty)."""


class Scene:
    """The services of one world."""

    def __init__(self, bounds: Bounds, rewrite: Rewrite = str) -> None:
        """`rewrite` changes the text of Lua scripts."""
        self.bounds = bounds
        self.settings = SETTINGS.model_copy(
            update={"retry_tries": bounds.tries, "parties": bounds.parties}
        )
        self.system = System(rewrite, self.settings, keeps_clock=bounds.setbacks > 0)
        anew = any("anew" in event.name for event in bounds.events)
        self.invariants = Invariants(self.system, written_anew=anew)
        self._hears: dict[tuple[object, ...], bool] = {}
        self.network = Network(self.system, bounds.steps, bounds.setbacks)

    def ask(self, state: State, what: Question) -> tuple[State, Any]:
        """Has a service carry out a question: the state afterwards, and the answer."""
        place = self.system.stores.index(what.store)
        before = state.stores[place]
        store, answer = self.system.ask(what, before, state.time_ms(place))
        if store is not before:
            state = state._replace(stores=replaced(state.stores, place, store))
        sent = self.network.arrived(state.sent, what)
        return state if sent == state.sent else state._replace(sent=sent), answer

    def tidy(self, state: State) -> State:
        """The state without what can't matter any more: messages that change nothing, and settlers
        of a tid that has a verdict by now, of which they can only hear."""
        stores, clocks, checkouts, workers, sent, expired, left, chains, sweep = state
        verdicts = self.invariants.verdicts(stores[ORDERS])
        if len(checkouts) > 1:
            checkouts = tuple(sorted(checkouts, key=_order))
        if workers:
            workers = tuple(
                each
                for each in workers
                if not verdicts.get(each.tid) or not self._only_hears(state, each, verdicts)
            )
        if sent:
            sent = self.network.kept(state, verdicts)
        return State(stores, clocks, checkouts, workers, sent, expired, left, chains, sweep)

    def _only_hears(self, state: State, worker: Worker, verdicts: Mapping[str, str]) -> bool:
        """Whether a settler of a decided tid can only come to its verdict. It is tried out, so that
        one that settles otherwise is not overlooked."""
        key = (worker, state.stores, state.clocks)
        if key not in self._hears:
            self._hears[key] = self._try_out(state, worker) in ("", verdicts[worker.tid])
        return self._hears[key]

    def _try_out(self, state: State, worker: Worker) -> str:
        """By which verdict a settler would settle, if it were answered at once; empty: by none."""
        turn = worker.turn
        while not turn.ended:
            ((number, what),) = turn.open
            sent = message(what)
            if sent and sent.act == "settle":
                return sent.verdict
            state, answer = self.ask(state, what)
            turn = turn.answered(number, heard(worker.party, what, answer))
        return ""


def _order(checkout: Checkout) -> tuple[str, bool, int, str, bool]:
    number = checkout.turn.number if checkout.turn else -1
    return checkout.order_id, checkout.over, number, checkout.rivals, checkout.told
