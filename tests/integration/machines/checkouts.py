"""A state machine of checkouts, whose steps are taken one by one, in any order, by anyone.

A message that is lost is a step that is never taken; one that is late or repeated is a step that is
taken later, or again; a process that dies takes no more steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import redis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.orders import store
from gateway.orders.records import Decision, Order, Proposal
from gateway.orders.store import OrderStore
from gateway.roles import lines
from proto import ledger_pb2 as pb
from reconcile.decision import Propose, proposal
from reconcile.reconciler import PEER_STATES
from recoup.scripts import Scripts
from recoup.settings import PARTIES, Settings
from tests.integration.books import ABORT, COMMIT, Books
from tests.integration.machines.clocks import MachineTime
from tests.integration.machines.contents import contents
from tests.integration.machines.history import History

ORDERS = st.sampled_from(["o", "0"])
ITEMS = ["0", "1", "a"]
USERS = ["0", "1", "u"]
ASKED = st.sampled_from([PARTIES, PARTIES, PARTIES[:1], PARTIES[1:]])
OTHER = {"stock": "payment", "payment": "stock"}
VERDICTS = {"commit": COMMIT, "abort": ABORT}
PARTY = st.sampled_from(PARTIES)
CARTS = st.tuples(
    st.just("change_cart"),
    st.sampled_from(["add_item", "add_item", "add_item", "remove_item", "cancel"]),
    ORDERS,
    st.sampled_from(ITEMS),
    st.integers(1, 2),
)
INITS = st.tuples(st.just("init_accounts"), PARTY, st.integers(0, 20))
ADJUSTMENTS = st.tuples(st.just("adjust"), PARTY, st.integers(0, 2), st.integers(-5, 5))

SKEW_MS = 1_000
"""How far the clocks of the stores are apart at most: far below the time that legs are kept."""


@dataclass
class Attempt:
    """What a gateway does for one request: what it has read, which request it is, and which
    parties have said yes."""

    order: Order
    began: int
    votes: dict[str, bool] = field(default_factory=dict)


class CheckoutMachine(RuleBasedStateMachine):
    """An order store, two parties, and whoever uses them."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        super().__init__()
        client.flushall()
        self.client = client
        self.settings = settings
        self.time = MachineTime(client)
        self.store = OrderStore(Scripts(client, store.LUA).run, settings)
        self.parties = {name: Books(client, name, settings) for name in PARTIES}
        self.attempts: list[Attempt] = []
        self.began = 0
        """How many requests have begun."""
        self.proposals: list[tuple[str, Proposal]] = []
        self.refused: dict[str, int] = {}
        """Order -> how many requests had begun when one of them was last told "not paid"."""
        self.history = History(self.parties, self.store)

    # --- carts and accounts ---

    @initialize(few=st.integers(1, 6), parties=ASKED)
    def begin(self, few: int, parties: Sequence[str]) -> None:
        self.store.create("o", "0", None)
        self.parties["stock"].open("a", 0)
        self.parties["payment"].open("u", 0)
        self.history.put_in |= {("stock", "a"): 0, ("payment", "u"): 0}
        self.adjust("stock", 2, few)
        self.adjust("payment", 2, 20)
        self.init_accounts("stock", few)
        self.init_accounts("payment", 20)
        self.init_orders()
        self.add_item("o", "0", 1)
        self.check_out("o", PARTIES)
        self.check_out("o", parties)
        self.check_out("0", PARTIES)

    @rule(act=CARTS | st.just(("init_orders",)) | INITS | ADJUSTMENTS)
    def change(self, act: Any) -> None:
        """A cart, an account, or all of them."""
        name, *arguments = act
        getattr(self, name)(*arguments)

    def change_cart(self, how: str, order_id: str, item_id: str, quantity: int) -> None:
        match how:
            case "add_item":
                self.add_item(order_id, item_id, quantity)
            case "remove_item":
                self.store.remove_item(order_id, item_id)
            case "cancel":
                self.cancel("0")  # the one that is written anew, and can be paid again then

    def add_item(self, order_id: str, item_id: str, quantity: int) -> None:
        self.store.add_item(order_id, item_id, quantity, 3 * quantity, None)

    def cancel(self, order_id: str) -> None:
        outcome = self.store.cancel(order_id, "a customer", None)
        if isinstance(outcome, Order):
            self.refused[order_id] = self.began

    def init_orders(self) -> None:
        self.store.init(2, items=2, users=2, price=3, idempotency=None)

    def init_accounts(self, party: str, amount: int) -> None:
        self.parties[party].init(2, amount)
        self.history.put_in |= {(party, "0"): amount, (party, "1"): amount}

    def adjust(self, party: str, which: int, amount: int) -> None:
        account_id = {"stock": ITEMS, "payment": USERS}[party][which]
        if self.parties[party].adjust(account_id, amount).outcome == pb.AccountResult.OK:
            self.history.put_in[party, account_id] += amount

    # --- gateways ---

    @rule(order_id=ORDERS, parties=ASKED)
    def check_out(self, order_id: str, parties: Sequence[str]) -> None:
        """A request arrives; it comes as far as `parties`."""
        order = self.store.read(order_id)
        # Cancelled or not: whoever doesn't look must not pay it either.
        if order is not None and order.paid_at is None and order.lines:
            self.began += 1
            self.attempts.append(Attempt(order, self.began))
            self._deduct(self.attempts[-1], parties)

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), parties=ASKED)
    def deduct(self, data: st.DataObject, parties: Sequence[str]) -> None:
        self._deduct(self._any(data, self.attempts), parties)

    def _deduct(self, attempt: Attempt, parties: Sequence[str]) -> None:
        self.history.tids.add(attempt.order.tid)
        for party in parties:
            books = self.parties[party]
            request = pb.Deduction(
                tid=attempt.order.tid,
                deadline_ms=attempt.order.clock_ms + self.settings.deadline_ms,
                lines=lines(attempt.order, party),
                parties=PARTIES,
            )
            before = contents(self.client, books.key(""))
            (vote,) = books.ledger.apply(pb.ApplyRequest(deductions=[request])).votes
            attempt.votes[party] = vote.answer == pb.Vote.YES
            if not attempt.votes[party]:
                assert contents(self.client, books.key("")) == before, "a refusal changes nothing"

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), again=st.booleans(), parties=ASKED)
    def decide(self, data: st.DataObject, again: bool, parties: Sequence[str]) -> None:
        """`again`: under the next version, if nobody has come between; else the answer may be
        "not paid"."""
        attempt = self._any(data, self.attempts)
        order = attempt.order
        was_paid = order.tid in self.history.paid
        all_yes = all(attempt.votes.get(party) for party in PARTIES)
        proposal: Proposal = "commit" if all_yes else "abort" if again else "close"
        decision = self._propose(order.tid, proposal)
        told_not_paid = self.refused.get(order.order_id, 0) >= attempt.began
        if decision.verdict == "commit":
            assert was_paid or not told_not_paid, "is paid, and was told not to be"
        if decision.verdict == "commit" or decision.paid_at is not None:
            return
        if proposal == "close":
            self.refused[order.order_id] = self.began
        if again and (decision.version, decision.content) == (order.version + 1, order.content):
            assert not told_not_paid, "goes on, and another was told that it is not paid"
            attempt.order = replace(order, version=decision.version, clock_ms=decision.clock_ms)
            attempt.votes = {}
            self._deduct(attempt, parties)

    # --- workers ---

    @rule(data=st.data(), party=PARTY, now=st.booleans())
    def reconcile(self, data: st.DataObject, party: str, now: bool) -> None:
        """As a worker does that finds a leg held and undecided. It may propose much later."""
        if not now and self.proposals:
            self._propose(*self._any(data, self.proposals))
        elif held := self.history.held(party):
            tid = self._any(data, sorted(held))
            if verdict := self._found(tid, party):
                self.proposals.append((tid, verdict))
                if now:
                    self._propose(tid, verdict)

    def _found(self, tid: str, party: str) -> Proposal:
        """What the worker finds that it should propose."""
        if self.store.propose(tid, "").verdict:
            return ""
        leg = self.parties[party].leg(tid)
        peer = PEER_STATES[self.parties[OTHER[party]].leg(tid).state]
        what = proposal([peer], self.parties[party].now_ms(), leg.deadline_ms)
        if not isinstance(what, Propose):
            return ""
        assert not what.alarm
        return "commit" if what.verdict == "commit" else "abort"

    @precondition(lambda self: any(self.history.verdicts.values()))
    @rule(data=st.data(), parties=ASKED)
    def settle(self, data: st.DataObject, parties: Sequence[str]) -> None:
        tid = self._any(data, sorted(t for t, v in self.history.verdicts.items() if v))
        for party in parties:
            self.parties[party].settle(tid, VERDICTS[self.history.verdicts[tid]])

    @rule(party=PARTY, data=st.data(), park=st.booleans())
    def look_after(self, party: str, data: st.DataObject, park: bool) -> None:
        if park and (held := self.history.held(party)):
            self.parties[party].ledger.park(self._any(data, sorted(held)), "a reason")
        else:
            self.sweep(party)

    def sweep(self, party: str) -> None:
        self.parties[party].ledger.unpark(1)
        self.parties[party].ledger.take_due(10, self.settings.lease_ms)

    # --- time ---

    @rule(ms=st.sampled_from([1, 300, 1_000, 61_000, -1, -61_000]))
    def time_passes(self, ms: int) -> None:
        """Or the machine's time is set back."""
        if ms < 0:
            for party in PARTIES:  # which do so every second
                self.sweep(party)
        self.time.go(ms)
        for party in PARTIES:
            prefix = self.parties[party].key("")
            for key, (_, expires_ms) in contents(self.client, prefix).items():
                if key.startswith("leg:") and -1 < expires_ms <= self.time.ms:
                    self.client.delete(prefix + key)

    @rule(store=st.sampled_from(["orders", *PARTIES]), ms=st.integers(1, SKEW_MS))
    def a_clock_is_fast(self, store: str, ms: int) -> None:
        key = f"{{{store}}}:clock"
        seen_ms = int(self.client.get(key) or 0)
        self.client.set(key, max(seen_ms, self.time.ms + ms))

    # --- what must always hold ---

    @invariant()
    def the_history_is_sound(self) -> None:
        self.history.look()

    def _propose(self, tid: str, verdict: Proposal) -> Decision:
        self.history.tids.add(tid)
        decision = self.store.propose(tid, verdict)
        self.history.told(tid, decision.verdict)
        return decision

    def _any(self, data: st.DataObject, of: list[Any]) -> Any:
        # Among the last, most probably: much can still happen to these.
        return data.draw(st.sampled_from(of[-4:]) | st.sampled_from(of))
