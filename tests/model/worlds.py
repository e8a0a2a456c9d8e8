"""The worlds that are explored: each small, and about something of its own."""

from __future__ import annotations

from collections.abc import Callable

from proto import ledger_pb2 as pb
from recoup.settings import PARTIES
from tests.model.database import Rewrite
from tests.model.outside import (
    account,
    accounts_anew,
    adding,
    cancelling,
    operator_aborts,
    order,
    orders_anew,
    refill,
    removing,
    tried_again,
)
from tests.model.process import Packed, Question, question
from tests.model.scene import Bounds
from tests.model.state import BEGINNING_MS
from tests.model.system import SETTINGS
from tests.model.world import World

Make = Callable[[Rewrite], World]

THREE_PARTIES = (*PARTIES, "shipping")


def books(stock: int, credit: int, *lines: tuple[str, int]) -> list[Question]:
    """An item and a user of these, and the user's order "0": of one item, unless it says what."""
    return [
        *account("stock", "0", stock),
        *account("payment", "0", credit),
        *order("0", "0", *(lines or [("0", 1)])),
    ]


def rival(
    tid: str, user: str, deadline_ms: int = BEGINNING_MS + SETTINGS.deadline_ms
) -> list[Question]:
    """A checkout of another order that holds its legs, of one item, and was killed then."""
    lines = {
        "stock": pb.Line(account_id="0", amount=1),
        "payment": pb.Line(account_id=user, amount=1),
    }
    asked = []
    for name in PARTIES:
        deduction = pb.Deduction(
            tid=tid, deadline_ms=deadline_ms, lines=[lines[name]], parties=PARTIES
        )
        asked.append(question(name, "Apply", Packed.of(pb.ApplyRequest(deductions=[deduction]))))
    return asked


def beginning_short(credit: int = 1) -> list[Question]:
    """One piece, held for another order, of another user."""
    others = [*account("payment", "1", 1), *order("1", "1", ("0", 1)), *rival("1.2", "1")]
    return [*books(1, credit), *others]


def one(rewrite: Rewrite = str) -> World:
    """One checkout, which can do no more than die."""
    return World(books(2, 2), Bounds(settlers=2, checkouts=("0",)), rewrite)


def two_at_once(rewrite: Rewrite = str) -> World:
    """Two requests check out the same order. There is enough to pay it twice."""
    return World(books(2, 2), Bounds(settlers=1, loses=False), rewrite)


def short(rewrite: Rewrite = str) -> World:
    """The last piece is held by an order whose checkout was killed: it may be bought or come back,
    and there may be another one. Two requests that check out an order try twice for it."""
    events = (operator_aborts(), refill("stock", "0", 1))
    bounds = Bounds(tries=2, settlers=0, steps=0, loses=False, events=events)
    return World(beginning_short(), bounds, rewrite)


def short_and_changed(rewrite: Rewrite = str) -> World:
    """As `short`, for one request, while the customer adds to the order."""
    events = (operator_aborts(), refill("stock", "0", 1), adding("0", "0"))
    bounds = Bounds(checkouts=("0",), tries=2, settlers=0, steps=0, events=events)
    return World(beginning_short(credit=2), bounds, rewrite)


def clocks(rewrite: Rewrite = str) -> World:
    """Each store has a clock of its own; settled legs are forgotten while messages are late."""
    bounds = Bounds(checkouts=("0",), settlers=1, steps=3, skew=1, loses=False)
    return World(books(2, 2), bounds, rewrite)


def cart_changes(rewrite: Rewrite = str) -> World:
    """Items are added to an order of two items while it is checked out, and the second, which is
    short, is removed from it."""
    beginning = [*account("stock", "1", 0), *books(2, 3, ("0", 1), ("1", 1))]
    events = (adding("0", "0"), removing("0", "1"), refill("stock", "1", 1))
    return World(beginning, Bounds(settlers=1, checkouts=("0",), events=events), rewrite)


def cancelled(rewrite: Rewrite = str) -> World:
    """An order is cancelled while two requests check it out."""
    bounds = Bounds(settlers=1, steps=0, loses=False, events=(cancelling("0"),))
    return World(books(4, 4), bounds, rewrite)


def short_and_cancelled(rewrite: Rewrite = str) -> World:
    """As `short`, for one request, while the customer cancels the order."""
    events = (operator_aborts(), refill("stock", "0", 1), cancelling("0"))
    bounds = Bounds(checkouts=("0",), tries=2, settlers=0, steps=0, events=events)
    return World(beginning_short(), bounds, rewrite)


def accounts_written_anew(rewrite: Rewrite = str) -> World:
    """`batch_init` of both parties' accounts, at any moment."""
    events = (accounts_anew("stock", 2), accounts_anew("payment", 2))
    return World(books(2, 2), Bounds(settlers=1, checkouts=("0",), events=events), rewrite)


def order_written_anew(rewrite: Rewrite = str) -> World:
    """`batch_init` of an order, at any moment, while two requests check it out."""
    return World(
        books(4, 4), Bounds(settlers=1, steps=0, loses=False, events=(orders_anew(),)), rewrite
    )


def far_apart(rewrite: Rewrite = str) -> World:
    """The clocks are further apart than is allowed. Who is too far ahead is turned away."""
    bounds = Bounds(checkouts=("0",), settlers=1, steps=2, skew=2, loses=False)
    return World(books(2, 2), bounds, rewrite)


def set_back(rewrite: Rewrite = str) -> World:
    """All clocks are set back once."""
    return World(books(2, 2), Bounds(settlers=1, steps=2, setbacks=1, checkouts=("0",)), rewrite)


def retries(rewrite: Rewrite = str) -> World:
    """Tasks settle a leg, and are repeated, and retried; an operator aborts."""
    bounds = Bounds(checkouts=(), settlers=0, chains=2, events=(operator_aborts(),))
    return World([*books(1, 1), *rival("0.2", "0")], bounds, rewrite)


def no_broker(rewrite: Rewrite = str) -> World:
    """The sweep settles by itself, and may be killed at it. The order store fails once, so that a
    leg is parked; an operator has it tried again, or aborts."""
    events = (operator_aborts(), tried_again())
    bounds = Bounds(checkouts=("0",), settlers=1, chains=0, failures=1, events=events)
    return World(books(1, 1), bounds, rewrite)


def three_parties(rewrite: Rewrite = str) -> World:
    """As `one`, and a third party ships what is bought: it has one parcel."""
    beginning = [*books(2, 2), *account("shipping", "shipping", 1)]
    return World(beginning, Bounds(checkouts=("0",), parties=THREE_PARTIES, settlers=2), rewrite)


WORLDS: tuple[Make, ...] = (
    one,
    two_at_once,
    short,
    short_and_changed,
    clocks,
    far_apart,
    set_back,
    cart_changes,
    cancelled,
    short_and_cancelled,
    accounts_written_anew,
    order_written_anew,
    retries,
    no_broker,
    three_parties,
)
