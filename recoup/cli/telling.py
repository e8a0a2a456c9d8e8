"""What is known of one id, told as a page for people and as a document for programs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from recoup.cli.command import advise, as_text, out
from recoup.cli.tables import legs, plain
from recoup.operate.records import Attempt, Order, Try
from recoup.operate.story import Story
from recoup.operate.wording import clock


def tell(found: Story) -> None:
    """The story, most important things first."""
    if found.order:
        _order(found.order)
        as_text(f"customer: {found.told}")
    for i, attempt in enumerate(found.attempts):
        if found.order or i:
            as_text()
        _attempt(attempt)
    if found.accounts:
        if found.order:
            as_text()
        for account in found.accounts:
            as_text(str(account))
    for account in found.namesakes:
        advise(f"{account.noun} {account.account_id} has the same id.")
    if found.namesakes:
        advise(f"Next: recoup show {found.asked} --account")
    if found.orders:
        as_text()
        table = plain("ORDER", "STATE", "TOTAL", "TID")
        for order in found.orders:
            table.add_row(order.order_id, order.state, f"{order.total_cost:,}", order.tid)
        out().print(table)
    if found.waiting:
        as_text()
        out().print(legs(found.waiting))


def _order(order: Order) -> None:
    cart = ", ".join(f"{each.quantity} of {each.item_id}" for each in order.lines) or "nothing"
    as_text(
        f"order {order.order_id}: {order.state} ({order.tid}), user {order.user_id}, "
        f"{order.total_cost:,} credits for {cart}"
    )


def _attempt(attempt: Attempt) -> None:
    decision = attempt.decision
    if decision:
        told = f"{decision.verdict} at {clock(decision.at_ms)} by {decision.by}: {decision.why}"
    else:
        told = attempt.verdict or "its verdict can't be asked for"
    as_text(f"{attempt.tid}: {told}")
    for leg in attempt.legs:
        held = " + ".join(f"{line.amount:,} of {line.account_id}" for line in leg.lines)
        word = "parked" if leg.parked else leg.state
        as_text(f"  {leg.party} {word}{' ' + held if held else ''}: {attempt.why[leg.party]}")
        for cause, same in itertools.groupby(leg.recent_tries, key=lambda each: each.cause):
            as_text(f"    tried {_when(list(same))}: {cause}")


def _when(tries: Sequence[Try]) -> str:
    """Tries that failed for one reason, in a row."""
    first, last = clock(tries[0].at_ms), clock(tries[-1].at_ms)
    return f"{len(tries)} times, {first} to {last}" if len(tries) > 1 else f"at {first}"


def troubled(found: Story) -> bool:
    """Whether something of it waits too long, is parked, or doesn't add up."""
    accounts = (*found.accounts, *found.namesakes)
    shown = [leg for attempt in found.attempts for leg in attempt.legs]
    return any(account.imbalance for account in accounts) or any(
        leg.parked or leg.overdue or leg.state == "malformed" for leg in (*shown, *found.waiting)
    )


def document(found: Story) -> dict[str, Any]:
    """Everything that `recoup show` says."""
    return {
        **asdict(found),
        "accounts": [{**asdict(each), "noun": each.noun} for each in found.accounts],
        "found": found.found,
        "waits": sum(attempt.waits for attempt in found.attempts),
    }
