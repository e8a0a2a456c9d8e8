"""Workers grow with what waits, drain it within bounds, and shrink; the backlog's metrics tell."""

from __future__ import annotations

import re

import urllib3

from tests.chaos.traffic import CLIENTS, Traffic
from tests.e2e.client import Shop, eventually
from tests.e2e.stack import Stack

HELD_LEGS = 50
"""Many times what a small worker runs at once."""

BACKLOG = ("recoup_legs_overdue", "recoup_oldest_overdue_seconds")
"""What scales a cluster's workers."""


def metric(url: str, name: str, label: str) -> float:
    """One value of a page of metrics; 0 if it isn't there yet."""
    page = urllib3.request("GET", url, retries=False, timeout=10).data.decode()
    found = re.search(rf'^{name}{{[^}}]*"{label}[^}}]*}} (\S+)$', page, re.MULTILINE)
    return float(found[1]) if found else 0.0


def backlog(stack: Stack) -> list[float]:
    """How many legs of each party wait, and for how long."""
    return [
        metric(f"http://127.0.0.1:{stack.settings.port_of(f'{party}-metrics')}", name, party)
        for party in stack.settings.parties
        for name in BACKLOG
    ]


def held(stack: Stack) -> float:
    """How many legs each party holds, at least."""
    return min(
        metric(
            f"http://127.0.0.1:{stack.settings.port_of(f'{party}-metrics')}",
            "recoup_legs_held",
            party,
        )
        for party in stack.settings.parties
    )


def at_work(stack: Stack, party: str) -> float:
    """How many tasks its worker runs: each asks one peer at a time."""
    name = "flower_worker_number_of_currently_executing_tasks"
    return metric(f"{stack.flower_url}/metrics", name, f"{party}-worker")


def places(stack: Stack) -> dict[str, int]:
    """How many tasks each worker could run now."""
    url = f"{stack.flower_url}/api/workers?refresh=1"
    workers = urllib3.request("GET", url, retries=False, timeout=30).json()
    return {
        name.partition("@")[0]: worker["stats"]["autoscaler"]["current"]
        for name, worker in workers.items()
        if "autoscaler" in worker.get("stats", {})
    }


def test_workers_grow_with_the_backlog_and_shrink_after_it(stack: Stack) -> None:
    least, most = stack.settings.worker_least_tasks, stack.settings.worker_most_tasks
    workers = {f"{party}-worker" for party in stack.settings.parties}

    def all_small() -> bool:
        return places(stack) == dict.fromkeys(workers, least)

    def all_grown() -> bool:
        now = places(stack)
        return now.keys() == workers and all(least < count <= most for count in now.values())

    with Shop(stack.url) as shop:
        # given workers that have little to do
        eventually(all_small)
        eventually(lambda: not any(backlog(stack)))
        crowds: list[Traffic] = []
        stack.supervisor.stop("orders")
        try:
            # when checkouts are paid, and whom all workers ask is away
            while held(stack) < HELD_LEGS:
                # (In small crowds: of a large one most go along with the next deductions.)
                crowds.append(Traffic.prepare(shop, orders=CLIENTS))
                crowds[-1].check_out_all()
            # then what waits grows, and the workers with it
            eventually(lambda: all(backlog(stack)))
            eventually(all_grown)
        finally:
            stack.supervisor.start("orders")

        # and when it is back, it is never asked by more at once than there may be
        def drained() -> bool:
            assert all(at_work(stack, party) <= most for party in stack.settings.parties)
            return not any(backlog(stack))

        eventually(drained)
        for crowd in crowds:
            crowd.settles()
            crowd.check_books()
        # and the workers become small again
        eventually(all_small)
