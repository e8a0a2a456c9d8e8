"""What a party counts as it happens: what is settled, by whom and how long after; and tries."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis
from prometheus_client import REGISTRY

from proto import ledger_pb2 as pb
from reconcile.reconciler import ORDERS_FAIL, PARK_REASONS
from tests.integration.books import ABORT, COMMIT, Books, Verdict
from workers.ledger.measures import Measures
from workers.ledger.metrics import REASONS, parked_for


@pytest.fixture(autouse=True)
def _an_item(stock: Books) -> None:
    stock.open("a", 100)


Grown = Callable[..., float]


@pytest.fixture
def grown(stock: Books) -> Grown:
    """By how much a series of this party has grown since the test began; it was there before."""
    before = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
    }

    def grown(name: str, **labels: str) -> float:
        labels |= {"party": "stock"}
        value = REGISTRY.get_sample_value(name, labels)
        assert value is not None
        return value - before[name, *sorted(labels.items())]

    return grown


def settle(books: Books, by: str, **verdicts: Verdict) -> pb.ApplyReply:
    """Settles `o1` for "o.1", and so on."""
    request = pb.ApplyRequest(by=by)
    for name, verdict in verdicts.items():
        request.settlements.add(tid=f"o.{name[1:]}", verdict=verdict)
    return books.ledger.apply(request)


def test_legs_are_counted_by_what_became_of_them_and_who_settled_them(
    stock: Books, grown: Grown
) -> None:
    # Given five legs
    for n in range(1, 6):
        stock.hold(f"o.{n}", ("a", 1))
    # When a worker settles three, one of which a gateway gave back, who settles one more
    settle(stock, "gateway", o1=ABORT, o4=ABORT)
    settle(stock, "worker", o1=ABORT, o2=COMMIT, o3=COMMIT, o9=COMMIT)
    settle(stock, "somebody else", o5=COMMIT)
    # Then each is counted once, by whoever was first
    counts = {
        (state, by): grown("recoup_settled_total", **{"as": state}, by=by)
        for state in ("committed", "returned")
        for by in ("gateway", "worker", "sweep", "unknown")
    }
    assert {who: count for who, count in counts.items() if count} == {
        ("returned", "gateway"): 2,
        ("committed", "worker"): 2,
        ("committed", "unknown"): 1,
    }
    # And of tries, those that are any
    assert grown("recoup_reconcile_tries_total", result="settled") == 2


def test_the_time_from_held_to_settled_is_observed(stock: Books, grown: Grown) -> None:
    # Given two legs that are settled after a second, one of them twice
    for n in (1, 2):
        stock.hold(f"o.{n}", ("a", 1))
    stock.pass_ms(1_000)
    settle(stock, "worker", o1=COMMIT, o2=ABORT)
    settle(stock, "worker", o1=COMMIT)
    # Then that is observed, by the party's clock
    name = "recoup_settle_delay_seconds"
    assert grown(f"{name}_count") == 2
    assert 2 <= grown(f"{name}_sum") < 3


@pytest.mark.parametrize("held_at_ms", ["", "soon", None])
def test_a_leg_that_does_not_tell_since_when_it_was_held_is_settled_all_the_same(
    stock: Books, client: redis.Redis, grown: Grown, held_at_ms: str | None
) -> None:
    stock.hold("o.1", ("a", 1))
    if held_at_ms is None:
        client.hdel(stock.key("leg:o.1"), "held_at_ms")
    else:
        client.hset(stock.key("leg:o.1"), "held_at_ms", held_at_ms)
    assert list(settle(stock, "sweep", o1=COMMIT).settled) == [pb.SETTLED]
    assert grown("recoup_settled_total", **{"as": "committed"}, by="sweep") == 1
    assert grown("recoup_settle_delay_seconds_count") == 0


def test_tries_that_leave_a_leg_waiting_or_park_it_are_counted(stock: Books, grown: Grown) -> None:
    stock.hold("o.1", ("a", 1))
    for tid in ("o.1", "o.1", "nobody.1"):
        stock.ledger.note(tid, "a cause", orders_unreachable=False)
    for tid in ("o.1", "nobody.1"):
        stock.ledger.park(tid, "a reason")
    assert grown("recoup_reconcile_tries_total", result="waiting") == 2
    assert grown("recoup_reconcile_tries_total", result="parked") == 1


def test_every_reason_to_park_has_a_name() -> None:
    assert set(REASONS) == {*PARK_REASONS.values(), ORDERS_FAIL}


def test_whatever_is_parked_is_counted(stock: Books) -> None:
    reasons = {"missing account": 2, "an older version's words": 3}
    now = Measures(0, 9, 0, 0, None, parked_for=reasons, clock_ms=0)
    # Four were not looked at
    assert parked_for(now) == dict.fromkeys(REASONS.values(), 0) | {
        "missing_account": 2,
        "other": 7,
    }
