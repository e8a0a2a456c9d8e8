"""What was decided about an order lately: for people, who ask why. No rule rests on it.

`decide.lua` and `cancel_order.lua` write an entry when they decide, and only then. It is small,
capped and expires (`RECOUP_HISTORY_KEPT_S`): who needs the verdict itself asks for it, for ever.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.orders.records import CLOCK, Order, Run, Verdict, history_key, order_key, order_of
from recoup.scripts import Call


@dataclass(frozen=True, slots=True)
class Past:
    """A decision, as it was written down when it was made; `at_ms` by the order store's clock."""

    tid: str
    verdict: Verdict
    by: str
    why: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Story:
    """An order as it is (None: there is none), and what was decided about it, the latest last."""

    order: Order | None
    past: tuple[Past, ...]
    clock_ms: int


def story(run: Run, order_id: str) -> Story:
    """An order's story. Raises Unanswered, or what the database says of a record that can't be
    read; a history that can't be read is none."""
    calls = [
        Call("read", (order_key(order_id), CLOCK)),
        Call("history", (history_key(order_id),)),
    ]
    fields, entries = run(calls)
    if isinstance(fields, Exception):
        raise fields
    order = order_of(order_id, *fields) if fields[0] else None
    past = () if isinstance(entries, Exception) else tuple(_past(order_id, e) for e in entries)
    return Story(order, past, int(fields[-1]))


def _past(order_id: str, entry: str) -> Past:
    version, verdict, at_ms, by, why = entry.split("\t")
    return Past(
        f"{order_id}.{version}", "commit" if verdict == "commit" else "abort", by, why, int(at_ms)
    )
