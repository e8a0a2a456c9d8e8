"""A party's process: its ledger over gRPC, and its sweep. Stock and payment are both just this."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import REGISTRY

from proto.ledger_pb2_grpc import add_LedgerServicer_to_server
from reconcile import clients
from reconcile.peers import peers
from reconcile.reconciler import Reconciler
from recoup import tracing
from recoup.bounds import PROBE_TID
from recoup.errors import Unanswered
from recoup.scripts import connect
from recoup.server import serve
from recoup.settings import settings
from recoup.watch import Queue, Store
from workers.ledger.accounts import Accounts
from workers.ledger.engine import Ledger
from workers.ledger.service import LedgerService
from workers.ledger.sweep import Sweep


def run(name: str) -> None:
    """Serves the party `name` until it is told to stop."""
    client = connect(settings().database_url(name))
    ledger = Ledger(client, name, settings())
    sweep = make_sweep(name, ledger)
    service = LedgerService(ledger, Accounts(client, name, settings()), sweep.ended_ago_ms)
    watch(name)
    serve(
        name,
        client,
        add=lambda server: add_LedgerServicer_to_server(service, server),
        background=sweep.start,
    )


def watch(name: str) -> None:
    """Has the metrics of this process tell of its database, its queue, and those whom it asks."""
    others = [party for party in settings().parties if party != name]
    REGISTRY.register(Store(name, settings().database_url(name)))
    REGISTRY.register(Queue(name, settings().database_url("broker")))
    REGISTRY.register(peers(name, others))


def orders_answer() -> bool:
    """Whether the order store answers, its database too."""
    try:
        clients.orders().verdicts([PROBE_TID])
    except Unanswered:
        return False
    return True


def make_sweep(name: str, ledger: Ledger) -> Sweep:
    """The party's sweep."""
    # It asks its own party over gRPC too: one way to settle, whoever does it.
    reconciler = Reconciler(name, clients.party(name), clients.orders(), clients.party, by="sweep")

    @tracing.many(f"sweep {name}", lambda tids, due_ms: tids)
    def publish(tids: Sequence[str], due_ms: int) -> None:
        # Not above: it is nearly half of what a start costs, and checkouts wait for a party that
        # restarts, while nobody waits for this.
        from reconcile.app import app

        app.send_task(f"{name}.settle", (tids, due_ms), queue=name, retry=False)

    return Sweep(ledger, reconciler, publish, orders_answer, settings())
