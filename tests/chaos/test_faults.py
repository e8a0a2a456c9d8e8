"""Each process dies at each of its fault points, to the very line. The books agree afterwards.

One instance has every fault set, and none of them fires: each is marked as fired. A test removes
the mark of the one that it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import urllib3

from recoup import faults
from recoup.scripts import connect
from recoup.settings import PARTIES
from tests.chaos.traffic import Traffic
from tests.e2e.client import Shop, eventually
from tests.e2e.stack import Stack

pytestmark = pytest.mark.slow
"""Has a target of its own, with the rest of chaos: `make test-chaos`."""

NAMES = [name for names in faults.points_by_process(PARTIES).values() for name in names]

SOON = {
    "RECOUP_DEADLINE_MS": "1500",
    "RECOUP_LEASE_MS": "1000",
    "RECOUP_SWEEP_INTERVAL_MS": "200",
    "RECOUP_PARKED_RETRY_S": "2",
}
"""What waits for a deadline or a lease doesn't wait for long."""


class Faults:
    """An instance, and its faults."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._folder = faults.folder(stack.data_dir)

    def disarm(self, name: str) -> None:
        (self._folder / f"{name}.1").touch()

    def arm(self, name: str) -> None:
        (self._folder / f"{name}.1").unlink()

    def fired(self, name: str) -> bool:
        return (self._folder / f"{name}.1").exists()

    def recovers(self) -> None:
        """Waits until everyone is back, and no gateway turns checkouts away."""
        self.stack.heals()

        def all_back() -> bool:
            metrics = urllib3.request("GET", self.stack.url + "/metrics", retries=False).data
            breakers = re.findall(rb"^recoup_breaker_open{.*} (.*)$", metrics, re.MULTILINE)
            states = self.stack.supervisor.states().values()
            return set(breakers) == {b"0.0"} and all(state.pid for state in states)

        eventually(all_back)

    def pids(self, process: str) -> set[int]:
        """What runs under this name: for the gateway, its worker processes."""
        if process == "gateway":
            return {worker.pid for worker in self.stack.gateway_workers()}
        return {self.stack.supervisor.pid(process)}


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faults]:
    every = ",".join(f"{name}:exit" for name in NAMES)
    stack = Stack(tmp_path_factory.mktemp("faults"), RECOUP_FAULT=every, **SOON)
    stack.start()
    instance = Faults(stack)
    for name in NAMES:
        instance.disarm(name)
    yield instance
    stack.stop()


# --- how a point is reached ----------------------------------------------------------------------


def plainly(instance: Faults, traffic: Traffic, name: str) -> None:
    """Every checkout that is paid passes here."""
    traffic.check_out_all()


def undecided(instance: Faults, traffic: Traffic, name: str) -> None:
    """The gateway dies as well, before it decides: then the parties find what is due."""
    instance.arm("gateway.after_votes")
    traffic.check_out_all()


def without_orders(instance: Faults, traffic: Traffic, name: str) -> None:
    """The workers can't ask for verdicts meanwhile, so each tid gets a task of its own."""
    with instance.stack.without("orders"):
        traffic.check_out_all()
        eventually(lambda: instance.fired(name))


def without_accounts(instance: Faults, traffic: Traffic, name: str) -> None:
    """The accounts of what is held are away meanwhile, which doesn't heal by itself."""
    worker = name.partition(".")[0]
    party = worker.removesuffix("-worker")
    accounts = [traffic.item_id] if party == "stock" else traffic.users
    keys = {f"{{{party}}}:account:{id}": f"{{{party}}}:away:{id}" for id in accounts}
    with connect(instance.stack.settings.database_url(party)) as database:
        with instance.stack.paused(worker):
            traffic.check_out_all()
            for here, away in keys.items():
                database.rename(here, away)
        eventually(lambda: instance.fired(name))
        for here, away in keys.items():
            database.rename(away, here)
        database.connection_pool.disconnect()


CIRCUMSTANCES = {
    "after_propose": undecided,
    "after_take_due": undecided,
    "before_claim": without_orders,
    "after_claim": without_orders,
    "before_park": without_accounts,
}


@pytest.mark.parametrize("name", NAMES)
def test_the_books_agree_after_a_death_at(instance: Faults, name: str) -> None:
    process, _, point = name.partition(".")
    with Shop(instance.stack.url) as shop:
        # given a process that dies when it comes to a certain line
        instance.recovers()
        traffic = Traffic.prepare(shop, orders=3, stock=0 if point == "after_give_back" else None)
        alive = instance.pids(process)
        instance.arm(name)
        # when checkouts are under way
        CIRCUMSTANCES.get(point, plainly)(instance, traffic, name)
        # then it comes there, and dies
        eventually(lambda: instance.fired(name))
        eventually(lambda: not alive <= instance.pids(process))
        # and everything settles, and money, stock, orders and answers agree
        traffic.settles()
        traffic.check_books()


def test_it_was_once(instance: Faults) -> None:
    # given a fault that has fired, and a gateway of several processes
    instance.recovers()
    alive = instance.pids("gateway")
    assert len(alive) > 1
    with Shop(instance.stack.url) as shop:
        # when many checkouts come to its point again, in all of them
        traffic = Traffic.prepare(shop, orders=40)
        traffic.check_out_all()
        # then nobody dies
        assert traffic.count(200) == len(traffic.orders)
        assert instance.pids("gateway") == alive
        traffic.settles()
        traffic.check_books()
