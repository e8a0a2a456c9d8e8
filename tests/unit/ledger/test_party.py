"""A party's process: what it loads, and whether it knows who is away."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from proto import orders_pb2, orders_pb2_grpc
from reconcile import clients
from recoup.processes import ROOT
from workers.ledger import party


def test_it_serves_before_it_knows_of_any_broker() -> None:
    # given a party that restarts, for which checkouts wait: then it loads what it needs
    loads = "import sys, workers.ledger.party; print({'celery', 'kombu'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", loads], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stdout + done.stderr


class Orders(orders_pb2_grpc.OrdersServicer):
    """An order store whose database is away: it can say nothing of any tid."""

    # gRPC fixes the names of the methods.
    # ruff: noqa: N802

    def Verdicts(
        self, request: orders_pb2.VerdictsRequest, context: grpc.ServicerContext
    ) -> orders_pb2.DecisionsReply:
        if request.tids:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the database did not answer")
        return orders_pb2.DecisionsReply()


def test_an_order_store_without_its_database_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given a service that is there, and whose database isn't
    server = grpc.server(ThreadPoolExecutor(1))
    orders_pb2_grpc.add_OrdersServicer_to_server(Orders(), server)  # type: ignore[abstract]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setattr(clients, "orders", lambda: clients.Orders(f"127.0.0.1:{port}"))
    # when a sweep asks whether what waits for it can be woken, then it can't
    assert not party.orders_answer()
    server.stop(None).wait()
