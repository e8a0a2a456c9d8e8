"""The audit finds each kind of fault, says its kind and nothing else, and never cries wolf."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from gateway.orders.store import OrderStore
from recoup.audit import kinds, run
from recoup.audit.findings import Findings
from recoup.audit.kinds import KINDS
from recoup.audit.progress import Steps
from recoup.settings import Settings
from tests.integration.books import ABORT, COMMIT, Books, Photographer
from tests.integration.conftest import Server

PIECES, COST = 2, 10


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LOOK_PAUSE_S", 0)
    monkeypatch.setattr("recoup.audit.balance.HELD_PAUSE_S", 0.01)
    monkeypatch.setattr("recoup.audit.stores.TOGETHER", 2)


@pytest.fixture
def settings(server: Server) -> Settings:
    """Three stores on one database: their keys tell them apart."""
    url = server.url
    return Settings(orders_db_url=url, stock_db_url=url, payment_db_url=url, deadline_ms=300)


class Shop:
    """One item, one user, and orders of two pieces for ten credits."""

    def __init__(
        self, client: redis.Redis, stock: Books, payment: Books, orders: OrderStore
    ) -> None:
        self.client, self.stock, self.payment, self.orders = client, stock, payment, orders
        self.url = stock.settings.stock_db_url
        stock.open("a", 100, price=COST // PIECES)
        payment.open("u", 1000)
        self.settled = self.paid("settled")
        """Paid, and all is settled."""
        for books in (stock, payment):
            books.settle(self.settled, COMMIT)
        self.returned = self.hold("returned")
        """Aborted, and all is given back."""
        self.orders.propose(self.returned, "abort")
        for books in (stock, payment):
            books.settle(self.returned, ABORT)
        self.held = self.hold("held")
        """Held by both, and nobody has decided."""

    def order(self, order_id: str) -> str:
        """A new order; its tid."""
        self.orders.create(order_id, "u", None)
        order = self.orders.add_item(order_id, "a", PIECES, COST, None)
        assert not isinstance(order, str)
        return order.tid

    def hold(self, order_id: str) -> str:
        """A new order, held by both parties."""
        tid = self.order(order_id)
        self.stock.hold(tid, ("a", PIECES))
        self.payment.hold(tid, ("u", COST))
        return tid

    def paid(self, order_id: str) -> str:
        """A new order that is paid, and still held by both."""
        tid = self.hold(order_id)
        assert self.orders.propose(tid, "commit").verdict == "commit"
        return tid


@pytest.fixture
def shop(client: redis.Redis, stock: Books, payment: Books, orders: OrderStore) -> Shop:
    return Shop(client, stock, payment, orders)


@pytest.fixture
def audit(settings: Settings) -> Callable[[], Findings]:
    return lambda: run.run(settings, Steps())


# --- what isn't wrong ---


def test_books_that_agree_are_balanced_and_stay_as_they_are(
    shop: Shop, audit: Callable[[], Findings], photograph: Photographer
) -> None:
    before = photograph()
    findings = audit()
    assert findings.differences == []
    assert findings.balanced
    assert findings.brackets == []
    assert photograph() == before
    items, credits = findings.books["stock"], findings.books["payment"]
    assert (items.put_in, items.available, items.held, items.used) == (100, 96, 2, 2)
    assert (credits.put_in, credits.available, credits.held, credits.used) == (1000, 980, 10, 10)
    assert findings.checked["orders"] == 3
    assert findings.checked["orders_paid"] == 1
    assert findings.checked["legs_held"] == 2


def test_an_empty_system_is_balanced(client: redis.Redis, audit: Callable[[], Findings]) -> None:
    assert audit().balanced


def test_every_state_of_a_checkout_is_balanced(shop: Shop, audit: Callable[[], Findings]) -> None:
    # Held by one only, held by both, decided, settled by one, settled by both
    shop.stock.hold(shop.order("half"), ("a", PIECES))
    assert audit().differences == []
    tid = shop.paid("o")
    assert audit().differences == []
    shop.stock.settle(tid, COMMIT)
    assert audit().differences == []
    shop.payment.settle(tid, COMMIT)
    assert audit().differences == []
    # Aborted, given back by one, its order paid at a later version
    again = shop.hold("p")
    shop.orders.propose(again, "abort")
    shop.payment.settle(again, ABORT)
    assert audit().differences == []
    later = f"p.{int(again.split('.')[1]) + 1}"
    shop.stock.hold(later, ("a", PIECES))
    shop.payment.hold(later, ("u", COST))
    shop.orders.propose(later, "commit")
    assert audit().differences == []


def test_what_earlier_lives_used_is_accounted_for(
    client: redis.Redis,
    stock: Books,
    payment: Books,
    orders: OrderStore,
    audit: Callable[[], Findings],
) -> None:
    # Given orders that were paid; some legs are settled, and some still held
    stock.init(3, 50)
    payment.init(3, 500)
    orders.init(6, 3, 3, 5, None)
    tids = []
    for id in range(6):
        order = orders.read(str(id))
        assert order is not None
        tids.append(order.tid)
        stock.hold(order.tid, *((line.item_id, line.quantity) for line in order.lines))
        payment.hold(order.tid, (order.user_id, order.total_cost))
        orders.propose(order.tid, "commit")
    for tid in tids[:3]:
        stock.settle(tid, COMMIT)
    for tid in tids[:2]:
        payment.settle(tid, COMMIT)
    assert audit().differences == []
    # When orders, stock and credit are written anew, one after the other
    for init in (
        lambda: orders.init(4, 3, 3, 5, None),
        lambda: stock.init(2, 40),
        lambda: payment.init(3, 400),
        lambda: orders.init(6, 3, 3, 5, None),
    ):
        init()
        # Then the books agree at any time
        assert audit().differences == []
    # And when what was held is settled, too
    for tid in tids:
        stock.settle(tid, COMMIT)
        payment.settle(tid, COMMIT)
        findings = audit()
        assert findings.differences == []
    assert findings.checked["legs_held"] == 0


def test_a_parked_leg_waits_and_is_not_wrong(shop: Shop, audit: Callable[[], Findings]) -> None:
    shop.stock.ledger.park(shop.held, "a reason")
    findings = audit()
    assert findings.differences == []
    assert findings.checked["legs_parked"] == 1


def test_a_peers_leg_that_expired_is_not_missing(shop: Shop, audit: Callable[[], Findings]) -> None:
    # Given a paid order of long ago, whose first leg was settled and forgotten at once
    tid = shop.paid("o")
    shop.payment.settle(tid, COMMIT)
    shop.client.delete(shop.payment.key(f"leg:{tid}"))
    shop.client.hincrby(shop.stock.key(f"leg:{tid}"), "held_at_ms", -600_000)
    # When the other is settled at last
    shop.stock.settle(tid, COMMIT)
    # Then it is right that there is one only
    assert audit().differences == []


def test_an_order_that_was_lost_and_refused_is_only_counted(
    shop: Shop, audit: Callable[[], Findings]
) -> None:
    shop.orders.propose("nobody.4", "abort")
    findings = audit()
    assert findings.differences == []
    assert findings.checked["orders_forgotten"] == 1


def test_cancelled_orders_are_not_wrong(shop: Shop, audit: Callable[[], Findings]) -> None:
    # Given an order that was cancelled while both held, and one whose checkout came too late
    shop.orders.cancel("held", "gateway", None)
    tid = shop.order("late")
    shop.orders.cancel("late", "gateway", None)
    assert shop.orders.propose(tid, "commit").verdict == "abort"
    # When the first is given back, then all is well
    assert audit().differences == []
    for books in (shop.stock, shop.payment):
        books.settle(shop.held, ABORT)
    assert audit().differences == []


def test_older_data_without_totals_are_not_wrong(shop: Shop, audit: Callable[[], Findings]) -> None:
    shop.client.delete(shop.stock.key("totals"))
    shop.client.hset(shop.payment.key("totals"), "unknown", 1)
    assert audit().differences == []


# --- each kind of fault ---

Plant = Callable[[Shop], None]
PLANTS: list[tuple[str, Plant]] = []


def plants(kind: kinds.Kind) -> Callable[[Plant], Plant]:
    """Registers what plants a fault of this kind."""

    def register(plant: Plant) -> Plant:
        PLANTS.append((kind.slug, plant))
        return plant

    return register


@plants(kinds.ACCOUNT_UNBALANCED)
def credit_from_nowhere(shop: Shop) -> None:
    shop.client.hincrby(shop.payment.key("account:u"), "available", 1)


@plants(kinds.ACCOUNT_UNBALANCED)
def less_than_nothing(shop: Shop) -> None:
    shop.client.hset(shop.stock.key("account:b"), mapping={"available": -5, "put_in": -5})
    shop.client.hset(
        shop.stock.key("account:b"), mapping={"held": 0, "used": 0, "generation": 1, "price": 1}
    )


@plants(kinds.HELD_DIFFERS)
def a_held_leg_is_lost(shop: Shop) -> None:
    shop.client.delete(shop.stock.key(f"leg:{shop.held}"))
    shop.client.zrem(shop.stock.key("due"), shop.held)


@plants(kinds.USED_UNPAID)
def a_paid_order_is_lost(shop: Shop) -> None:
    shop.client.delete("{orders}:order:settled")
    for books in (shop.stock, shop.payment):
        shop.client.delete(books.key(f"leg:{shop.settled}"))


@plants(kinds.PAID_UNUSED)
def an_order_is_paid_and_nobody_was_asked(shop: Shop) -> None:
    shop.orders.propose(shop.order("o"), "commit")


@plants(kinds.PAID_UNUSED)
def what_an_earlier_life_used_is_lost(shop: Shop) -> None:
    shop.client.hincrby("{orders}:before:users", "u", 5)


@plants(kinds.ACCOUNT_MISSING)
def an_account_is_lost(shop: Shop) -> None:
    tid = shop.order("o")
    shop.stock.open("b", 5)
    shop.stock.hold(tid, ("b", PIECES))
    shop.client.delete(shop.stock.key("account:b"))


@plants(kinds.TOTALS_UNBALANCED)
def a_total_is_written_past_the_scripts(shop: Shop) -> None:
    shop.client.hincrby(shop.stock.key("totals"), "available", 1)


@plants(kinds.TOTALS_DIFFER)
def an_account_is_written_past_the_scripts(shop: Shop) -> None:
    for name in ("available", "put_in"):
        shop.client.hincrby(shop.stock.key("account:a"), name, 1)


@plants(kinds.ORDER_TOTAL_DIFFERS)
def an_order_costs_more_than_its_lines(shop: Shop) -> None:
    shop.client.hincrby("{orders}:order:held", "total", 1)


@plants(kinds.CANCELLED_AND_PAID)
def a_cancelled_order_is_paid(shop: Shop) -> None:
    shop.client.hset("{orders}:order:settled", "cancelled", 1)


@plants(kinds.LEGS_DISAGREE)
def one_leg_is_kept_and_one_returned_of_a_paid_order(shop: Shop) -> None:
    shop.orders.propose(shop.held, "commit")
    shop.stock.settle(shop.held, COMMIT)
    shop.payment.settle(shop.held, ABORT)


@plants(kinds.LEGS_DISAGREE)
def one_leg_is_kept_and_one_returned_of_an_aborted_order(shop: Shop) -> None:
    shop.orders.propose(shop.held, "abort")
    shop.stock.settle(shop.held, COMMIT)
    shop.payment.settle(shop.held, ABORT)


@plants(kinds.LEGS_DISAGREE)
def one_leg_is_kept_and_one_returned_of_no_order(shop: Shop) -> None:
    shop.client.delete("{orders}:order:held")
    shop.stock.settle(shop.held, COMMIT)
    shop.payment.settle(shop.held, ABORT)


@plants(kinds.COMMITTED_WITHOUT_COMMIT)
def a_leg_is_kept_without_a_verdict(shop: Shop) -> None:
    shop.stock.settle(shop.held, COMMIT)


@plants(kinds.COMMITTED_WITHOUT_COMMIT)
def the_order_store_lost_a_payment(shop: Shop) -> None:
    shop.client.hdel("{orders}:order:settled", "paid_at")


@plants(kinds.RETURNED_WITHOUT_ABORT)
def a_leg_of_a_paid_order_is_given_back(shop: Shop) -> None:
    shop.orders.propose(shop.held, "commit")
    shop.payment.settle(shop.held, ABORT)


@plants(kinds.RETURNED_WITHOUT_ABORT)
def a_leg_is_given_back_without_a_verdict(shop: Shop) -> None:
    shop.payment.settle(shop.held, ABORT)


@plants(kinds.LEG_MISSING)
def a_settled_leg_is_lost(shop: Shop) -> None:
    shop.client.delete(shop.payment.key(f"leg:{shop.settled}"))


@plants(kinds.LEG_MISSING)
def a_paid_order_was_never_charged(shop: Shop) -> None:
    tid = shop.order("o")
    shop.stock.hold(tid, ("a", PIECES))
    shop.orders.propose(tid, "commit")


@plants(kinds.AHEAD_OF_ORDER)
def the_order_store_lost_a_version(shop: Shop) -> None:
    shop.stock.hold("held.9", ("a", 1))


@plants(kinds.AHEAD_OF_ORDER)
def the_order_store_lost_an_order(shop: Shop) -> None:
    shop.payment.hold("nobody.1", ("u", 1))


@plants(kinds.NOT_DUE)
def a_held_leg_is_in_no_index(shop: Shop) -> None:
    shop.client.zrem(shop.payment.key("due"), shop.held)


@plants(kinds.DUE_WITHOUT_LEG)
def nobody_is_due(shop: Shop) -> None:
    shop.client.zadd(shop.stock.key("due"), {"nobody.1": 1})


@plants(kinds.DUE_WITHOUT_LEG)
def a_settled_leg_is_due(shop: Shop) -> None:
    shop.client.zadd(shop.stock.key("due"), {shop.settled: 1})


@plants(kinds.DUE_WITHOUT_LEG)
def a_parked_leg_is_lost(shop: Shop) -> None:
    shop.client.zadd(shop.stock.key("parked"), {"nobody.1": 1})
    shop.client.hset(shop.stock.key("reasons"), "nobody.1", "a reason")


@plants(kinds.PARKED_WITHOUT_REASON)
def a_reason_is_lost(shop: Shop) -> None:
    shop.stock.ledger.park(shop.held, "a reason")
    shop.client.hdel(shop.stock.key("reasons"), shop.held)


@plants(kinds.UNREADABLE)
def an_order_of_another_type(shop: Shop) -> None:
    shop.client.set("{orders}:order:bad", "what is this?")


@plants(kinds.UNREADABLE)
def an_order_without_a_total(shop: Shop) -> None:
    shop.client.hdel("{orders}:order:returned", "total")


@plants(kinds.UNREADABLE)
def a_line_that_is_none(shop: Shop) -> None:
    shop.client.hset("{orders}:order:returned", "lines", "a:2")


@plants(kinds.UNREADABLE)
def an_account_of_another_type(shop: Shop) -> None:
    shop.client.set(shop.stock.key("account:bad"), "what is this?")


@plants(kinds.UNREADABLE)
def an_account_with_a_word_for_a_number(shop: Shop) -> None:
    shop.client.hset(shop.stock.key("account:a"), "available", "some")


@plants(kinds.UNREADABLE)
def an_account_that_nobody_has_bought_from(shop: Shop) -> None:
    shop.stock.open("b", 5)
    shop.client.hdel(shop.stock.key("account:b"), "held")


@plants(kinds.UNREADABLE)
def an_account_with_bytes_that_are_no_text(shop: Shop) -> None:
    with redis.Redis.from_url(shop.url) as raw:
        raw.hset(shop.stock.key("account:a"), "price", b"\xff\xfe")


@plants(kinds.UNREADABLE)
def a_leg_of_another_type(shop: Shop) -> None:
    shop.client.set(shop.stock.key("leg:bad.1"), "what is this?")


@plants(kinds.UNREADABLE)
def a_leg_in_a_state_that_nobody_has_written(shop: Shop) -> None:
    shop.client.hset(shop.stock.key(f"leg:{shop.returned}"), "state", "lost")


@plants(kinds.UNREADABLE)
def totals_of_another_type(shop: Shop) -> None:
    shop.client.delete(shop.stock.key("totals"))
    shop.client.set(shop.stock.key("totals"), "what is this?")


@plants(kinds.UNREADABLE)
def earlier_lives_of_another_type(shop: Shop) -> None:
    shop.client.set("{orders}:before:items", "what is this?")


@pytest.mark.parametrize(
    ("slug", "plant"), PLANTS, ids=[f"{slug}: {plant.__name__}" for slug, plant in PLANTS]
)
def test_a_fault_is_reported_with_its_kind_and_nothing_else(
    shop: Shop, audit: Callable[[], Findings], slug: str, plant: Plant
) -> None:
    plant(shop)
    findings = audit()
    assert set(findings.by_kind) == {slug}, findings.differences
    assert findings.brackets == []


def test_each_kind_can_be_found() -> None:
    assert {slug for slug, _ in PLANTS} == set(KINDS)
