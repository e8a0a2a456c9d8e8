"""Which legs wait, of those that somebody asks for, and why: chosen and counted in memory.

An index may hold any number of legs. So no more than LOOKED_LEGS are looked at, those that have
stood in it for longest, LOOK_STEP in each script, between which checkouts have their turn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from proto import ledger_pb2 as pb
from recoup.settings import AMOUNT_MAX
from workers.ledger import answers

LOOKED_LEGS = 5_000
"""The most that one request looks at. It costs the database 40 ms of CPU and the party 30, so a
page that asks every few seconds is no burden; of 50,000 that wait they show enough."""

LOOK_STEP = 250
"""Legs that one script looks at: about 2 ms, in which a checkout has to wait."""

CAUSES_MOST = 100
"""Different causes that are told, the most frequent ones: there are about a dozen."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What matters of a leg that waits. What its record doesn't tell is 0, or empty."""

    tid: str
    cause: str
    amounts: Sequence[tuple[str, int]]
    held_at_ms: int
    tries: int
    next_try_ms: int


def waiting(row: Sequence[str]) -> Waiting:
    """A leg as look.lua tells of it. One whose record can't be read waits like any other."""
    tid, cause, lines, *numbers = row
    try:
        amounts = tuple(answers.lines(lines))
    except ValueError:
        amounts = ()
    held_at_ms, tries, next_try_ms = (
        int(each) if answers.is_whole(each) else 0 for each in numbers
    )
    return Waiting(tid, cause, amounts, held_at_ms, tries, next_try_ms)


def fits(leg: Waiting, asked: pb.PendingRequest, clock_ms: int) -> bool:
    """Whether a leg is one of those that are asked for: all that is named has to fit."""
    return (
        (not asked.cause or asked.cause.casefold() in leg.cause.casefold())
        and (not asked.order_id or leg.tid.rpartition(".")[0] == asked.order_id)
        and (not asked.account_id or any(id == asked.account_id for id, _ in leg.amounts))
        and (not asked.held_for_ms or held_for_ms(leg, clock_ms) >= asked.held_for_ms)
    )


def causes(legs: Iterable[Waiting], clock_ms: int) -> list[pb.Cause]:
    """Why these wait: the most frequent causes, with what there is to tell of each."""
    groups: dict[str, list[Waiting]] = defaultdict(list)
    for leg in legs:
        groups[leg.cause].append(leg)
    frequent = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return [_cause(cause, group, clock_ms) for cause, group in frequent[:CAUSES_MOST]]


def _cause(cause: str, legs: Sequence[Waiting], clock_ms: int) -> pb.Cause:
    units = sum(amount for leg in legs for _, amount in leg.amounts)
    return pb.Cause(
        cause=cause,
        legs=len(legs),
        units=max(0, min(units, AMOUNT_MAX)),  # a few full accounts can pass it
        held_for_ms=max(held_for_ms(leg, clock_ms) for leg in legs),
        tries_least=min(leg.tries for leg in legs),
        tries_most=max(leg.tries for leg in legs),
        next_try_ms=max(leg.next_try_ms for leg in legs),
    )


def held_for_ms(leg: Waiting, clock_ms: int) -> int:
    """0 if its record doesn't tell."""
    return max(0, clock_ms - leg.held_at_ms) if leg.held_at_ms else 0
