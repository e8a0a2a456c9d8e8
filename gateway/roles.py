"""What each party is to an order: what an order asks of it, and what a refusal is to a customer.

A party that isn't named here is asked for one unit for each order, from the account that bears the
party's own name: one parcel of all that `shipping` can send. Its refusals are `party-refused`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway import problems
from gateway.orders.records import Order
from gateway.problems import ProblemType
from proto import ledger_pb2 as pb


@dataclass(frozen=True, slots=True)
class Role:
    """A party, seen from an order."""

    lines: Callable[[Order], Sequence[pb.Line]]
    """What the order asks of the party."""
    not_enough: ProblemType = problems.PARTY_REFUSED
    unknown: ProblemType = problems.PARTY_REFUSED
    """What it is to the customer that an account has less, or doesn't exist."""
    id_name: str = "account_id"
    """What the customer calls such an account's id."""


def pieces(order: Order) -> list[pb.Line]:
    """The pieces of each item."""
    return [pb.Line(account_id=line.item_id, amount=line.quantity) for line in order.lines]


def total(order: Order) -> list[pb.Line]:
    """What all of it costs, from the user."""
    return [pb.Line(account_id=order.user_id, amount=order.total_cost)]


ROLES: Final = {
    "stock": Role(pieces, problems.NOT_ENOUGH_STOCK, problems.UNKNOWN_ITEM, "item_id"),
    "payment": Role(total, problems.NOT_ENOUGH_CREDIT, problems.UNKNOWN_USER, "user_id"),
}


def lines(order: Order, party: str) -> Sequence[pb.Line]:
    """What an order asks of a party."""
    return role(party).lines(order)


def role(party: str) -> Role:
    """What the party is to an order."""
    return ROLES.get(party) or Role(lambda order: [pb.Line(account_id=party, amount=1)])
