"""An instance in memory, for what is shown of it: an order store and two parties that answer as the
real ones do, or don't answer."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.errors import Unanswered
from recoup.operate.clients import Clients
from recoup.settings import Settings

# gRPC fixes the names of the methods.
# ruff: noqa: N802


def now_ms() -> int:
    return int(time.time() * 1000)


class Away:
    """A service that can be away: then every call of it fails."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.away = False

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if not name[0].isupper():
            return found

        def call(request: Any, *, timeout: float | None, wait_for_ready: bool | None) -> Any:
            if self.away:
                raise Unanswered(f"{self.name} can't be reached: connection refused")
            return found(request)

        return call


class FakeLedger(Away):
    """A party."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.legs: dict[str, pb.Leg] = {}
        self.accounts: dict[str, pb.Account] = {}
        self.unaccounted = 0
        self.settles = True
        """Whether a retry settles what it is asked for."""

    def hold(
        self, tid: str, account_id: str, amount: int, held_for_ms: int, **others: Any
    ) -> pb.Leg:
        """A leg that is held."""
        at_ms = now_ms() - held_for_ms
        leg = pb.Leg(
            tid=tid,
            state=pb.Leg.HELD,
            lines=[pb.Line(account_id=account_id, amount=amount)],
            parties=["stock", "payment"],
            held_at_ms=at_ms,
            deadline_ms=at_ms + 5_000,
            due_ms=now_ms() + 4_000,
        )
        for field, value in others.items():
            if field == "recent_tries":
                leg.recent_tries.extend(value)
            else:
                setattr(leg, field, value)
        self.legs[tid] = leg
        account = self.account(account_id)
        account.available -= amount
        account.held += amount
        return leg

    def account(self, account_id: str) -> pb.Account:
        """An account with a hundred; it is made when it is first asked for."""
        fresh = pb.Account(account_id=account_id, price=5, available=100, put_in=100)
        return self.accounts.setdefault(account_id, fresh)

    def settle(self, tid: str, state: pb.Leg.State.ValueType) -> None:
        leg = self.legs[tid]
        if leg.state != pb.Leg.HELD:
            return
        leg.state, leg.settled_at_ms, leg.due_ms = state, now_ms(), 0
        leg.parked = ""
        for line in leg.lines:
            account = self.account(line.account_id)
            account.held -= line.amount
            if state == pb.Leg.COMMITTED:
                account.used += line.amount
            else:
                account.available += line.amount

    def Overview(self, request: pb.OverviewRequest) -> pb.OverviewReply:
        held = [leg for leg in self.legs.values() if leg.state == pb.Leg.HELD]
        due = [leg for leg in held if not leg.parked]
        late = [now_ms() - leg.deadline_ms for leg in due if leg.deadline_ms < now_ms()]
        accounts = self.accounts.values()
        return pb.OverviewReply(
            legs_due=len(due),
            legs_parked=len(held) - len(due),
            legs_overdue=len(late),
            oldest_overdue_ms=max(late, default=0),
            totals_known=True,
            put_in=sum(each.put_in for each in accounts) + self.unaccounted,
            available=sum(each.available for each in accounts),
            held=sum(each.held for each in accounts),
            used=sum(each.used for each in accounts),
            swept_at_ms=now_ms() - 800,
            durable=True,
            clock_ms=now_ms(),
        )

    def Pending(self, request: pb.PendingRequest) -> pb.PendingReply:
        held = [
            leg
            for leg in self.legs.values()
            if leg.state == pb.Leg.HELD and bool(leg.parked) == request.parked
        ]
        fitting = sorted(
            (leg for leg in held if self._fits(leg, request)), key=lambda leg: leg.held_at_ms
        )
        reply = pb.PendingReply(
            legs=fitting[: request.limit],
            total=len(held),
            clock_ms=now_ms(),
            looked_at=len(held),
            matched=len(fitting),
        )
        for cause, legs in Counter(leg.parked or leg.cause for leg in fitting).most_common():
            those = [leg for leg in fitting if (leg.parked or leg.cause) == cause]
            reply.causes.add(
                cause=cause,
                legs=legs,
                units=sum(line.amount for leg in those for line in leg.lines),
                held_for_ms=max(now_ms() - leg.held_at_ms for leg in those),
                tries_least=min(leg.tries for leg in those),
                tries_most=max(leg.tries for leg in those),
                next_try_ms=max(leg.next_try_ms for leg in those),
            )
        return reply

    def _fits(self, leg: pb.Leg, request: pb.PendingRequest) -> bool:
        return (
            request.cause in (leg.parked or leg.cause)
            and leg.tid.startswith(f"{request.order_id}." if request.order_id else "")
            and request.account_id in ("", *(line.account_id for line in leg.lines))
            and now_ms() - leg.held_at_ms >= request.held_for_ms
        )

    def Status(self, request: pb.StatusRequest) -> pb.StatusReply:
        none = pb.Leg.NONE
        legs = [self.legs.get(tid) or pb.Leg(tid=tid, state=none) for tid in request.tids]
        return pb.StatusReply(legs=legs, clock_ms=now_ms())

    def Retry(self, request: pb.RetryRequest) -> pb.RetryReply:
        due = []
        for tid in request.tids:
            leg = self.legs.get(tid)
            due.append(leg is not None and leg.state == pb.Leg.HELD)
            if leg is not None and due[-1]:
                self.retried(leg)
        return pb.RetryReply(due=due)

    def retried(self, leg: pb.Leg) -> None:
        """What a retry comes to."""
        if self.settles:
            self.settle(leg.tid, pb.Leg.RETURNED)
        else:
            leg.tries += 1
            leg.recent_tries.add(at_ms=now_ms() + leg.tries, cause=leg.cause)

    def FindAccounts(self, request: pb.FindAccountsRequest) -> pb.AccountsReply:
        reply = pb.AccountsReply()
        for account_id in request.account_ids:
            account = self.accounts.get(account_id)
            outcome = pb.AccountResult.OK if account else pb.AccountResult.NOT_FOUND
            reply.results.add(outcome=outcome, account=account)
        return reply


class FakeOrders(Away):
    """The order store."""

    def __init__(self) -> None:
        super().__init__("orders")
        self.orders: dict[str, orders_pb2.Order] = {}
        self.past: dict[str, list[orders_pb2.Past]] = {}
        self.verdicts: dict[str, orders_pb2.Verdict.ValueType] = {}
        self.log: list[orders_pb2.Action] = []

    def order(
        self, order_id: str, user_id: str, item_id: str, version: int = 1
    ) -> orders_pb2.Order:
        """An open order of two pieces."""
        order = orders_pb2.Order(
            order_id=order_id,
            user_id=user_id,
            lines=[orders_pb2.OrderLine(item_id=item_id, quantity=2, cost=10)],
            total_cost=10,
            state="open",
            tid=f"{order_id}.{version}",
            version=version,
        )
        self.orders[order_id] = order
        return order

    def decide(
        self, tid: str, verdict: orders_pb2.Verdict.ValueType, by: str, why: str, ago_ms: int = 0
    ) -> None:
        self.verdicts[tid] = verdict
        past = orders_pb2.Past(tid=tid, verdict=verdict, by=by, why=why, at_ms=now_ms() - ago_ms)
        self.past.setdefault(tid.rpartition(".")[0], []).append(past)

    def Verdicts(self, request: orders_pb2.VerdictsRequest) -> orders_pb2.DecisionsReply:
        return self._decisions(list(request.tids))

    def Propose(self, request: orders_pb2.ProposeRequest) -> orders_pb2.DecisionsReply:
        for proposal in request.proposals:
            if proposal.tid not in self.verdicts:
                self.decide(proposal.tid, proposal.verdict, proposal.by, proposal.why)
        return self._decisions([proposal.tid for proposal in request.proposals])

    def _decisions(self, tids: list[str]) -> orders_pb2.DecisionsReply:
        decisions = [
            orders_pb2.Decision(tid=tid, verdict=self.verdicts.get(tid, orders_pb2.UNDECIDED))
            for tid in tids
        ]
        return orders_pb2.DecisionsReply(decisions=decisions, clock_ms=now_ms())

    def Story(self, request: orders_pb2.StoryRequest) -> orders_pb2.StoryReply:
        past = self.past.get(request.order_id, [])
        order = self.orders.get(request.order_id)
        return orders_pb2.StoryReply(order=order, past=past, clock_ms=now_ms())

    def ListOrders(self, request: orders_pb2.ListOrdersRequest) -> orders_pb2.ListOrdersReply:
        orders = [each for each in self.orders.values() if request.user_id in ("", each.user_id)]
        return orders_pb2.ListOrdersReply(orders=orders)

    def NoteAction(self, request: orders_pb2.NoteActionRequest) -> orders_pb2.NoteActionReply:
        action = orders_pb2.Action()
        action.CopyFrom(request.action)
        action.at_ms = now_ms()
        self.log.insert(0, action)
        return orders_pb2.NoteActionReply()

    def ListActions(self, request: orders_pb2.ListActionsRequest) -> orders_pb2.ListActionsReply:
        return orders_pb2.ListActionsReply(actions=self.log[: request.limit])


class FakeClients(Clients):
    """Clients of an instance in memory."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.ledgers = {name: FakeLedger(name) for name in settings.parties}
        self.orders = FakeOrders()  # type: ignore[assignment]

    def party(self, name: str) -> Any:
        return self.ledgers[name]
