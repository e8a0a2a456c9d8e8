"""5,000 customers at once: none meets an error, and who can't be served is told so at once."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import ROOM_CHECKOUTS
from tests.e2e.burst import OTHER_FILES, Burst, Reply, open_files_most, run
from tests.e2e.client import Shop, eventually
from tests.e2e.stack import Stack

CUSTOMERS = 5 * ROOM_CHECKOUTS
"""More than the gateway's processes have room for. Fewer, where the hard limit of open files
forbids so many connections."""

ACCOUNTS = 100
PRICE = 3
PLENTY = 10**6


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:
    with Shop(stack.url) as shop:
        yield shop


def median_s(replies: list[Reply]) -> float:
    return statistics.median(reply.took_s for reply in replies)


def test_a_burst_is_served_or_turned_away_at_once(stack: Stack, shop: Shop) -> None:
    # given as many orders as customers, and enough of everything for all
    customers = min(CUSTOMERS, open_files_most() - OTHER_FILES)
    shop.done(f"/payment/batch_init/{ACCOUNTS}/{PLENTY}")
    shop.done(f"/stock/batch_init/{ACCOUNTS}/{PLENTY}/{PRICE}")
    shop.done(f"/orders/batch_init/{customers}/{ACCOUNTS}/{ACCOUNTS}/{PRICE}")
    workers = [worker.pid for worker in stack.gateway_workers()]
    # when all check out at once, and somebody else looks around meanwhile
    burst = run(stack.url, customers, "/stock/find/0", "/payment/find_user/0", "/orders/find/0")
    # then nobody is refused a connection, or loses it, or waits in vain
    everyone = [*burst.checkouts, *burst.others]
    assert [reply.fault for reply in everyone if reply.fault] == []
    # and they are paid, or told by a problem document when to come back
    paid = [reply for reply in burst.checkouts if reply.status == 200]
    unpaid = [reply for reply in burst.checkouts if reply.status == 503]
    assert len(paid) + len(unpaid) == customers, Counter(r.status for r in burst.checkouts)
    assert paid
    for reply in unpaid:
        assert reply.content_type == "application/problem+json"
        assert int(reply.retry_after) > 0
    # those who are too many at once: it doesn't take as long as being served may
    turned_away = [reply for reply in unpaid if reply.problem == "overloaded"]
    assert turned_away
    slow_s = statistics.quantiles((reply.took_s for reply in paid), n=10)[-1]
    assert median_s(turned_away) < slow_s
    # and everything else stays usable
    assert {reply.status for reply in burst.others} == {200}
    assert median_s(burst.others) <= median_s(paid)
    assert [worker.pid for worker in stack.gateway_workers()] == workers
    check_books(shop, burst)


def check_books(shop: Shop, burst: Burst) -> None:
    """Everything that was accepted is settled, and charged once; nothing else is."""
    ids = [str(number) for number in range(ACCOUNTS)]
    with ThreadPoolExecutor(32) as pool:

        def settled() -> bool:
            accounts = [*pool.map(shop.user, ids), *pool.map(shop.item, ids)]
            return not any(account["held"] for account in accounts)

        eventually(settled)
        paths = [reply.path for reply in burst.checkouts]
        orders = dict(
            zip(paths, pool.map(shop.order, (p.rsplit("/")[-1] for p in paths)), strict=True)
        )
        users, items = list(pool.map(shop.user, ids)), list(pool.map(shop.item, ids))
    spent: Counter[str] = Counter()
    sold: Counter[str] = Counter()
    for reply in burst.checkouts:
        order = orders[reply.path]
        assert order["paid"] or reply.status != 200
        if order["paid"]:
            spent[order["user_id"]] += order["total_cost"]
            for item_id, quantity in order["items"]:
                sold[item_id] += quantity
    assert {user["user_id"]: user["spent"] for user in users} == {id: spent[id] for id in ids}
    assert {item["item_id"]: item["sold"] for item in items} == {id: sold[id] for id in ids}
    assert {user["credit"] + user["spent"] for user in users} == {PLENTY}
    assert {item["stock"] + item["sold"] for item in items} == {PLENTY}
