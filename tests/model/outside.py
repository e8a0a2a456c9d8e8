"""What a world begins with, and what others do in it: customers, staff, operators."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from unittest.mock import patch

from gateway.orders.store import OrderStore
from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.settings import PARTIES
from tests.model.gateway import store
from tests.model.process import Packed, Program, Question, question
from tests.model.state import State, view
from tests.model.system import SETTINGS


@dataclass(frozen=True)
class Event:
    """Something that may happen, so many times."""

    name: str
    times: int
    questions: Callable[[State], Iterable[Question]]
    """What may be asked for in a state: one of these."""


# --- what a world begins with ---


def account(party: str, account_id: str, amount: int) -> list[Question]:
    """Opens an account, and puts something in."""
    new = pb.NewAccount(account_id=account_id, price=1)
    create = pb.CreateAccountsRequest(accounts=[new])
    opened = question(party, "CreateAccounts", Packed.of(create))
    return [opened, adjust(party, account_id, amount)] if amount else [opened]


def order(order_id: str, user_id: str, *lines: tuple[str, int]) -> list[Question]:
    """Creates an order of these items and pieces, at a price of 1."""
    return [
        of_orders(lambda orders: orders.create(order_id, user_id, None)),
        *(add(order_id, item_id, pieces) for item_id, pieces in lines),
    ]


# --- what is asked ---


def of_orders(act: Callable[[OrderStore], object]) -> Question:
    """The question that the project's order store asks its database to do this."""
    with patch("gateway.orders.store.random", random.Random(1)):
        turn = Program(lambda line: act(store(line, SETTINGS))).turn()
    ((_, what),) = turn.open
    return what


def add(order_id: str, item_id: str, pieces: int) -> Question:
    return of_orders(lambda orders: orders.add_item(order_id, item_id, pieces, pieces, None))


@functools.cache
def abort(tid: str) -> Question:
    proposal = orders_pb2.Proposal(tid=tid, verdict=orders_pb2.ABORT)
    request = orders_pb2.ProposeRequest(proposals=[proposal])
    return question("orders", "Propose", Packed.of(request))


def adjust(party: str, account_id: str, amount: int) -> Question:
    change = pb.Adjustment(account_id=account_id, amount=amount)
    request = pb.AdjustAccountsRequest(adjustments=[change])
    return question(party, "AdjustAccounts", Packed.of(request))


# --- events ---


def adding(order_id: str, item_id: str, times: int = 1) -> Event:
    """A customer adds a piece of an item to an order."""
    what = add(order_id, item_id, 1)
    return Event(f"an item is added to order {order_id}", times, lambda _: [what])


def removing(order_id: str, item_id: str) -> Event:
    """A customer removes an item from an order."""
    what = of_orders(lambda orders: orders.remove_item(order_id, item_id))
    return Event(f"an item is removed from order {order_id}", 1, lambda _: [what])


def cancelling(order_id: str) -> Event:
    """A customer cancels an order."""
    what = of_orders(lambda orders: orders.cancel(order_id, "a customer", None))
    return Event(f"order {order_id} is cancelled", 1, lambda _: [what])


def refill(party: str, account_id: str, amount: int, times: int = 1) -> Event:
    """Staff refill stock, or a customer pays in."""
    what = adjust(party, account_id, amount)
    return Event(f"{party} gets {amount} more", times, lambda _: [what])


def accounts_anew(party: str, amount: int, times: int = 1) -> Event:
    """`batch_init` of a party's account "0"."""
    request = pb.InitAccountsRequest(count=1, amount=amount, price=1)
    what = question(party, "InitAccounts", Packed.of(request))
    return Event(f"{party}'s accounts are written anew", times, lambda _: [what])


def orders_anew(times: int = 1) -> Event:
    """`batch_init` of order "0"."""
    what = of_orders(lambda orders: orders.init(1, 1, 1, 1, None))
    return Event("order 0 is written anew", times, lambda _: [what])


def operator_aborts(times: int = 1) -> Event:
    """An operator proposes to abort a tid of which something is held."""

    def questions(state: State) -> Iterable[Question]:
        tids = {tid for each in state.stores for tid in view(each).held}
        return map(abort, sorted(tids))

    return Event("an operator aborts", times, questions)


def tried_again(waiting: bool = False, times: int = 1) -> Event:
    """Beat, or an operator, has a parked leg tried again; an operator also a `waiting` one."""

    def questions(state: State) -> Iterable[Question]:
        for name, each in zip(("orders", *PARTIES), state.stores, strict=True):
            books = view(each)
            if books.parked:
                yield question(name, "Unpark", Packed.of(pb.UnparkRequest(limit=100)))
            for tid in sorted({*books.parked, *(books.due if waiting else ())}):
                yield question(name, "Retry", Packed.of(pb.RetryRequest(tids=[tid])))

    return Event("what waits is due now", times, questions)
