"""The audit of a system in which a further party takes part: one parcel for each order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from gateway.orders.store import OrderStore
from recoup.audit import run
from recoup.audit.findings import Findings
from recoup.audit.progress import Steps
from recoup.audit.report import unaccounted
from recoup.settings import PARTIES, Settings
from tests.integration.books import COMMIT, Books
from tests.integration.conftest import Server, still

ALL = (*PARTIES, "shipping")


@pytest.fixture
def shipping(client: redis.Redis, settings: Settings) -> Books:
    books = still(Books(client, "shipping", settings))
    books.open("shipping", 50)
    return books


@pytest.fixture
def parties(stock: Books, payment: Books, shipping: Books) -> tuple[Books, ...]:
    return stock, payment, shipping


@pytest.fixture
def audit(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Findings]:
    monkeypatch.setattr(run, "LOOK_PAUSE_S", 0)
    monkeypatch.setenv("RECOUP_SHIPPING_DB_URL", server.url)
    url = server.url
    found = Settings(orders_db_url=url, stock_db_url=url, payment_db_url=url, parties=ALL)
    return lambda: run.run(found, Steps())


def pay(orders: OrderStore, parties: tuple[Books, ...], count: int) -> list[str]:
    """Has the first orders paid; all parties still hold."""
    stock, payment, shipping = parties
    tids = []
    for id in range(count):
        order = orders.read(str(id))
        assert order is not None
        lines = [(line.item_id, line.quantity) for line in order.lines]
        asked = (lines, [(order.user_id, order.total_cost)], [("shipping", 1)])
        for books, each in zip((stock, payment, shipping), asked, strict=True):
            assert books.deduct(order.tid, *each, parties=ALL)[1] == ""
        assert orders.propose(order.tid, "commit").verdict == "commit"
        tids.append(order.tid)
    return tids


@pytest.fixture
def tids(orders: OrderStore, parties: tuple[Books, ...]) -> list[str]:
    """Paid orders, which all parties still hold."""
    stock, payment, _ = parties
    stock.init(3, 50)
    payment.init(3, 500)
    orders.init(6, 3, 3, 5, None)
    return pay(orders, parties, 4)


def kinds(findings: Findings) -> set[str]:
    return set(findings.by_kind)


def test_its_books_are_read_and_agree_in_every_state(
    tids: list[str], parties: tuple[Books, ...], orders: OrderStore, audit: Callable[[], Findings]
) -> None:
    # given paid orders, when one party after the other settles, then the books agree at any time
    assert audit().differences == []
    for books in parties:
        for tid in tids[:3]:
            books.settle(tid, COMMIT)
        assert audit().differences == []
    # and when the orders are written anew, and are paid again
    orders.init(6, 3, 3, 5, None)
    assert audit().differences == []
    for tid in pay(orders, parties, 2):
        for books in parties:
            books.settle(tid, COMMIT)
    findings = audit()
    assert findings.differences == []
    # then its book is there, with a parcel for each payment, the one that it holds among them
    book = findings.books["shipping"]
    assert (book.put_in, book.available, book.held, book.used) == (50, 44, 1, 5)
    assert unaccounted(findings) == {"items": 0, "credits": 0, "shipping": 0, "orders": 0}


def test_a_parcel_that_was_sent_for_no_order_is_found(
    tids: list[str], parties: tuple[Books, ...], audit: Callable[[], Findings]
) -> None:
    # given a charge of its own that nobody has ordered
    *_, shipping = parties
    for name, amount in (("available", -2), ("used", 2)):
        shipping.client.hincrby(shipping.key("account:shipping"), name, amount)
        shipping.client.hincrby(shipping.key("totals"), name, amount)
    # then it is missed, by its name
    findings = audit()
    assert kinds(findings) == {"used-unpaid"}
    assert [each.subject for each in findings.differences] == ["shipping account shipping"]
    assert unaccounted(findings) == {"items": 0, "credits": 0, "shipping": 2, "orders": 0}


def test_a_leg_that_it_has_lost_is_found(
    tids: list[str], parties: tuple[Books, ...], audit: Callable[[], Findings]
) -> None:
    # given a paid order whose leg at shipping is gone, with what it held
    *_, shipping = parties
    shipping.client.delete(shipping.key(f"leg:{tids[0]}"))
    shipping.client.zrem(shipping.key("due"), tids[0])
    for name, amount in (("available", 1), ("held", -1)):
        shipping.client.hincrby(shipping.key("account:shipping"), name, amount)
        shipping.client.hincrby(shipping.key("totals"), name, amount)
    # then the others' legs miss it
    findings = audit()
    assert kinds(findings) == {"leg-missing"}
    assert {(each.tid, each.subject) for each in findings.differences} == {
        (tids[0], "shipping's leg")
    }
    assert unaccounted(findings)["shipping"] == 1
