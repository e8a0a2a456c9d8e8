"""What names and sizes may be: the bounds on which all processes have to agree.

(`AMOUNT_MAX`, the bound of amounts, is in `settings.py`.)
"""

from __future__ import annotations

import re
from typing import TypeGuard

ID_PATTERN = "[A-Za-z0-9_-]{1,64}"

TID_PATTERN = rf"{ID_PATTERN}\.(?:0|[1-9][0-9]{{0,14}})"
"""A version has one way to be written, and stays below 2^53 however often it is raised."""

PROBE_TID = "nobody.0"
"""No order has version 0: to ask about it goes all the way to a database, and finds nothing."""

LINES_MAX = 500
"""Different items in one order: what one script checks and holds in about a millisecond."""

COUNT_MAX = 1_000_000
"""The most that one batch_init writes: well within `init_timeout_ms`, and a slip of the finger
doesn't fill a database."""

ITEMS_MOST = 1_000
"""In one call between services. Ours carry a few hundred at most; each costs a database about
20 us, so that nobody waits for long behind such a call."""

TEXT_MOST = 500
"""Characters of a cause or a reason that is kept with a leg."""

LOOK_AGAIN_MOST_MS = 3_600_000
"""The longest backoff, or lease. Nothing that is held may be out of sight for longer."""

_is_id = re.compile(ID_PATTERN).fullmatch
_is_tid = re.compile(TID_PATTERN).fullmatch


def is_id(thing: object) -> TypeGuard[str]:
    """Whether it can be the id of an order, an item or a user."""
    return isinstance(thing, str) and _is_id(thing) is not None


def is_tid(thing: object) -> TypeGuard[str]:
    """Whether it can name an attempt to check an order out."""
    return isinstance(thing, str) and _is_tid(thing) is not None
