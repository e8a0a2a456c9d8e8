"""What is written down of each decision, for people: when, and only when, something is decided."""

from __future__ import annotations

import pytest
import redis

from gateway.orders import history, store
from gateway.orders.history import Past, story
from gateway.orders.records import Order, Proposal, history_key
from gateway.orders.store import LUA, OrderStore
from recoup.scripts import Scripts
from recoup.settings import Settings
from tests.integration.books import Photographer

ABORTED, CANCELLED = "not enough stock", "the order was cancelled"


@pytest.fixture
def scripts(client: redis.Redis) -> Scripts:
    return Scripts(client, LUA)


@pytest.fixture
def order(orders: OrderStore) -> Order:
    """An order of one item, at version 2."""
    orders.create("o", "u", None)
    added = orders.add_item("o", "a", 1, 5, None)
    assert isinstance(added, Order)
    return added


def found(orders: OrderStore) -> Order:
    order = orders.read("o")
    assert order is not None
    return order


def past(scripts: Scripts) -> list[tuple[str, str, str, str]]:
    """The order's history without its times."""
    return [(p.tid, p.verdict, p.by, p.why) for p in story(scripts.run, "o").past]


@pytest.mark.parametrize(
    ("proposal", "verdict"), [("commit", "commit"), ("abort", "abort"), ("close", "abort")]
)
def test_a_decision_is_written_down_with_who_and_why(
    orders: OrderStore, scripts: Scripts, order: Order, proposal: Proposal, verdict: str
) -> None:
    # when it is decided
    decision = orders.propose(order.tid, proposal, "gateway", "so it is")
    # then its history says so, and when, by the store's clock
    told = story(scripts.run, "o")
    assert told.past == (Past("o.2", verdict, "gateway", "so it is", decision.clock_ms),)  # type: ignore[arg-type]
    assert told.order is not None
    assert (told.order.tid, told.order.version) == (found(orders).tid, found(orders).version)
    assert told.clock_ms >= decision.clock_ms


@pytest.mark.parametrize("first", ["commit", "abort", "close"])
def test_only_what_decides_is_written_down(
    orders: OrderStore, scripts: Scripts, order: Order, first: Proposal
) -> None:
    # given a tid that is decided
    orders.propose(order.tid, "", "gateway", "just asking")
    orders.propose(order.tid, first, "gateway", "the first")
    before = past(scripts)
    # when others ask, and propose later
    for proposal in ("", "commit", "abort"):
        orders.propose(order.tid, proposal, "stock-worker", "too late")
    # then nothing is added
    assert past(scripts) == before
    assert len(before) == 1


def test_a_tid_ahead_of_its_order_is_written_down_too(orders: OrderStore, scripts: Scripts) -> None:
    orders.propose("o.7", "commit", "payment's sweep", "all hold their legs")
    assert past(scripts) == [("o.7", "abort", "payment's sweep", "all hold their legs")]
    assert story(scripts.run, "o").order is None


def test_who_closes_behind_a_changed_cart_says_so_of_its_own_tid(
    orders: OrderStore, scripts: Scripts, order: Order
) -> None:
    # given a checkout under way, whose cart is changed: it is aborted, and nobody has said why
    orders.add_item("o", "a", 1, 5, None)
    assert past(scripts) == []
    # when it closes the order before it answers
    orders.propose(order.tid, "close", "gateway", "the cart was changed")
    # then that is why its tid is aborted
    assert past(scripts) == [("o.2", "abort", "gateway", "the cart was changed")]


def test_cancelling_aborts_the_tid_that_it_meets(
    orders: OrderStore, scripts: Scripts, order: Order
) -> None:
    for _ in range(2):
        orders.cancel("o", "gateway", None)
    assert past(scripts) == [("o.2", "abort", "gateway", CANCELLED)]


def test_a_history_is_capped_and_expires(
    orders: OrderStore, scripts: Scripts, client: redis.Redis, order: Order, settings: Settings
) -> None:
    # given more decisions than are kept
    for n in range(store.HISTORY_MOST + 3):
        orders.propose(f"o.{2 + n}", "abort", "gateway", str(n))
    # then the latest are, in their order, for the time that is set
    kept = [int(why) for *_, why in past(scripts)]
    assert kept == list(range(3, store.HISTORY_MOST + 3))
    assert 0 < client.ttl(history_key("o")) <= settings.history_kept_s


def test_no_decision_depends_on_a_history(
    orders: OrderStore, scripts: Scripts, client: redis.Redis, order: Order
) -> None:
    # given a history that can't be written, nor read
    client.set(history_key("o"), "what is this?")
    # when it is decided, then it is
    assert orders.propose(order.tid, "commit", "gateway", "all said yes").verdict == "commit"
    told = story(scripts.run, "o")
    assert (told.past, told.order and told.order.state) == ((), "paid")


def test_looking_writes_nothing(
    orders: OrderStore, scripts: Scripts, order: Order, photograph: Photographer
) -> None:
    orders.propose(order.tid, "abort", "gateway", ABORTED)
    before = photograph()
    history.story(scripts.run, "o")
    history.story(scripts.run, "nobody")
    assert photograph() == before
