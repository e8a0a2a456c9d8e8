"""Tells how a violation came about, a move a line."""

from __future__ import annotations

from collections.abc import Sequence

from tests.model.scene import Move
from tests.model.state import Checkout, State
from tests.model.trace import describe

Step = tuple[State, Move, State]
"""A state, what happened, and the state afterwards."""


def story(steps: Sequence[Step], problem: str) -> str:
    """The problem, the way there, and what else it takes to see it."""
    what, *then = problem.splitlines()
    names = [""] * len(steps[0][0].checkouts)
    lines = []
    for number, (before, move, after) in enumerate(steps, 1):
        who = move.who
        if move.checkout is not None:
            names[move.checkout] = names[move.checkout] or "ABC"[len([*filter(None, names)])]
            who = f"{who} {names[move.checkout]}"
        lines.append(f"{number:4}. {who}: {describe(move.what, move.answer)}")
        names = _names_after(names, before, move, after)
    return "\n".join([what, *lines, *then])


def _names_after(names: list[str], before: State, move: Move, after: State) -> list[str]:
    """The names of the checkouts in their new order. In a state they have none: two that have done
    the same are the same."""
    others = {
        place: _done(checkout)
        for place, checkout in enumerate(before.checkouts)
        if place != move.checkout
    }
    found = []
    for checkout in after.checkouts:
        place = next((n for n, done in others.items() if done == _done(checkout)), move.checkout)
        assert place is not None
        others.pop(place, None)
        found.append(names[place])
    return found


def _done(checkout: Checkout) -> tuple[object, ...]:
    return checkout.order_id, checkout.turn, checkout.over
