"""A world: a small Recoup, who takes part in it, and each thing that may happen next.

- Checkouts and settlers (a worker, a task, a sweep) take a step each time one of their questions is
  answered. None has to take another one: that is how they die, at any point.
- A message is under way from the moment it is sent: it arrives at any time, any number of times, or
  never; its answer is heard, or is lost. So each may be late, repeated, or overtaken.
- The clocks go on, together or each for itself, and may be set back.
- Outside, items are added, stock is refilled, data are written anew, an operator acts.

What is left out, and why that changes nothing that is checked:

- Settlers are about legs that some party has. Of others there is nothing to settle.
- A settler that hears a verdict settles in the same move: the verdict never changes, so to settle
  later is to have asked later. Hence no such message is kept under way, and settlers of a tid that
  has a verdict are let go (once it was tried out that they would come to it: `Scene`).
- A settler that is about to propose remembers nothing else.
- A checkout whose proposal is not answered proposes again: it is where it was.
- A checkout that won't try again does not wait for what is given back: any settler may do it.
- A process that ends for want of an answer is one that has died while it waited.
- What a process makes no use of in an answer (`hearing.py`), and what a leg tells only the operator
  (`system.py`).
- A message that changes nothing now, and never can again (`network.py`).
- Two checkouts of one order are told apart by what they have done, not by their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.model.chains import Chains
from tests.model.checkouts import Checkouts
from tests.model.database import Rewrite
from tests.model.network import task
from tests.model.process import Question, question
from tests.model.redis import EMPTY
from tests.model.scene import Bounds, Move, Next, Scene
from tests.model.settlers import Settlers
from tests.model.state import Checkout, State, replaced, view


class World:
    """A small Recoup, and all that may happen in it."""

    def __init__(
        self, beginning: Sequence[Question], bounds: Bounds, rewrite: Rewrite = str
    ) -> None:
        """`beginning` is carried out first; `rewrite` changes the text of Lua scripts."""
        self.bounds = bounds
        self.scene = Scene(bounds, rewrite)
        self.stores = self.scene.system.stores
        self.invariants = self.scene.invariants
        self._beginning = beginning
        self._checkouts = Checkouts(self.scene)
        self._settlers = Settlers(self.scene)
        self._chains = Chains(self.scene)

    def start(self) -> State:
        """How it begins."""
        state = State(
            stores=(EMPTY,) * len(self.stores),
            clocks=(0,) * len(self.stores),
            checkouts=tuple(map(Checkout, self.bounds.checkouts)),
            workers=(),
            sent=0,
            expired=frozenset(),
            left=(
                *(event.times for event in self.bounds.events),
                self.bounds.failures,
                self.bounds.setbacks,
            ),
            chains=(None,) * (self.bounds.chains or 0),
        )
        for what in self._beginning:
            state, _ = self.scene.ask(state, what)
        return self.scene.tidy(state)

    def moves(self, state: State) -> Iterator[Next]:
        """All that may happen next."""
        yield from self._checkouts.moves(state)
        yield from self._settlers.moves(state)
        yield from self._chains.moves(state)
        yield from self._messages_arrive(state)
        yield from self._clocks_go_on(state)
        yield from self._outside(state)

    def problem(self, before: State, after: State) -> str:
        """What is wrong with a state, or with how it came about."""
        if before.stores is after.stores and before.clocks == after.clocks:
            return ""
        for name, old, new in zip(self.stores, before.stores, after.stores, strict=True):
            if old is not new:
                problem = self.invariants.step(name, old, new, after.expired)
                if problem:
                    return problem
        latest = self.bounds.steps if self.bounds.setbacks else max(after.clocks)
        return self.invariants.state(after.stores, latest, after.expired)

    def _messages_arrive(self, state: State) -> Iterator[Next]:
        for what in self.scene.network.under_way(state.sent):
            if task(what):
                continue  # `chains.py` takes it
            after, answer = self.scene.ask(state, what)
            if after.stores is not state.stores:
                yield Move("a message arrives", what, answer), self.scene.tidy(after), ""

    # --- clocks ---

    def _clocks_go_on(self, state: State) -> Iterator[Next]:
        clocks = state.clocks
        if self.bounds.skew is None:
            if clocks[0] < self.bounds.steps:
                yield self._clock_shows(state, "the clocks go on", tuple(n + 1 for n in clocks))
        else:
            for place, name in enumerate(self.stores):
                later = replaced(clocks, place, clocks[place] + 1)
                if (
                    later[place] <= self.bounds.steps
                    and max(later) - min(later) <= self.bounds.skew
                ):
                    yield self._clock_shows(state, f"the clock of {name} goes on", later)
        if state.left[-1] and any(clocks):
            left = replaced(state.left, len(state.left) - 1, state.left[-1] - 1)
            yield self._clock_shows(
                state._replace(left=left), "the clocks are set back", (0,) * len(clocks)
            )

    def _clock_shows(self, state: State, move: str, clocks: tuple[int, ...]) -> Next:
        """Time has passed, and settled legs with it. Each sweep keeps the clock it sees, every
        second: that matters where clocks may be set back."""
        after = state._replace(clocks=clocks)
        stores = tuple(
            self.scene.system.expired(store, after.time_ms(place))
            for place, store in enumerate(state.stores)
        )
        expired = state.expired | {
            (self.stores[place], tid)
            for place, store in enumerate(stores)
            for tid in view(state.stores[place]).legs.keys() - view(store).legs.keys()
        }
        if stores != state.stores:
            after = after._replace(stores=stores, expired=expired)
        if self.bounds.setbacks:
            for name in self.bounds.parties:
                after, _ = self.scene.ask(after, question(name, "take_due", (0, 0)))
        return Move("time", move), self.scene.tidy(after), ""

    # --- outside ---

    def _outside(self, state: State) -> Iterator[Next]:
        for place, event in enumerate(self.bounds.events):
            if not state.left[place]:
                continue
            for what in event.questions(state):
                after, answer = self.scene.ask(state, what)
                if after.stores is state.stores:
                    continue
                left = replaced(state.left, place, state.left[place] - 1)
                yield Move(event.name, what, answer), self.scene.tidy(after._replace(left=left)), ""
