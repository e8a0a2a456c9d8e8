"""The process `orders`: the order store over gRPC."""

from prometheus_client import REGISTRY

from gateway.orders.listing import start_completing
from gateway.orders.service import OrdersService
from gateway.orders.store import LUA
from proto.orders_pb2_grpc import add_OrdersServicer_to_server
from recoup.scripts import Scripts, connect
from recoup.server import serve
from recoup.settings import settings
from recoup.watch import Store


def main() -> None:
    """Serves until it is told to stop."""
    client = connect(settings().database_url("orders"))
    scripts = Scripts(client, LUA)
    service = OrdersService(scripts.run, settings())
    REGISTRY.register(Store("orders", settings().database_url("orders")))
    serve(
        "orders",
        client,
        add=lambda server: add_OrdersServicer_to_server(service, server),
        background=lambda: start_completing(scripts.run),
    )


if __name__ == "__main__":
    main()
