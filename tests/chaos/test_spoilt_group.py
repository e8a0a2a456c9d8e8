"""What is no tid keeps the others of its group from nothing."""

from __future__ import annotations

import redis

from tests.chaos.traffic import Traffic
from tests.e2e.client import Shop, eventually
from tests.e2e.stack import Stack
from tests.e2e.test_bad_messages import PARTIES, WORKERS, call


def test_the_others_of_a_spoilt_group_are_settled(stack: Stack) -> None:
    with Shop(stack.url) as shop, redis.Redis.from_url(stack.settings.database_url("broker")) as b:
        # given what is paid, and whose message is lost
        traffic = Traffic.prepare(shop, orders=5)
        stack.end(*WORKERS)
        try:
            traffic.check_out_all()
            eventually(lambda: all(b.llen(party) for party in PARTIES))
            b.delete(*PARTIES)
            # when it comes again, spoilt
            tids = [shop.order(order_id)["tid"] for order_id in traffic.orders]
            call(b, "settle", ["", "forged.01", *tids, 7, None, {"forged": 1}])
        finally:
            for worker in WORKERS:
                stack.supervisor.start(worker)
        # then all of it settles
        traffic.settles()
        traffic.check_books()
        assert traffic.count(200) == len(traffic.orders)
