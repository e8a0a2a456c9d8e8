"""What must always hold: I1 to I6 and L1 of `docs/protocol.md`, of states and of steps.

A check answers with what is wrong, in a sentence, or with nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from proto import ledger_pb2 as pb
from tests.model import reconciler
from tests.model.gateway import store as order_store
from tests.model.process import Line, Packed, question
from tests.model.redis import Store
from tests.model.state import BEGINNING_MS, ORDERS, STEP_MS, Order, View, view
from tests.model.system import System
from tests.model.trace import describe

Stores = tuple[Store, ...]
Expired = frozenset[tuple[str, str]]

ALLOWED = {
    "": {"", "held"},
    "commit": {"held", "committed"},
    "abort": {"", "held", "returned"},
}
"""The states of a leg under a verdict: so none is settled but by it, and never two differently."""

ROUNDS_MS = (STEP_MS, STEP_MS + 600, STEP_MS + 1_200)
"""When everyone sweeps, to recover: by the first every deadline has passed, with each other one a
lease; and what is settled in the first is not forgotten by the last."""

UNPARK = Packed.of(pb.UnparkRequest(limit=100))


class Invariants:
    """The checks, on one system. What was found of some stores is found once."""

    def __init__(self, system: System, written_anew: bool) -> None:
        """`written_anew`: `batch_init` happens, so what is used is not all that was ever paid."""
        self._system = system
        self._written_anew = written_anew
        self._verdicts: dict[Store, dict[str, str]] = {}
        self._steps: dict[tuple[Store, Store, Expired], str] = {}
        self._states: dict[tuple[Stores, Expired], str] = {}
        self._recovered: dict[tuple[Stores, int], str] = {}
        self._sweeps = {
            name: reconciler.sweep(name, system.settings, broker=False)
            for name in system.settings.parties
        }

    def verdicts(self, orders: Store) -> dict[str, str]:
        """The verdict on each tid that anyone can know of: its version has been read."""
        if orders not in self._verdicts:
            line = Straight(self._system, [orders], 0)
            store = order_store(line, self._system.settings)
            self._verdicts[orders] = {
                f"{order_id}.{version}": store.propose(f"{order_id}.{version}", "").verdict
                for order_id, order in view(orders).orders.items()
                for version in range(1, order.version + 1)
            }
        return self._verdicts[orders]

    # --- a step ---

    def step(self, name: str, before: Store, after: Store, expired: Expired) -> str:
        """I1, of a store before and after something was done to it."""
        key = (before, after, expired)
        if key not in self._steps:
            if name == "orders":
                self._steps[key] = self._orders_step(before, after)
            else:
                self._steps[key] = _legs_step(name, view(before), view(after), expired)
        return self._steps[key]

    def _orders_step(self, before: Store, after: Store) -> str:
        verdicts = self.verdicts(after)
        for tid, verdict in self.verdicts(before).items():
            if verdict and verdicts.get(tid, "") != verdict:
                return (
                    f"I1: the verdict on {tid} was {verdict}, and is {verdicts.get(tid) or 'none'}"
                )
        now = view(after).orders
        for order_id, order in view(before).orders.items():
            if order.cancelled and order.content == now[order_id].content and now[order_id].paid_at:
                return f"I1: order {order_id} was cancelled, and is paid"
        return ""

    # --- a state ---

    def state(self, stores: Stores, latest: int, expired: Expired) -> str:
        """I2, I3, I4, I6, and L1: from here on all can be settled. `latest`: the furthest that any
        clock has gone."""
        key = (stores, expired)
        if key not in self._states:
            self._states[key] = self._state(stores, expired)
        later = (stores, latest)
        if not self._states[key] and later not in self._recovered:
            self._recovered[later] = self._recover(stores, latest, expired)
        return self._states[key] or self._recovered[later]

    def _state(self, stores: Stores, expired: Expired) -> str:
        verdicts = self.verdicts(stores[ORDERS])
        for name, store in zip(self._system.stores, stores, strict=True):
            if name == "orders":
                continue
            books = view(store)
            for tid, verdict in verdicts.items():
                state = books.legs[tid].state if tid in books.legs else ""
                if state not in ALLOWED[verdict] and (name, tid) not in expired:
                    said = f"the verdict on {tid} is {verdict or 'none'}"
                    return f"I2: {said}, {name}'s leg {state or 'none'}"
            problem = _accounts(name, books) or _indexes(name, books)
            if not self._written_anew:
                problem = problem or _paid(name, books, view(stores[ORDERS]), verdicts)
            elif not expired:
                problem = problem or _used(name, books)
            if problem:
                return problem
        return ""

    # --- L1 ---

    def _recover(self, stores: Stores, clock: int, expired: Expired) -> str:
        """L1: when the clocks go on and everyone answers, the sweeps alone settle everything."""
        now = [*stores]
        story = [""]
        for later_ms in ROUNDS_MS:
            if not any(view(store).held for store in now):
                break
            time_ms = BEGINNING_MS + STEP_MS * clock + later_ms
            for name in self._system.settings.parties:
                line = Straight(self._system, now, time_ms)
                line.ask(question(name, "Unpark", UNPARK))
                self._sweeps[name].body(line)
                story += [f"{name}'s sweep, {each}" for each in line.story]
        if not any(old is not new for old, new in zip(stores, now, strict=True)):
            return ""
        problem = ""
        for name, store in zip(self._system.stores, now, strict=True):
            if view(store).held:
                problem = f"L1: {name} still holds {', '.join(view(store).held)}"
        problem = problem or self._orders_step(stores[ORDERS], now[ORDERS])
        problem = problem or self._state(tuple(now), expired | self._settled(stores))
        return problem and "\n     then: ".join([problem, *story[1:]])

    def _settled(self, stores: Stores) -> Expired:
        return frozenset(
            (name, tid)
            for name, store in zip(self._system.stores, stores, strict=True)
            for tid, leg in view(store).legs.items()
            if leg.state != "held"
        )


class Straight(Line):
    """A line on which every question is answered at once: for a process that nothing disturbs."""

    def __init__(self, system: System, stores: list[Store], time_ms: int) -> None:
        super().__init__({})
        self.story: list[str] = []
        self._system = system
        self._stores = stores
        self._time_ms = time_ms

    def wait(self, number: int) -> Any:
        what = self.asked[number]
        place = self._system.stores.index(what.store)
        store, answer = self._system.ask(what, self._stores[place], self._time_ms)
        if store is not self._stores[place]:
            self.story.append(describe(what, answer))
        self._stores[place] = store
        return answer


def _legs_step(name: str, before: View, after: View, expired: Expired) -> str:
    for tid, leg in before.legs.items():
        state = after.legs[tid].state if tid in after.legs else ""
        forgotten = not state and (name, tid) in expired
        if leg.state == "held" and state not in ALLOWED_NEXT:
            return f"I1: {name}'s leg {tid} was held, and is {state or 'gone'}"
        if leg.state != "held" and state != leg.state and not forgotten:
            return f"I1: {name}'s leg {tid} was {leg.state}, and is {state or 'gone'}"
    for tid, leg in after.legs.items():
        if tid not in before.legs and (name, tid) in expired:
            return f"I1: {name} says yes to {tid} for a second time"
        if tid not in before.legs and leg.state != "held":
            return f"I1: {name}'s leg {tid} is {leg.state} and was never held"
    return ""


ALLOWED_NEXT = {"held", "committed", "returned"}


def _accounts(name: str, books: View) -> str:
    """I3, per generation."""
    held: Counter[tuple[str, int]] = Counter()
    for leg in books.legs.values():
        if leg.state == "held":
            held.update({(id, generation): amount for id, amount, generation in leg.lines})
    for id, account in books.accounts.items():
        if min(account) < 0:
            return f"I3: {name}'s account {id} is below zero: {account}"
        if account.put_in != account.available + account.held + account.used:
            return f"I3: {name}'s account {id} doesn't add up: {account}"
        legs = held[id, account.generation]
        if account.held != legs:
            return f"I3: {name}'s account {id} holds {account.held}, its legs {legs}"
    for field in ("put_in", "available", "held", "used"):
        total = sum(getattr(account, field) for account in books.accounts.values())
        if books.totals.get(field, 0) != total:
            return f"I3: {name}'s total of {field} is {books.totals.get(field, 0)}, not {total}"
    return ""


def _used(name: str, books: View) -> str:
    """I4, per generation, where not all that was ever paid can still be in an account."""
    used: Counter[tuple[str, int]] = Counter()
    for leg in books.legs.values():
        if leg.state == "committed":
            used.update({(id, generation): amount for id, amount, generation in leg.lines})
    for id, account in books.accounts.items():
        if account.used != used[id, account.generation]:
            return f"I4: {name}'s account {id} has used {account.used}, not what its legs say"
    return ""


def _indexes(name: str, books: View) -> str:
    """I6."""
    for tid in books.held:
        parked = tid in books.parked and bool(books.reasons.get(tid))
        if tid not in books.due and not parked:
            return f"I6: {name} holds {tid}, which is neither due nor parked with a reason"
    return ""


def _paid(name: str, books: View, orders: View, verdicts: dict[str, str]) -> str:
    """I4: what is used, or held by committed tids, is what the paid orders cost."""
    paid: Counter[str] = Counter()
    for order in orders.orders.values():
        if order.paid_at:
            paid.update(_asked(name, order))
    taken: Counter[str] = Counter({id: account.used for id, account in books.accounts.items()})
    for tid in books.held:
        if verdicts.get(tid) == "commit":
            taken.update({id: amount for id, amount, _ in books.legs[tid].lines})
    for id in books.accounts:
        if taken[id] != paid[id]:
            return f"I4: paid orders took {paid[id]} of {name}'s account {id}, it says {taken[id]}"
    return ""


def _asked(name: str, order: Order) -> dict[str, int]:
    """What an order takes of a party's accounts: of a further one a unit of what it has (ADR 9)."""
    if name == "stock":
        return dict(order.lines)
    return {order.user: order.total} if name == "payment" else {name: 1}
