"""What can be wrong with the books: a closed list. Each kind says what it means and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of difference. More on each, and on how to resolve it, is in docs/audit.md."""

    slug: str
    means: str
    do: str


# --- an account against itself, its legs, and the orders ---

ACCOUNT_UNBALANCED: Final = Kind(
    "account-unbalanced",
    "What was put in isn't what is available, held and used together, or a number is below zero.",
    "Find out from the operator's own records what is true, then add or subtract the difference.",
)
HELD_DIFFERS: Final = Kind(
    "held-differs",
    "An account holds more, or less, than its held legs say.",
    "Wait until no leg is held and audit again; what stays held then belongs to no checkout.",
)
USED_UNPAID: Final = Kind(
    "used-unpaid",
    "More was sold, or spent, than all paid orders account for.",
    "Someone paid, or goods left, without an order: find the order that was lost, or give back.",
)
PAID_UNUSED: Final = Kind(
    "paid-unused",
    "Paid orders account for more than was sold, or spent.",
    "An order is paid that was not charged, or not taken from stock: charge it, or subtract.",
)
ACCOUNT_MISSING: Final = Kind(
    "account-missing",
    "A leg holds something of an account that doesn't exist: the database lost it.",
    "Bring the account back from a backup; the leg is tried again by itself every few minutes.",
)
TOTALS_UNBALANCED: Final = Kind(
    "totals-unbalanced",
    "A party's running totals don't balance in themselves: something wrote past its scripts.",
    "Look for the account that is unbalanced, and for who else writes to this database.",
)
TOTALS_DIFFER: Final = Kind(
    "totals-differ",
    "A party's running totals aren't the sum of its accounts: an account was written or lost.",
    "Find out which account was changed past the scripts. The totals alone harm nobody.",
)

# --- an order ---

ORDER_TOTAL_DIFFERS: Final = Kind(
    "order-total-differs",
    "An order's total isn't the sum of its lines.",
    "If it is paid, the customer was charged its total: settle the rest with the customer.",
)
CANCELLED_AND_PAID: Final = Kind(
    "cancelled-and-paid",
    "An order was cancelled, and is paid: something wrote past its scripts, or a write was lost.",
    "Find out what the customer was told; then give back, or let the order stand.",
)

# --- a leg against its order, its peer and the indexes ---

LEGS_DISAGREE: Final = Kind(
    "legs-disagree",
    "Of one checkout one leg was committed and another returned: a database lost a write.",
    "Find out which is true, and repair the other with the API's plain operations.",
)
COMMITTED_WITHOUT_COMMIT: Final = Kind(
    "committed-without-commit",
    "A leg was committed, and its order isn't paid at that version: the order store lost a write.",
    "Find out whether the customer has the goods; then give back, or have the order paid anew.",
)
RETURNED_WITHOUT_ABORT: Final = Kind(
    "returned-without-abort",
    "A leg was given back, and its order doesn't say that it was aborted.",
    "If the order is paid, take what was given back once more; else it heals at the next checkout.",
)
LEG_MISSING: Final = Kind(
    "leg-missing",
    "An order is paid, and one party has no leg of it: its database lost a write.",
    "Look whether the account was charged. If not, charge it, or undo the other party's part.",
)
AHEAD_OF_ORDER: Final = Kind(
    "ahead-of-order",
    "A leg belongs to a version that its order hasn't reached, or to an order that doesn't exist.",
    "The order store lost writes. The leg is given back by itself; look what else was lost.",
)
NOT_DUE: Final = Kind(
    "not-due",
    "A held leg is in no index, so nobody will ever settle it.",
    "Check that order out again, which puts the leg to an end, and report this as a fault.",
)
DUE_WITHOUT_LEG: Final = Kind(
    "due-without-leg",
    "The index names a leg that isn't there, or isn't held: a database lost a write.",
    "Nothing is held by it. Look what else this database lost.",
)
PARKED_WITHOUT_REASON: Final = Kind(
    "parked-without-reason",
    "A leg was put aside, and nobody knows why.",
    "It is tried again by itself every few minutes; its worker's log says what came of it.",
)

# --- any record ---

UNREADABLE: Final = Kind(
    "unreadable",
    "A record has another type, lacks a field, or has something else where a number belongs.",
    "Bring the record back from a backup. What rests on it can't be checked until then.",
)

KINDS: Final = {kind.slug: kind for kind in tuple(vars().values()) if isinstance(kind, Kind)}
"""The closed list: every kind above, by its slug."""

CONTRADICTIONS: Final = (
    LEGS_DISAGREE,
    COMMITTED_WITHOUT_COMMIT,
    RETURNED_WITHOUT_ABORT,
    LEG_MISSING,
)
"""The kinds that say that an order and its legs contradict each other."""
