"""A state machine of the order store."""

from __future__ import annotations

from typing import Any

import redis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.orders import store
from gateway.orders.records import PREFIX, Order, Proposal, Verdict, split
from gateway.orders.store import OrderStore
from recoup.scripts import Scripts
from recoup.settings import AMOUNT_MAX, Settings
from tests.integration.machines.clocks import Clock, MachineTime
from tests.integration.machines.contents import Contents, contents
from tests.integration.machines.orders_reference import Cart, Known, ReferenceOrders

IDS = st.sampled_from(["0", "1", "o", "o", "p"])
ITEMS = st.sampled_from(["a", "aa", "b", "c"])
FEW = st.integers(1, 3)
LARGE = st.sampled_from([10**15 + 1, 2**52, AMOUNT_MAX - 2, AMOUNT_MAX])
QUANTITIES = FEW | FEW | FEW | LARGE
COSTS = st.just(0) | QUANTITIES
PROPOSALS: st.SearchStrategy[Proposal] = st.sampled_from(["", "commit", "abort", "close"])
FROM_CURRENT = st.sampled_from([0] * 8 + [-1, -1, -2, -3, 1, 2, 10**14])
"""How far a tid is from the version that its order has."""
KEYS = st.sampled_from(["", "", "k", "l"])

DRAWN = 3
"""How many items and users an init draws from."""


class OrdersMachine(RuleBasedStateMachine):
    """Everything that can be asked of the order store, in any order, at any time."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        super().__init__()
        client.flushall()
        self.client = client
        self.time = MachineTime(client)
        self.store = OrderStore(Scripts(client, store.LUA).run, settings)
        self.reference = ReferenceOrders(
            Clock(self.time),
            store.LINES_MAX,
            store.HISTORY_MOST,
            settings.idempotency_kept_s * 1000,
        )
        self.verdicts: dict[str, Verdict] = {}

    # --- carts ---

    @initialize()
    def begin(self) -> None:
        self.create("o", "u", "")
        self.init(2, 5, "")
        self.propose([("1", 0, "commit")])

    @rule(order_id=IDS, user_id=st.sampled_from(["u", "v"]), key=KEYS)
    def create(self, order_id: str, user_id: str, key: str) -> None:
        # Each request makes up an id, so that isn't in the fingerprint.
        fingerprint = f"create {user_id}"
        created = self.store.create(order_id, user_id, (key, fingerprint) if key else None)
        assert created == self.reference.once(
            key, fingerprint, None, lambda: self.reference.create(order_id, user_id)
        )

    @rule(order_id=IDS, item_id=ITEMS, quantity=QUANTITIES, cost=COSTS, key=KEYS)
    def add_item(self, order_id: str, item_id: str, quantity: int, cost: int, key: str) -> None:
        asked = (order_id, item_id, quantity, cost)
        reused: Order | str = "key_reused"
        added = self.store.add_item(*asked, (key, f"add {asked}") if key else None)
        assert added == self.reference.once(
            key, f"add {asked}", reused, lambda: self.reference.add_item(*asked)
        )

    @rule(order_id=IDS, item_id=ITEMS)
    def remove_item(self, order_id: str, item_id: str) -> None:
        removed = self.store.remove_item(order_id, item_id)
        assert removed == self.reference.remove_item(order_id, item_id)

    @rule(order_id=IDS, key=KEYS)
    def cancel(self, order_id: str, key: str) -> None:
        reused: Order | str = "key_reused"
        fingerprint = f"cancel {order_id}"
        cancelled = self.store.cancel(order_id, "me", (key, fingerprint) if key else None)
        assert cancelled == self.reference.once(
            key, fingerprint, reused, lambda: self.reference.cancel(order_id, "me")
        )

    @rule(count=st.integers(1, 2), price=FEW | st.sampled_from([0, AMOUNT_MAX // 2]), key=KEYS)
    def init(self, count: int, price: int, key: str) -> None:
        fingerprint = f"init {count} {price}"

        def init() -> bool:
            self.reference.init(self._drawn(count, price))
            return True

        done = self.store.init(count, DRAWN, DRAWN, price, (key, fingerprint) if key else None)
        assert done == self.reference.once(key, fingerprint, False, init)

    def _drawn(self, count: int, price: int) -> dict[str, tuple[str, Cart]]:
        """What an init has drawn: any two of the items, and any of the users."""
        drawn = {}
        for order_id in map(str, range(count)):
            order = self.store.read(order_id)
            assert order is not None
            assert int(order.user_id) in range(DRAWN)
            assert all(int(line.item_id) in range(DRAWN) for line in order.lines)
            assert all(line.cost == line.quantity * price for line in order.lines)
            assert sum(line.quantity for line in order.lines) == 2
            cart = {line.item_id: (line.quantity, line.cost) for line in order.lines}
            drawn[order_id] = (order.user_id, cart)
        return drawn

    # --- verdicts ---

    @rule(proposals=st.lists(st.tuples(IDS, FROM_CURRENT, PROPOSALS), min_size=1, max_size=3))
    def propose(self, proposals: list[tuple[str, int, Proposal]]) -> None:
        asked = [
            (order_id, max(0, self._version(order_id) + off), proposal)
            for order_id, off, proposal in proposals
        ]
        tids = [f"{id}.{version}" for id, version, _ in asked]
        decisions = self.store.propose_all(
            [
                (tid, proposal, "me", proposal)
                for tid, (*_, proposal) in zip(tids, asked, strict=True)
            ]
        )
        assert decisions == [self.reference.propose(*each, "me", each[-1]) for each in asked]
        self.verdicts |= dict.fromkeys(tids, "")

    @precondition(lambda self: self.verdicts)
    @rule(data=st.data(), proposal=PROPOSALS)
    def propose_again(self, data: st.DataObject, proposal: Proposal) -> None:
        order_id, version = split(data.draw(st.sampled_from(sorted(self.verdicts))))
        self.propose([(order_id, version - self._version(order_id), proposal)])

    def _version(self, order_id: str) -> int:
        return self.reference.orders.get(order_id, Known()).version

    # --- time, and the machine ---

    @rule(ms=st.sampled_from([1, 1_000, 120_000, -1, -1_000, -200_000]))
    def time_passes(self, ms: int) -> None:
        """Or the machine's time is set back."""
        self.time.go(ms)
        before = self.reference.keys.keys()
        self.reference.forget()
        for key in before - self.reference.keys.keys():
            self.client.delete(f"{PREFIX}idem:{key}")

    @rule()
    def the_database_forgets_the_scripts(self) -> None:
        self.client.script_flush()

    # --- what must always hold ---

    @invariant()
    def all_is_as_the_reference_says(self) -> None:
        assert found(self.client) == expected(self.reference)
        for order_id in ("o", "p"):
            assert self.store.read(order_id) == self.reference.read(order_id)

    @invariant()
    def a_verdict_is_written_once(self) -> None:
        for tid, before in self.verdicts.items():
            now = self.reference.verdict(*split(tid))
            assert before in ("", now), tid
            self.verdicts[tid] = now


def found(client: redis.Redis) -> Contents:
    """What the order store's database holds."""
    all = contents(client, PREFIX)
    for key, (value, expiry) in all.items():
        if key.startswith(("idem:", "history:")):
            assert expiry > 0
            all[key] = (value, 0)
    return all


def expected(reference: ReferenceOrders) -> Contents:
    """What it must hold."""
    all: Contents = {f"order:{id}": (fields(known), -1) for id, known in reference.orders.items()}
    for name in ("users", "items"):
        before: dict[str, int] = getattr(reference, f"before_{name}")
        if before:
            all[f"before:{name}"] = ({id: str(amount) for id, amount in before.items()}, -1)
    for key, (fingerprint, *_) in reference.keys.items():
        all[f"idem:{key}"] = (fingerprint, 0)
    for id, past in reference.history.items():
        all[f"history:{id}"] = (past, 0)
    for user, orders in reference.lists.items():
        if orders:
            all[f"user:{user}"] = (orders, -1)
    if reference.numbers:
        all["numbers"] = (str(reference.numbers), -1)
    if reference.clock.seen_ms is not None:
        all["clock"] = (str(reference.clock.seen_ms), -1)
    return all


def fields(known: Known) -> dict[str, str]:
    """An order's record."""
    record: dict[str, Any] = {"version": known.version}
    if known.user is not None:
        lines = ",".join(f"{id}:{pieces}:{cost}" for id, (pieces, cost) in known.cart.items())
        record |= {"record": 1, "user": known.user, "lines": lines, "total": known.total}
        record |= {"content": known.content}
    if known.paid_at is not None:
        record["paid_at"] = known.paid_at
    if known.cancelled:
        record["cancelled"] = 1
    if known.paid_before:
        record["paid_before"] = ",".join(map(str, known.paid_before))
    return {name: str(value) for name, value in record.items()}
