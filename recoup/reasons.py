"""Who decides, and why, in the words that an order's history keeps: a closed list, for people.

No rule rests on them. An operator's reason is the operator's own words.
"""

from __future__ import annotations

from typing import Final

GATEWAY: Final = "gateway"

ALL_YES: Final = "all said yes"
CART_CHANGED: Final = "the cart was changed"
CANCELLED: Final = "the order was cancelled"
"""By a gateway; why else it aborts stands in `WORDS` of `gateway/votes.py`."""

ALL_HOLD: Final = "all hold their legs"
PEER_COMMITTED: Final = "{peer} has committed"
PAST_DEADLINE: Final = "past the deadline and {peer} {state}"
"""By reconciliation: `state` is of `PEER_STATES`."""

PEER_STATES: Final = {
    "none": "has no leg",
    "returned": "has given back",
    "unreachable": "can't be reached",
}

UNITS: Final = {"stock": "stock", "payment": "credit"}
"""What a party may have too little of; of a further one, its name says it."""


WHO: Final = {"worker": "{party}-worker", "sweep": "{party}'s sweep"}


def who(by: str, party: str) -> str:
    """Who decides at a party: its Celery workers, or its sweep."""
    return WHO[by].format(party=party)


def operator(name: str) -> str:
    """A person, as who decides."""
    return f"operator {name}"
