"""A small world: a real database, the real checkout and reconciliation, and messages that go wrong.

Every message that a process sends is a step. A process can die before or after any of its steps;
a message can be carried out twice, be lost, lose its answer, or arrive when nobody waits for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar, cast
from unittest.mock import Mock

import grpc
import redis

from gateway import parties as gateway_parties
from gateway.answers import Answer
from gateway.batching import Pending
from gateway.checkout import Checkout
from gateway.handover import Handover
from gateway.orders.records import Decision, Order, Proposal
from gateway.orders.service import OrdersService
from gateway.orders.store import LUA, OrderStore
from proto import ledger_pb2 as pb
from proto import orders_pb2
from reconcile import clients
from reconcile.reconciler import Reconciler
from recoup.errors import Unanswered
from recoup.scripts import Scripts
from recoup.settings import Settings
from tests.integration.books import ABORT, Books, Verdict, move_clock
from workers.ledger.service import LedgerService
from workers.ledger.sweep import Sweep

T = TypeVar("T")


class Crash(BaseException):
    """The process ends here, whatever it was about to do. No `except` of ours may catch it."""


class Mode(Enum):
    """What goes wrong with a step."""

    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    TWICE = "twice"
    LOST = "lost"
    ANSWER_LOST = "answer lost"
    LATER = "later"


CRASHES = (Mode.CRASH_BEFORE, Mode.CRASH_AFTER)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, and with which step of a process, counted from 0."""

    step: int
    mode: Mode


@dataclass(frozen=True)
class Event:
    """A step that was carried out: whose, which, and what came of it."""

    who: str
    name: str
    result: object


class Steps:
    """The steps of one process, one of which may go wrong."""

    def __init__(
        self,
        trouble: Trouble | None = None,
        who: str = "",
        log: list[Event] | None = None,
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        """`log` gets what all processes do, in its order; `pause` lets others go first."""
        self.names: list[str] = []
        self._trouble = trouble
        self._who = who
        self._log = log if log is not None else []
        self._pause = pause
        self._under_way: list[Callable[[], object]] = []

    def take(self, name: str, act: Callable[[], T]) -> T:
        """Carries a step out, or not, or twice."""
        self._pause()
        mode = self._mode()
        self.names.append(name)
        if mode is Mode.CRASH_BEFORE:
            raise Crash
        if mode is Mode.LATER:
            self._under_way.append(act)
        if mode in (Mode.LOST, Mode.LATER):
            raise Unanswered(f"{name} is {mode.value}")
        if mode is Mode.TWICE:
            act()
        result = act()
        self._log.append(Event(self._who, name, result))
        if mode is Mode.CRASH_AFTER:
            raise Crash
        if mode is Mode.ANSWER_LOST:
            raise Unanswered(f"the answer of {name} is lost")
        return result

    def arrive(self) -> None:
        """What was under way arrives; and does so again, whenever this is called again."""
        for act in self._under_way:
            act()

    def _mode(self) -> Mode | None:
        trouble = self._trouble
        return trouble.mode if trouble and trouble.step == len(self.names) else None


# --- the gateway's side ---


class Orders(OrderStore):
    """The order store as a checkout sees it."""

    def __init__(self, scripts: Scripts, settings: Settings, steps: Steps) -> None:
        super().__init__(scripts.run, settings)
        self._steps = steps

    def read(self, order_id: str) -> Order | None:
        read = super().read
        return self._steps.take("read", lambda: read(order_id))

    def propose(self, tid: str, proposal: Proposal, by: str = "", why: str = "") -> Decision:
        propose = super().propose
        return self._steps.take("propose", lambda: propose(tid, proposal, by, why))


class Party(gateway_parties.Party):
    """A party as a checkout sees it."""

    def __init__(self, service: LedgerService, steps: Steps) -> None:
        self.name = service.ledger.party
        self.away = False
        self._service = service
        self._steps = steps

    def deduct(self, deduction: pb.Deduction, end_s: float) -> Pending[pb.Vote]:
        def act() -> pb.Vote:
            request = pb.ApplyRequest(deductions=[deduction])
            return self._service.Apply(request, context()).votes[0]

        return self._pending(f"deduct {self.name}", act)

    def give_back(self, tid: str, end_s: float) -> Pending[pb.Settled.ValueType]:
        def act() -> pb.Settled.ValueType:
            request = pb.ApplyRequest(settlements=[pb.Settlement(tid=tid, verdict=ABORT)])
            return self._service.Apply(request, context()).settled[0]

        return self._pending(f"give back {self.name}", act)

    def _pending(self, name: str, act: Callable[[], T]) -> Pending[T]:
        pending: Pending[T] = Pending()
        try:
            pending.settle(self._steps.take(name, act))
        except Unanswered as error:
            pending.settle(error)
        return pending


class Broker(Handover):
    """Takes what is handed over, and may lose it, without a word to who has put it."""

    def __init__(self, steps: Steps) -> None:
        self.tids: dict[str, list[str]] = {}
        self._steps = steps

    def put(self, parties: Iterable[str], tid: str) -> None:
        names = list(parties)

        def act() -> None:
            for name in names:
                self.tids.setdefault(name, []).append(tid)

        with suppress(Unanswered):
            self._steps.take("hand over", act)

    put_paid = put


# --- the workers' side ---


class PeerOrders(clients.Orders):
    """The order store as reconciliation sees it."""

    def __init__(self, service: OrdersService, steps: Steps) -> None:
        self._service = service
        self._steps = steps

    def verdicts(self, tids: Sequence[str]) -> list[orders_pb2.Decision]:
        def act() -> list[orders_pb2.Decision]:
            request = orders_pb2.VerdictsRequest(tids=tids)
            return list(self._service.Verdicts(request, context()).decisions)

        return self._steps.take("verdicts", act)

    def propose(self, proposals: Sequence[orders_pb2.Proposal]) -> list[orders_pb2.Decision]:
        def act() -> list[orders_pb2.Decision]:
            request = orders_pb2.ProposeRequest(proposals=proposals)
            return list(self._service.Propose(request, context()).decisions)

        return self._steps.take("propose", act)


class PeerParty(clients.Party):
    """A party as reconciliation sees it: its own, or a peer."""

    def __init__(self, service: LedgerService, steps: Steps) -> None:
        self._service = service
        self._name = service.ledger.party
        self._steps = steps

    def status(self, tids: Sequence[str]) -> pb.StatusReply:
        request = pb.StatusRequest(tids=tids)
        return self._steps.take(
            f"status {self._name}", lambda: self._service.Status(request, context())
        )

    def settle(self, verdicts: Mapping[str, Verdict], by: str) -> list[pb.Settled.ValueType]:
        def act() -> list[pb.Settled.ValueType]:
            each = [pb.Settlement(tid=tid, verdict=v) for tid, v in verdicts.items()]
            return list(self._service.Apply(pb.ApplyRequest(settlements=each), context()).settled)

        return self._steps.take(f"settle {self._name}", act)


def context() -> grpc.ServicerContext:
    """Of a call that the service must not refuse."""
    refused = AssertionError("the service has refused a call")
    context: grpc.ServicerContext = Mock(spec=["abort"], **{"abort.side_effect": refused})
    return context


# --- the world ---


class World:
    """One database, the parties, an order store, and who uses them."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        client.flushall()
        self.client = client
        self.settings = settings
        self.parties = settings.parties
        self.books = {name: Books(client, name, settings) for name in self.parties}
        self.stock, self.payment = self.books["stock"], self.books["payment"]
        self.scripts = Scripts(client, LUA)
        self.orders = OrderStore(self.scripts.run, settings)
        self._services = {
            name: LedgerService(books.ledger, books.accounts) for name, books in self.books.items()
        }

    def order(self, order_id: str, user_id: str, *items: tuple[str, int, int]) -> str:
        """Creates an order of these items: id, pieces, and price of each."""
        self.orders.create(order_id, user_id, None)
        for item_id, quantity, price in items:
            self.orders.add_item(order_id, item_id, quantity, quantity * price, None)
        return order_id

    def read(self, order_id: str) -> Order:
        order = self.orders.read(order_id)
        assert order is not None
        return order

    # --- processes ---

    def check_out(
        self,
        order_id: str,
        steps: Steps,
        parties: Sequence[str] = (),
        orders: OrderStore | None = None,
        broker: Broker | None = None,
    ) -> Answer:
        """One request in a gateway. `parties`: in the order in which their calls go out, unless
        it is the usual one."""
        return Checkout(
            orders or Orders(self.scripts, self.settings, steps),
            [Party(self._services[name], steps) for name in parties or self.parties],
            broker or Broker(steps),
            self.settings,
        ).run(order_id)

    def reconciler(self, name: str, steps: Steps) -> Reconciler:
        """That of a party's worker, or of its sweep."""
        parties = {name: PeerParty(service, steps) for name, service in self._services.items()}
        orders = PeerOrders(OrdersService(self.scripts.run, self.settings), steps)
        return Reconciler(name, parties[name], orders, parties.__getitem__)

    def sweep(self, name: str, steps: Steps) -> None:
        """A party's sweep, which settles what is due by itself: there is no broker."""

        def publish(tids: Sequence[str], due_ms: int) -> None:
            raise ConnectionError("there is no broker")

        ledger = self._services[name].ledger
        reconciler = self.reconciler(name, steps)
        Sweep(ledger, reconciler, publish, lambda: True, self.settings).run_once()

    def recover(self, trouble: Trouble | None = None) -> Steps:
        """The deadlines and leases pass, and each party sweeps once, or dies of it."""
        self.pass_ms(self.settings.deadline_ms + self.settings.lease_ms)
        steps = Steps(trouble)
        for name in self.parties:
            with suppress(Crash):
                self.sweep(name, steps)
        steps.arrive()
        return steps

    def pass_ms(self, ms: int) -> None:
        for store in ("orders", *self.parties):
            move_clock(self.client, store, ms)

    # --- what must always hold ---

    def check(self) -> None:
        """I1 to I3, and I6: at any moment."""
        for tid in self.tids():
            legs = {name: books.leg(tid) for name, books in self.books.items()}
            states = {legs[name].state for leg in legs.values() for name in leg.parties}
            verdict = self.orders.propose(tid, "").verdict
            allowed = {
                "": {pb.Leg.NONE, pb.Leg.HELD},
                "commit": {pb.Leg.HELD, pb.Leg.COMMITTED},
                "abort": {pb.Leg.NONE, pb.Leg.HELD, pb.Leg.RETURNED},
            }
            assert states <= allowed[verdict], (tid, verdict, states)
        for books in self.books.values():
            held = {tid for tid in self.tids() if books.leg(tid).state == pb.Leg.HELD}
            assert set(books.due()) == held
            assert books.parked() == set()
            for account_id in self._ids(books.key("account:")):
                assert min(books.balance(account_id)) >= 0  # and that it adds up to what was put in

    def check_settled(self) -> None:
        """As `check`, and I4: when everyone is done, nothing is held, and the books balance."""
        self.check()
        spent: Counter[str] = Counter()
        sold: Counter[str] = Counter()
        paid = 0
        for order_id in self._ids("{orders}:order:"):
            order = self.read(order_id)
            if order.paid_at is None:
                continue
            paid += 1
            spent[order.user_id] += order.total_cost
            for line in order.lines:
                sold[line.item_id] += line.quantity
        for name, books in self.books.items():
            # Anyone else gives one unit to each order, from the account that bears its name.
            used = {"stock": sold, "payment": spent}.get(name, Counter({name: paid}))
            for account_id in self._ids(books.key("account:")):
                _, held, account_used = books.balance(account_id)
                assert (held, account_used) == (0, used[account_id]), account_id
            assert books.due() == {}

    def held(self) -> set[str]:
        """The tids of which anything is held."""
        return {tid for books in self.books.values() for tid in books.due()}

    def tids(self) -> set[str]:
        """All tids that any party knows."""
        books = self.books.values()
        return {tid for each in books for tid in self._ids(each.key("leg:"))}

    def _ids(self, prefix: str) -> list[str]:
        keys = cast("list[str]", self.client.keys(f"{prefix}*"))
        return [key.removeprefix(prefix) for key in keys]
