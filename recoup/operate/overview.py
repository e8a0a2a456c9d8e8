"""How an instance stands: everyone is asked at once, each within a short limit.

Who doesn't answer is told as such, with what he last said and when, and never as 0.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import redis
import urllib3

from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.bounds import PROBE_TID
from recoup.errors import RecoupError, Unanswered
from recoup.operate.clients import Clients, at_once, why
from recoup.rpc import ask
from recoup.scripts import connect
from recoup.settings import Settings

LIMIT_S = 1.0
"""Whoever is up answers in milliseconds."""

CAUSES = 1
"""Legs that are asked for along with the causes, which are what is wanted."""

View = TypeVar("View")


@dataclass(frozen=True, slots=True)
class Books:
    """The sums over all accounts of a party, in its units."""

    put_in: int
    available: int
    held: int
    used: int

    @property
    def imbalance(self) -> int:
        """Always 0: each script that moves something writes both sides."""
        return self.put_in - self.available - self.held - self.used


@dataclass(frozen=True, slots=True)
class Reason:
    """Why legs of a party wait, or are parked, and how many."""

    cause: str
    legs: int


@dataclass(frozen=True, slots=True)
class PartyView:
    """How a party stands. Times by its own clock."""

    legs_due: int
    legs_parked: int
    legs_overdue: int
    oldest_overdue_ms: int
    books: Books | None
    """None: the totals are not known."""
    swept_at_ms: int
    """0: not yet."""
    durable: bool
    clock_ms: int
    waiting: tuple[Reason, ...] = ()
    """Why those wait that are past their deadline; not asked for while there is none."""
    parked: tuple[Reason, ...] = ()

    @property
    def swept_ago_ms(self) -> int | None:
        """How long ago the sweep last ended well; None: not yet."""
        return self.clock_ms - self.swept_at_ms if self.swept_at_ms else None


@dataclass(frozen=True, slots=True)
class OrdersView:
    """The order store answers."""

    clock_ms: int


@dataclass(frozen=True, slots=True)
class GatewayView:
    """What one process of the gateway says of what it needs."""

    ready: bool
    problems: Mapping[str, str]
    """By service; a service that is fine isn't in it."""
    breakers_open: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BrokerView:
    """Messages that wait, by queue, and the workers that are connected."""

    queued: Mapping[str, int]
    workers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen(Generic[View]):
    """What somebody has said, and when by this machine's clock; None: never yet."""

    view: View | None = None
    at_s: float | None = None
    problem: str = ""
    """Why there is no answer now; then `view` is what was last said."""

    @property
    def answers(self) -> bool:
        """Whether what was said is from now."""
        return not self.problem


@dataclass(frozen=True, slots=True)
class Overview:
    """Everyone's answer."""

    at_s: float
    parties: Mapping[str, Seen[PartyView]]
    orders: Seen[OrdersView]
    gateway: Seen[GatewayView]
    broker: Seen[BrokerView]
    settings: Settings = field(repr=False)

    def store(self, name: str) -> Seen[Any]:
        """The order store, or a party."""
        return self.orders if name == "orders" else self.parties[name]

    @property
    def stores_away(self) -> tuple[str, ...]:
        """Of the order store and the parties, who doesn't answer."""
        stores = ("orders", *self.parties)
        return tuple(name for name in stores if not self.store(name).answers)


class Observer:
    """Looks at an instance, and remembers what everyone has last said. One for a process."""

    def __init__(self, clients: Clients, remembered: Overview | None = None) -> None:
        """`remembered`: what was last seen, by whoever looked before."""
        self._clients = clients
        self._settings = clients.settings
        self.last = remembered
        """The overview before the next one."""

    def look(self) -> Overview:
        """Asks everyone at once. Takes little more than LIMIT_S; raises nothing."""
        questions: dict[str, Callable[[], Any]] = {
            name: functools.partial(self._party, name) for name in self._clients.parties
        }
        questions |= {"orders": self._orders, "gateway": self._gateway, "broker": self._broker}
        answers = at_once(questions)
        before = _by_name(self.last)
        now_s = time.time()
        seen = {name: _seen(answer, before.get(name), now_s) for name, answer in answers.items()}
        self.last = Overview(
            at_s=now_s,
            parties={name: seen[name] for name in self._clients.parties},
            orders=seen["orders"],
            gateway=seen["gateway"],
            broker=seen["broker"],
            settings=self._settings,
        )
        return self.last

    def _party(self, name: str) -> PartyView:
        stub, end_s = self._clients.party(name), time.monotonic() + LIMIT_S
        said = ask(stub.Overview, pb.OverviewRequest(), LIMIT_S)

        def reasons(parked: bool) -> tuple[Reason, ...]:
            request = pb.PendingRequest(parked=parked, limit=CAUSES)
            reply = ask(stub.Pending, request, end_s - time.monotonic())
            return tuple(Reason(each.cause, each.legs) for each in reply.causes)

        books = Books(said.put_in, said.available, said.held, said.used)
        return PartyView(
            legs_due=said.legs_due,
            legs_parked=said.legs_parked,
            legs_overdue=said.legs_overdue,
            oldest_overdue_ms=said.oldest_overdue_ms,
            books=books if said.totals_known else None,
            swept_at_ms=said.swept_at_ms,
            durable=said.durable,
            clock_ms=said.clock_ms,
            waiting=reasons(parked=False) if said.legs_overdue else (),
            parked=reasons(parked=True) if said.legs_parked else (),
        )

    def _orders(self) -> OrdersView:
        request = orders_pb2.VerdictsRequest(tids=[PROBE_TID])
        return OrdersView(ask(self._clients.orders.Verdicts, request, LIMIT_S).clock_ms)

    def _gateway(self) -> GatewayView:
        url = f"http://{self._settings.host}:{self._settings.port}/readyz"
        try:
            # It waits for those it asks, who may take as long as we would.
            said = urllib3.request("GET", url, timeout=2 * LIMIT_S, retries=False).json()
            services = said["services"]
            return GatewayView(
                ready=said["ready"],
                problems={n: s["problem"] for n, s in services.items() if not s["ok"]},
                breakers_open=tuple(n for n, s in services.items() if s.get("breaker") == "open"),
            )
        except (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError) as error:
            raise Unanswered(f"gateway: {error}") from error

    def _broker(self) -> BrokerView:
        client = connect(self._settings.database_url("broker"), limit_s=LIMIT_S)
        try:
            pipeline = client.pipeline(transaction=False)
            for party in self._clients.parties:
                pipeline.llen(party)
            lengths = pipeline.execute()
            connected = {str(each.get("name")) for each in client.client_list(_type="normal")}
        except redis.exceptions.RedisError as error:
            raise Unanswered(f"broker: {error}") from error
        finally:
            client.close()
        names = [f"{party}-worker" for party in self._clients.parties]
        # A worker names its connections by its process and its machine (see reconcile/app.py).
        at_work = tuple(n for n in names if any(each.startswith(f"{n}@") for each in connected))
        return BrokerView(dict(zip(self._clients.parties, lengths, strict=True)), at_work)


def _by_name(overview: Overview | None) -> dict[str, Seen[Any]]:
    if overview is None:
        return {}
    others: dict[str, Seen[Any]] = {
        "orders": overview.orders,
        "gateway": overview.gateway,
        "broker": overview.broker,
    }
    return {**overview.parties, **others}


def _seen(answer: Any, before: Seen[Any] | None, now_s: float) -> Seen[Any]:
    if not isinstance(answer, RecoupError):
        return Seen(answer, now_s)
    before = before or Seen()
    return Seen(before.view, before.at_s, why(answer))
