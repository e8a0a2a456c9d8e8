"""What doesn't heal by itself is kept, listed with its reason, and done with when it is mended."""

from __future__ import annotations

import json
from typing import Any

from tests.chaos.traffic import Traffic
from tests.e2e.client import Shop, eventually
from tests.e2e.stack import Stack


def pending(stack: Stack) -> tuple[int, dict[str, Any]]:
    """What `recoup pending` says: its exit status, and its list."""
    done = stack.recoup("pending", "--json")
    return done.returncode, json.loads(done.stdout)


def parked(stack: Stack) -> dict[str, str]:
    """The legs that are parked: tid and party, and why."""
    _, listed = pending(stack)
    return {f"{leg['tid']} {leg['party']}": leg["why"] for leg in listed["legs"] if leg["parked"]}


def test_a_leg_that_can_not_be_settled_is_kept_until_someone_mends_it(stack: Stack) -> None:
    with Shop(stack.url) as shop:
        # given a paid order whose user is gone before his credit is settled
        traffic = Traffic.prepare(shop, orders=1)
        ((order_id, user_id),) = traffic.orders.items()
        account = f"{{payment}}:account:{user_id}"
        payment_db = stack.database("payment")
        stack.supervisor.stop("payment-worker")
        traffic.check_out_all()
        record = payment_db.hgetall(account)
        payment_db.delete(account)
        stack.supervisor.start("payment-worker")
        # then his leg is parked, and listed with the reason
        tid = shop.order(order_id)["tid"]
        eventually(lambda: parked(stack) == {f"{tid} payment": "missing account"})
        status, listed = pending(stack)
        assert status == 1
        assert listed["totals"]["payment"] == {"held": 0, "parked": 1}
        # and trying again changes nothing
        again = stack.recoup("retry", tid)
        assert (again.returncode, again.stdout) == (1, "payment: parked again: missing account\n")
        # when the account is there again, and someone has it retried
        payment_db.hset(account, mapping=record)
        mended = stack.recoup("retry", tid)
        # then it settles, and the books agree
        assert (mended.returncode, mended.stdout) == (0, "payment: committed\n")
        assert parked(stack) == {}
        traffic.settles()
        traffic.check_books()
        assert traffic.count(200) == 1


def test_a_leg_that_contradicts_its_verdict_is_kept_and_never_guessed_at(stack: Stack) -> None:
    with Shop(stack.url) as shop:
        # given a paid order whose leg was given back: by a database that lost what came after
        traffic = Traffic.prepare(shop, orders=1)
        ((order_id, user_id),) = traffic.orders.items()
        payment_db = stack.database("payment")
        stack.supervisor.stop("payment-worker")
        traffic.check_out_all()
        order = shop.order(order_id)
        leg, account = f"{{payment}}:leg:{order['tid']}", f"{{payment}}:account:{user_id}"
        total = order["total_cost"]
        payment_db.hset(leg, "state", "returned")
        payment_db.zrem("{payment}:due", order["tid"])
        payment_db.hincrby(account, "held", -total)
        payment_db.hincrby(account, "available", total)
        # when its worker meets it
        stack.supervisor.start("payment-worker")
        # then it is parked with the reason, and its record stays
        why = "contradiction: the leg was settled against the verdict"
        eventually(lambda: parked(stack) == {f"{order['tid']} payment": why})
        assert payment_db.ttl(leg) == -1
        # when the record is as it should be, and someone has it retried
        payment_db.hset(leg, "state", "held")
        payment_db.hincrby(account, "held", total)
        payment_db.hincrby(account, "available", -total)
        mended = stack.recoup("retry", order["tid"])
        # then it settles, and the books agree
        assert (mended.returncode, mended.stdout) == (0, "payment: committed\n")
        assert parked(stack) == {}
        traffic.settles()
        traffic.check_books()


def test_what_is_settled_needs_no_retry(stack: Stack) -> None:
    done = stack.recoup("retry", "nobody.1")
    assert done.returncode == 0
    assert done.stdout == "nothing of nobody.1 waits: it is settled, or nobody knows it\n"


def test_a_party_that_is_away_can_not_be_asked(stack: Stack) -> None:
    with stack.without("payment"):
        status, listed = pending(stack)
    assert status == 3
    assert listed["away"] == ["payment"]
    assert set(listed["totals"]) == {"stock"}
