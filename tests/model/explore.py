"""Explores a world: every state that can be reached, the nearest first."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.model.gateway import without_chance
from tests.model.reconciler import with_settings
from tests.model.scene import Move
from tests.model.state import State
from tests.model.story import Step, story
from tests.model.system import SETTINGS
from tests.model.world import World


@dataclass(frozen=True)
class Explored:
    """What an exploration has found."""

    states: int
    violation: str = ""
    """Empty, or what doesn't hold, and the shortest way there, a move a line."""


def explore(world: World, most: int | None = None) -> Explored:
    """Visits every state, or those until the first violation; raises if there are more than `most`:
    then the bounds are too wide."""
    with without_chance(), with_settings(SETTINGS), without_collecting():
        start = world.start()
        came_from: dict[State, tuple[State, Move] | None] = {start: None}
        waiting = deque([start])
        while waiting:
            state = waiting.popleft()
            for move, after, problem in world.moves(state):
                if after is state:
                    continue
                problem = problem or world.problem(state, after)
                if problem:
                    steps = [*_way(came_from, state), (state, move, after)]
                    return Explored(len(came_from), story(steps, problem))
                if after not in came_from:
                    came_from[after] = (state, move)
                    waiting.append(after)
            if most and len(came_from) > most:
                raise OverflowError(f"more than {most:,} states")
    return Explored(len(came_from))


@contextmanager
def without_collecting() -> Iterator[None]:
    """Nothing that is made here is let go before the end: to look for it only takes time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _way(came_from: dict[State, tuple[State, Move] | None], state: State) -> list[Step]:
    """The steps from the beginning to a state."""
    steps: list[Step] = []
    while (step := came_from[state]) is not None:
        before, move = step
        steps.append((before, move, state))
        state = before
    return steps[::-1]
