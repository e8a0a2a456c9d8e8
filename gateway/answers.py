"""What a checkout can come to. `routes/orders.py` says it in HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.admission import TurnedAway
from proto import ledger_pb2 as pb


@dataclass(frozen=True, slots=True)
class Paid:
    """The order is paid, by `tid`; `already` if not by this request."""

    order_id: str
    tid: str
    total_cost: int
    already: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A party refused; nothing was taken, and nothing that had begun before pays the order."""

    party: str
    vote: pb.Vote


class NotFound:
    """There is no such order."""


class Empty:
    """The order has no items."""


class Changed:
    """The cart was changed meanwhile; nothing was taken."""


class Cancelled:
    """The order is cancelled, before or meanwhile; nothing was taken."""


@dataclass(frozen=True, slots=True)
class Away:
    """A party stays away; nothing was begun."""

    party: str


@dataclass(frozen=True, slots=True)
class Undone:
    """Aborted, though nobody refused: asking again is safe."""

    clock_is_off: bool


Answer = Paid | Refused | NotFound | Empty | Changed | Cancelled | Away | TurnedAway | Undone
