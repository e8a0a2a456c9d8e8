"""What the order store must do, in plain Python: its scripts are held to this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

from gateway.orders.records import Decision, Line, Order, Proposal, Verdict
from recoup.settings import AMOUNT_MAX
from tests.integration.machines.clocks import Clock

Cart = dict[str, tuple[int, int]]
"""Item -> pieces, and what they cost together; in the order in which they were added."""

T = TypeVar("T")


@dataclass
class Known:
    """What is known of an order id. `user` is None if nobody has created the order: then there
    are verdicts on its tids, and nothing else."""

    user: str | None = None
    cart: Cart = field(default_factory=dict)
    version: int = 0
    content: int | None = None
    paid_at: int | None = None
    paid_before: list[int] = field(default_factory=list)
    cancelled: bool = False

    @property
    def over(self) -> bool:
        return self.paid_at is not None or self.cancelled

    @property
    def total(self) -> int:
        return sum(cost for _, cost in self.cart.values())


@dataclass
class ReferenceOrders:
    """The order store."""

    clock: Clock
    lines_max: int
    history_most: int
    key_kept_ms: int
    orders: dict[str, Known] = field(default_factory=dict)
    keys: dict[str, tuple[str, object, int]] = field(default_factory=dict)
    """Idempotency key -> fingerprint, first answer, when it expires."""
    before_users: dict[str, int] = field(default_factory=dict)
    before_items: dict[str, int] = field(default_factory=dict)
    """What earlier lives of paid orders cost each user, and sold of each item."""
    history: dict[str, list[str]] = field(default_factory=dict)
    """Order -> the last decisions about it, as they are written down."""
    lists: dict[str, dict[str, int]] = field(default_factory=dict)
    """User -> orders, numbered as they were written."""
    numbers: int = 0

    # --- carts ---

    def read(self, order_id: str) -> Order | None:
        known = self.orders.get(order_id)
        if known is None or known.user is None:
            return None
        return self._order(order_id, known, known.paid_at, self.clock.now_ms())

    def create(self, order_id: str, user_id: str) -> str | None:
        if order_id in self.orders:
            return None
        self.orders[order_id] = Known(user_id, version=1, content=1)
        self._list(order_id, user_id)
        return order_id

    def add_item(self, order_id: str, item_id: str, quantity: int, cost: int) -> Order | str:
        known = self.orders.get(order_id)
        if known is None or known.user is None:
            return "not_found"
        if known.over:
            return "cancelled" if known.cancelled else "paid"
        pieces, costs = known.cart.get(item_id, (0, 0))
        if known.total + cost > AMOUNT_MAX or pieces + quantity > AMOUNT_MAX:
            return "too_much"
        if item_id not in known.cart and len(known.cart) == self.lines_max:
            return "too_long"
        known.cart[item_id] = (pieces + quantity, costs + cost)
        self._change(known)
        return self._order(order_id, known, paid_at=None, clock_ms=0)

    def remove_item(self, order_id: str, item_id: str) -> Order | str:
        known = self.orders.get(order_id, Known())
        if known.user is None:
            return "not_found"
        if known.over:
            return "cancelled" if known.cancelled else "paid"
        if item_id not in known.cart:
            return "no_item"
        del known.cart[item_id]
        self._change(known)
        return self._order(order_id, known, paid_at=None, clock_ms=0)

    def cancel(self, order_id: str, by: str) -> Order | str:
        known = self.orders.get(order_id, Known())
        if known.user is None:
            return "not_found"
        if known.paid_at is not None:
            return "paid"
        if not known.cancelled:
            self._decided(order_id, known.version, "abort", by, "the order was cancelled")
            known.cancelled = True
            self._change(known)
        return self._order(order_id, known, paid_at=None, clock_ms=0)

    def init(self, drawn: Mapping[str, tuple[str, Cart]]) -> None:
        """Writes orders anew; who buys what is drawn by lot."""
        for order_id, (user, cart) in drawn.items():
            known = self.orders.setdefault(order_id, Known())
            if known.paid_at is not None:
                known.paid_before.append(known.paid_at)
                self._add(self.before_users, known.user or "", known.total)
                for item_id, (pieces, _) in known.cart.items():
                    self._add(self.before_items, item_id, pieces)
            self.lists.get(known.user or "", {}).pop(order_id, None)
            known.user, known.cart, known.paid_at, known.cancelled = user, cart, None, False
            self._list(order_id, user)
            self._change(known)

    def _list(self, order_id: str, user_id: str) -> None:
        """It is the latest of its user's."""
        self.numbers += 1
        self.lists.setdefault(user_id, {})[order_id] = self.numbers

    def _add(self, amounts: dict[str, int], id: str, amount: int) -> None:
        amounts[id] = amounts.get(id, 0) + amount

    def _change(self, known: Known) -> None:
        known.version += 1
        known.content = (known.content or 0) + 1

    def _order(self, order_id: str, known: Known, paid_at: int | None, clock_ms: int) -> Order:
        return Order(
            order_id=order_id,
            user_id=known.user or "",
            lines=tuple(Line(item_id, *line) for item_id, line in known.cart.items()),
            total_cost=known.total,
            version=known.version,
            content=known.content or 0,
            paid_at=paid_at,
            clock_ms=clock_ms,
            cancelled=known.cancelled,
        )

    # --- verdicts ---

    def verdict(self, order_id: str, version: int) -> Verdict:
        """The one that there is."""
        known = self.orders.get(order_id, Known())
        if version in (known.paid_at, *known.paid_before):
            return "commit"
        over = known.over and version <= known.version
        return "abort" if over or version < known.version else ""

    def propose(
        self, order_id: str, version: int, proposal: Proposal, by: str, why: str
    ) -> Decision:
        known = self.orders.get(order_id, Known())
        verdict = self.verdict(order_id, version)
        ahead = known.user is None or version > known.version
        if verdict == "" and proposal == "commit" and not ahead:
            verdict = "commit"
            known.paid_at = version
            self._decided(order_id, version, "commit", by, why)
        elif verdict == "" and proposal:
            verdict = "abort"
            self.orders[order_id] = known
            known.version = version + 1
            if proposal == "close":
                known.version += 1
            self._decided(order_id, version, "abort", by, why)
        elif verdict == "abort" and proposal == "close" and not known.over:
            known.version += 2
            self._decided(order_id, version, "abort", by, why)
        return Decision(
            verdict=verdict,
            ahead=ahead,
            paid_at=known.paid_at,
            content=known.content,
            version=known.version,
            clock_ms=self.clock.now_ms(),
            cancelled=known.cancelled,
        )

    def _decided(self, order_id: str, version: int, verdict: str, by: str, why: str) -> None:
        self.clock.keep()
        entry = f"{version}\t{verdict}\t{self.clock.now_ms()}\t{by}\t{why}"
        past = [*self.history.get(order_id, []), entry]
        self.history[order_id] = past[-self.history_most :]

    # --- idempotency keys, and time ---

    def once(self, key: str, fingerprint: str, reused: T, work: Callable[[], T]) -> T:
        """The first answer under a key (empty: there is none), else that of `work`."""
        if key in self.keys:
            first, answer, _ = self.keys[key]
            return cast("T", answer) if first == fingerprint else reused
        answer = work()
        if key and answer is not None:
            self.keys[key] = (fingerprint, answer, self.clock.machine_ms + self.key_kept_ms)
        return answer

    def forget(self) -> None:
        """What the machine's time has ended is gone."""
        now = self.clock.machine_ms
        self.keys = {key: kept for key, kept in self.keys.items() if kept[2] > now}
