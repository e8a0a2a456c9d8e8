"""What operators ask and do, on the services themselves: nothing but the network is left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn
from unittest.mock import Mock

import grpc
import redis

from gateway.orders.service import OrdersService
from recoup.errors import RecoupError, Unanswered
from recoup.operate.clients import Clients
from recoup.settings import Settings
from tests.integration.world import World
from workers.ledger.service import LedgerService


class Direct(Clients):
    """Clients of a world's services. Who is in `away` doesn't answer."""

    def __init__(self, world: World) -> None:
        super().__init__(world.settings)
        self.away: set[str] = set()
        self.asked: list[str] = []
        """The calls that were made, by service and method."""
        self._services: dict[str, Any] = {
            name: LedgerService(books.ledger, books.accounts) for name, books in world.books.items()
        }
        self._services["orders"] = OrdersService(world.scripts.run, world.settings)

    @property
    def orders(self) -> Any:  # type: ignore[override]
        """The order store."""
        return Stub(self, "orders")

    def party(self, name: str) -> Any:
        """A party's ledger."""
        return Stub(self, name)

    def call(self, name: str, method: str, request: Any) -> Any:
        """What a service answers."""
        if name in self.away:
            raise Unanswered(f"deadline exceeded: {name}", "no answer in time")
        self.asked.append(f"{name} {method}")
        return getattr(self._services[name], method)(request, context())


class Stub:
    """A client of one service."""

    def __init__(self, clients: Direct, name: str) -> None:
        self._clients = clients
        self._name = name

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(request: Any, *, timeout: float, wait_for_ready: bool) -> Any:
            return self._clients.call(self._name, method, request)

        return call


def context() -> grpc.ServicerContext:
    """Of a call that ends with an error if the service refuses it."""

    def abort(code: grpc.StatusCode, details: str) -> NoReturn:
        raise RecoupError(f"{code.name}: {details}")

    made: grpc.ServicerContext = Mock(spec=["abort"], **{"abort.side_effect": abort})
    return made


class Shop:
    """A world in which one user, u1, buys item i9 at 5 credits a piece, in order o."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self.world = World(client, settings)
        self.world.stock.open("i9", 100, price=5)
        self.world.payment.open("u1", 1_000)
        self.clients = Direct(self.world)

    def hold(self, order_id: str, pieces: int = 2) -> str:
        """An order whose checkout has died before its verdict: both hold their legs. Its tid."""
        self.world.order(order_id, "u1", ("i9", pieces, 5))
        tid = self.world.read(order_id).tid
        self.world.stock.hold(tid, ("i9", pieces))
        self.world.payment.hold(tid, ("u1", pieces * 5))
        return tid
