"""What operators have done: a log that only grows, and forgets its oldest.

It is a Redis stream, so an entry can't be changed; it is capped by its length (`ACTIONS_MOST`),
not by age: what was done last stays readable however long ago it was. Who notes an action whose
answer is lost may note it again; then it is there twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.orders.records import CLOCK, PREFIX, Run, one
from recoup.scripts import Call

ACTIONS = PREFIX + "actions"

ACTIONS_MOST = 10_000
"""Actions that are kept, and perhaps a hundred more (the stream is cut where that costs nothing):
years of a busy team, and 3 MB."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something an operator has done, and to how many tids. `at_ms` by the order store's clock."""

    who: str
    verb: str
    target: str
    count: int
    reason: str
    result: str
    at_ms: int = 0


class Actions:
    """The log. Raises Unanswered when the database doesn't answer."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def note(self, action: Action) -> None:
        """Writes it down, as of now."""
        told = (action.who, action.verb, action.target, action.count, action.reason, action.result)
        one(self._run, Call("note_action", (ACTIONS, CLOCK), (ACTIONS_MOST, *told)))

    def latest(self, limit: int) -> list[Action]:
        """The latest first."""
        found = []
        for fields in one(self._run, Call("list_actions", (ACTIONS,), (limit,))):
            entry = dict(zip(fields[::2], fields[1::2], strict=True))
            count, at_ms = int(entry.pop("count")), int(entry.pop("at_ms"))
            found.append(Action(**entry, count=count, at_ms=at_ms))
        return found
