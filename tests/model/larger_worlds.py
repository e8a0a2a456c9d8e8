"""More of the same, for an evening: the worlds with wider bounds."""

from __future__ import annotations

from tests.model.database import Rewrite
from tests.model.outside import (
    account,
    accounts_anew,
    operator_aborts,
    orders_anew,
    refill,
    tried_again,
)
from tests.model.scene import Bounds
from tests.model.world import World
from tests.model.worlds import THREE_PARTIES, Make, beginning_short, books, rival


def two_at_once_unheard(rewrite: Rewrite = str) -> World:
    """Two requests check out the same order, which can be paid once, and answers are lost."""
    return World(books(1, 1), Bounds(settlers=1), rewrite)


def two_at_once_two_settlers(rewrite: Rewrite = str) -> World:
    """Two requests check out the same order, while two settlers are at work."""
    return World(books(2, 2), Bounds(settlers=2, loses=False), rewrite)


def clocks_and_two_checkouts(rewrite: Rewrite = str) -> World:
    """Two requests at different times name the same tid, with a deadline each."""
    return World(books(2, 2), Bounds(settlers=1, steps=3, loses=False), rewrite)


def clocks_unheard(rewrite: Rewrite = str) -> World:
    """As `clocks`, and answers are lost."""
    return World(books(2, 2), Bounds(("0",), settlers=1, steps=3, skew=1), rewrite)


def short_and_settled(rewrite: Rewrite = str) -> World:
    """As `short`, for one request that doesn't hear every answer, while all is settled."""
    bounds = Bounds(("0",), tries=2, settlers=1, steps=0, events=(refill("stock", "0", 1),))
    return World(beginning_short(), bounds, rewrite)


def short_for_three_tries(rewrite: Rewrite = str) -> World:
    """As `short`, for one request that doesn't hear every answer, and tries three times."""
    events = (operator_aborts(), refill("stock", "0", 1))
    bounds = Bounds(("0",), tries=3, settlers=0, events=events)
    return World(beginning_short(), bounds, rewrite)


def all_written_anew(rewrite: Rewrite = str) -> World:
    """`batch_init` of everything, at any moment."""
    events = (accounts_anew("stock", 2), accounts_anew("payment", 2), orders_anew())
    return World(books(2, 2), Bounds(checkouts=("0",), settlers=1, events=events), rewrite)


def retries_and_parking(rewrite: Rewrite = str) -> World:
    """As `retries`; and the order store fails, so that legs are parked, and tried again."""
    bounds = Bounds(checkouts=(), settlers=0, chains=2, failures=1, events=(tried_again(),))
    return World([*books(1, 1), *rival("0.2", "0")], bounds, rewrite)


def retries_on_demand(rewrite: Rewrite = str) -> World:
    """As `retries`, while an operator has the waiting leg tried at once."""
    bounds = Bounds(checkouts=(), settlers=0, chains=2, events=(tried_again(waiting=True),))
    return World([*books(1, 1), *rival("0.2", "0")], bounds, rewrite)


def three_parties_at_once(rewrite: Rewrite = str) -> World:
    """Two requests check out the same order, and there is one parcel."""
    beginning = [*books(2, 2), *account("shipping", "shipping", 1)]
    return World(beginning, Bounds(parties=THREE_PARTIES, settlers=1, loses=False), rewrite)


def three_parties_short(rewrite: Rewrite = str) -> World:
    """There is no parcel, unless another comes: shipping refuses while the others hold, and the
    checkout tries again, one party after the other."""
    beginning = [*books(2, 2), *account("shipping", "shipping", 0)]
    events = (refill("shipping", "shipping", 1),)
    bounds = Bounds(("0",), tries=2, parties=THREE_PARTIES, settlers=2, events=events)
    return World(beginning, bounds, rewrite)


LARGER_WORLDS: tuple[Make, ...] = (
    two_at_once_unheard,
    two_at_once_two_settlers,
    clocks_and_two_checkouts,
    clocks_unheard,
    short_and_settled,
    short_for_three_tries,
    all_written_anew,
    retries_and_parking,
    retries_on_demand,
    three_parties_at_once,
    three_parties_short,
)
