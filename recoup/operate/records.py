"""Legs, orders, decisions and accounts as they are shown, made from what the services answer.

Times in ms by the clock of the store that said so: `at` that moment, `ago` and `in` reckoned from
when it answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from proto import ledger_pb2 as pb
from proto import orders_pb2

ITEMS, USERS = "stock", "payment"
"""The parties whose accounts items and users are."""

NOUNS = {ITEMS: "item", USERS: "user"}
USED = {ITEMS: "sold", USERS: "spent"}

UNDER_WAY = "under way"
"""Why a leg waits of which no try has failed yet."""


@dataclass(frozen=True, slots=True)
class Try:
    """A try that didn't settle a leg."""

    at_ms: int
    """By the party's clock."""
    ago_ms: int
    cause: str


@dataclass(frozen=True, slots=True)
class Line:
    """What a leg holds of one account."""

    account_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class Leg:
    """A party's leg of a tid. Times in ms by the party's clock, reckoned from now."""

    party: str
    tid: str
    state: str
    """none, held, committed, returned, malformed."""
    units: int
    lines: tuple[Line, ...]
    held_at_ms: int
    """By the party's clock; 0: not known."""
    held_for_ms: int
    """Until now, or until it was settled."""
    settled_at_ms: int
    """By the party's clock; 0: it isn't settled."""
    settled_ago_ms: int | None
    deadline_in_ms: int | None
    tries: int
    cause: str
    """Why the last try didn't settle it; empty: none has failed."""
    recent_tries: tuple[Try, ...]
    """The latest last."""
    parked: bool
    due_in_ms: int | None
    """When somebody must look at it; negative: should have by now; None: never."""
    next_try_in_ms: int | None

    @property
    def why(self) -> str:
        """Why it waits, in a few words."""
        return self.cause or UNDER_WAY

    @property
    def overdue(self) -> bool:
        """Somebody should have looked at it by now."""
        return not self.parked and self.due_in_ms is not None and self.due_in_ms < 0


@dataclass(frozen=True, slots=True)
class OrderLine:
    """Pieces of one item, and what they cost together."""

    item_id: str
    quantity: int
    cost: int


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it is now."""

    order_id: str
    user_id: str
    lines: tuple[OrderLine, ...]
    total_cost: int
    state: str
    tid: str
    """The attempt that paid it, or the one that a checkout makes now."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided once, and by whom."""

    tid: str
    verdict: str
    by: str
    why: str
    at_ms: int
    """By the order store's clock."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to check an order out: its verdict, and each party's leg."""

    tid: str
    verdict: str
    """commit, abort, undecided; empty: the order store can't be asked."""
    decision: Decision | None
    """None: there is none yet, or it is forgotten."""
    legs: tuple[Leg, ...]
    why: Mapping[str, str]
    """By party, a sentence: why its leg waits, or what became of it."""

    @property
    def waits(self) -> bool:
        """Whether anything of it is held still."""
        return any(leg.state == "held" or leg.parked for leg in self.legs)


@dataclass(frozen=True, slots=True)
class Account:
    """An item or a user: put in = available + held + used."""

    party: str
    account_id: str
    price: int
    put_in: int
    available: int
    held: int
    used: int

    @property
    def noun(self) -> str:
        """item, user; or account, of a further party."""
        return NOUNS.get(self.party, "account")

    @property
    def imbalance(self) -> int:
        """0, or something is wrong."""
        return self.put_in - self.available - self.held - self.used

    def __str__(self) -> str:
        sign, used = "=" if not self.imbalance else "≠", USED.get(self.party, "used")
        there = f"available {self.available:,} + held {self.held:,} + {used} {self.used:,}"
        return f"{self.party} {self.account_id}: in {self.put_in:,} {sign} {there}"


@dataclass(frozen=True, slots=True)
class Action:
    """What an operator has done, as it was noted: before (its result is `begun`), and after."""

    at_ms: int
    """By the order store's clock."""
    who: str
    verb: str
    target: str
    """A tid, or the filter that chose some."""
    count: int
    """How many legs it was done to."""
    reason: str
    result: str


def leg_of(party: str, leg: pb.Leg, clock_ms: int) -> Leg:
    """A leg as it is shown, at this moment of the party's clock."""
    settled = leg.settled_at_ms or None
    return Leg(
        party=party,
        tid=leg.tid,
        state=pb.Leg.State.Name(leg.state).lower(),
        units=sum(line.amount for line in leg.lines),
        lines=tuple(Line(line.account_id, line.amount) for line in leg.lines),
        held_at_ms=leg.held_at_ms,
        held_for_ms=(settled or clock_ms) - leg.held_at_ms if leg.held_at_ms else 0,
        settled_at_ms=leg.settled_at_ms,
        settled_ago_ms=clock_ms - settled if settled else None,
        deadline_in_ms=leg.deadline_ms - clock_ms if leg.deadline_ms else None,
        tries=leg.tries,
        cause=leg.parked or leg.cause,
        recent_tries=tuple(try_of(each, clock_ms) for each in leg.recent_tries),
        parked=bool(leg.parked) and not leg.due_ms,
        due_in_ms=leg.due_ms - clock_ms if leg.due_ms else None,
        next_try_in_ms=leg.next_try_ms - clock_ms if leg.next_try_ms else None,
    )


def try_of(each: pb.Try, clock_ms: int) -> Try:
    """A try as it is shown, at this moment of the party's clock."""
    return Try(each.at_ms, clock_ms - each.at_ms, each.cause)


def account_of(party: str, account: pb.Account) -> Account:
    """An account as it is shown."""
    return Account(
        party=party,
        account_id=account.account_id,
        price=account.price,
        put_in=account.put_in,
        available=account.available,
        held=account.held,
        used=account.used,
    )


def order_of(order: orders_pb2.Order) -> Order:
    """An order as it is shown."""
    return Order(
        order_id=order.order_id,
        user_id=order.user_id,
        lines=tuple(OrderLine(each.item_id, each.quantity, each.cost) for each in order.lines),
        total_cost=order.total_cost,
        state=order.state,
        tid=order.tid,
    )


def decision_of(past: orders_pb2.Past) -> Decision:
    """A decision as it is shown."""
    return Decision(past.tid, word_of(past.verdict), past.by, past.why, past.at_ms)


def word_of(verdict: orders_pb2.Verdict.ValueType) -> str:
    """commit, abort, undecided."""
    return orders_pb2.Verdict.Name(verdict).lower()


def action_of(action: orders_pb2.Action) -> Action:
    """An entry of the actions log as it is shown."""
    return Action(
        at_ms=action.at_ms,
        who=action.who,
        verb=action.verb,
        target=action.target,
        count=action.count,
        reason=action.reason,
        result=action.result,
    )
