"""Lists of orders, a page at a time: of one user, the latest first; or of everyone, in no order.

A user's orders are listed in a sorted set of their own, which the scripts that write orders keep: a
page costs what it holds, however many orders there are. Of everyone there is no such list, which
would cost as much memory as half the orders; the keys are walked instead. A page looks at a bounded
number of orders, so where few fit it may be empty, and not be the last.

An earlier database has no lists. Until they are complete (`complete_lists`, once), a user's orders
are found by walking the keys too. See docs/adr/0012.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.orders.records import (
    CLOCK,
    NUMBERS,
    PREFIX,
    Order,
    Run,
    one,
    order_key,
    order_of,
    user_key,
)
from recoup import logs
from recoup.errors import RecoupError
from recoup.scripts import Call

log = logs.logger(__name__)

LISTED = PREFIX + "listed"

PAGE_MOST = 100
"""Orders in a page. One may have 500 lines, so that a page stays under a few hundred kB."""

PAGE_USUAL = 20
"""Orders in a page for who doesn't say: a screen of them."""

LOOKED_AT_MOST = 200
"""Orders read for one page: about a millisecond, in which a checkout has to wait."""

STEPS_MOST = 20
"""Steps of ten keys for one page of everyone's orders: as many."""

CURSOR_PATTERN = "[uk][0-9]{1,20}"
"""A cursor says which way it goes on: in the user's list, or along the keys."""

_is_cursor = re.compile(CURSOR_PATTERN).fullmatch

STEP_KEYS = 100
"""Keys that one step of completing the lists looks at: about a millisecond."""

PAUSE_S = 0.005
"""Between these steps, so that checkouts have the most; a million orders take a minute or two."""

RETRY_S = 5.0
"""Until completing the lists is begun anew, when the database didn't answer."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some orders. `cursor` is of the next page; empty: this was the last."""

    orders: tuple[Order, ...]
    cursor: str


class Listing:
    """Lists orders. Raises Unanswered when the database doesn't answer."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._complete = False

    def page(self, user_id: str, state: str, cursor: str, limit: int) -> Page:
        """Up to `limit` orders of a user (empty: of everyone, and perhaps a few more) in a state
        (empty: in any), from `cursor` on (empty: from the first)."""
        way, from_here = cursor[:1], cursor[1:]
        if not way:
            way = "u" if user_id and self._is_complete() else "k"
        if way == "u":
            arguments: Sequence[str | int] = (
                order_key(""),
                from_here,
                state,
                limit,
                LOOKED_AT_MOST,
            )
            call = Call("list_of_user", (user_key(user_id),), arguments)
        else:
            arguments = (order_key(""), from_here, state, limit, STEPS_MOST, user_id)
            call = Call("list_all", (CLOCK,), arguments)
        following, *found = one(self._run, call)
        orders = (readable(fields) for fields in found)
        return Page(tuple(filter(None, orders)), f"{way}{following}" if following else "")

    def _is_complete(self) -> bool:
        if not self._complete:
            self._complete = bool(one(self._run, Call("is_set", (LISTED,))))
        return self._complete


def is_cursor(text: str, user_id: str) -> bool:
    """Whether it can be a cursor of a list of this user's orders (empty: of everyone's)."""
    return bool(_is_cursor(text)) and (text[0] == "k" or bool(user_id))


def readable(fields: Sequence[str]) -> Order | None:
    """An order of a list; None if its record can't be read: the others are listed all the same."""
    try:
        return order_of(*fields)
    except ValueError as error:
        log.error("order %s can't be read: %s", fields[0], error)
        return None


def complete_lists(run: Run, wait: Callable[[float], bool]) -> int:
    """Lists the orders of an earlier database, if there are any. Returns how many it put in.

    `wait` pauses for so many seconds, and says whether to stop. May be done at any time, by
    anyone, any number of times: what is listed stays.
    """
    cursor, server, put_in = "0", "", 0
    while not one(run, Call("is_set", (LISTED,))):
        arguments = (order_key(""), user_key(""), cursor, STEP_KEYS, server)
        cursor, server, some = one(run, Call("list_earlier", (NUMBERS, LISTED), arguments))
        put_in += int(some)
        if wait(PAUSE_S):
            break
    return put_in


def start_completing(run: Run) -> Callable[[], None]:
    """Completes the lists in a thread of its own. Returns what stops it, and waits."""
    stopping = threading.Event()

    def work() -> None:
        while not stopping.is_set():
            try:
                put_in = complete_lists(run, stopping.wait)
            except RecoupError as error:
                log.warning("the orders' lists aren't complete yet: %s", error)
                stopping.wait(RETRY_S)
            else:
                if put_in:
                    log.info("listed %d orders of an earlier database", put_in)
                return

    thread = threading.Thread(target=work, name="listing", daemon=True)
    thread.start()

    def stop() -> None:
        stopping.set()
        thread.join(timeout=2)

    return stop
