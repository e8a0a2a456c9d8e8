"""What someone who visits the shop is going to do, drawn when the visit begins."""

from __future__ import annotations

import random
from dataclasses import dataclass

# A few items that everyone wants, and a few pieces of each, so that they are soon sold out.
SCARCE_MAX = 10
SCARCE_PIECES = 5
# At most a part of the items: a small shop has fewer scarce ones, and one of a few items none.
SCARCE_PART = 10

ONLY_LOOKED_AT_MAX = 3
LINES_MAX = 3
PIECES_MAX = 2
# Most visitors buy; the others, and those who are curious or impatient, are common enough to be
# seen within a few dozen visits.
ABANDONS_PERCENT = 15
LOOKS_AFTERWARDS_PERCENT = 40
PRESSES_TWICE_PERCENT = 10


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit. Items are numbers, as `batch_init` names them; lines are (item, quantity)."""

    looks_at: tuple[int, ...]
    lines: tuple[tuple[int, int], ...]
    abandons: bool
    looks_afterwards: bool
    presses_twice: bool


def scarce_items(items_count: int) -> range:
    """The items that there are only a few pieces of."""
    return range(min(SCARCE_MAX, items_count // SCARCE_PART))


def draw_visit(draw: random.Random, items_count: int, scarce_percent: int) -> Visit:
    """A visit to a shop of so many items; so many carts in a hundred hold a scarce one."""
    scarce = scarce_items(items_count)
    plenty = range(len(scarce), items_count)

    def happens(percent: int) -> bool:
        return draw.random() * 100 < percent

    cart = draw.sample(plenty, min(draw.randint(1, LINES_MAX), len(plenty)))
    if scarce and happens(scarce_percent):
        cart[0] = draw.choice(scarce)
    return Visit(
        looks_at=tuple(draw.choices(plenty, k=draw.randint(0, ONLY_LOOKED_AT_MAX))),
        lines=tuple((item, draw.randint(1, PIECES_MAX)) for item in cart),
        abandons=happens(ABANDONS_PERCENT),
        looks_afterwards=happens(LOOKS_AFTERWARDS_PERCENT),
        presses_twice=happens(PRESSES_TWICE_PERCENT),
    )
