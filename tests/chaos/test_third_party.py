"""A third party takes part: nothing but a name in the settings, and an account of that name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proto import ledger_pb2 as pb
from proto.ledger_pb2_grpc import LedgerStub
from recoup.rpc import ask, open_channel
from recoup.settings import PARTIES
from tests.chaos.traffic import Traffic
from tests.e2e.client import Shop, eventually
from tests.e2e.stack import Stack

pytestmark = pytest.mark.slow
"""Has a target of its own, with the rest of chaos: `make test-chaos`."""

LIMIT_S = 10.0


class Shipping:
    """How many parcels can be sent, are held, and were sent: the third party's one account."""

    def __init__(self, address: str) -> None:
        self._ledger = LedgerStub(open_channel(address))
        new = pb.CreateAccountsRequest(accounts=[pb.NewAccount(account_id="shipping")])
        ask(self._ledger.CreateAccounts, new, LIMIT_S)

    def add(self, parcels: int) -> None:
        change = pb.Adjustment(account_id="shipping", amount=parcels)
        request = pb.AdjustAccountsRequest(adjustments=[change])
        (result,) = ask(self._ledger.AdjustAccounts, request, LIMIT_S).results
        assert result.outcome == pb.AccountResult.OK

    def account(self) -> pb.Account:
        request = pb.FindAccountsRequest(account_ids=["shipping"])
        (result,) = ask(self._ledger.FindAccounts, request, LIMIT_S).results
        account: pb.Account = result.account
        assert account.put_in == account.available + account.held + account.used
        return account


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running instance in which shipping takes part."""
    soon = {"RECOUP_DEADLINE_MS": "3000", "RECOUP_LEASE_MS": "1000"}
    stack = Stack(tmp_path_factory.mktemp("three"), parties=(*PARTIES, "shipping"), **soon)
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture(scope="module")
def shipping(three: Stack) -> Shipping:
    return Shipping(three.settings.address("shipping"))


def check_books(traffic: Traffic, shipping: Shipping, sent_before: int) -> None:
    """Asserts that all three agree: a parcel for each paid order, and nothing is held."""
    eventually(lambda: shipping.account().held == 0)
    traffic.settles()
    traffic.check_books()
    paid = sum(traffic.shop.order(order_id)["paid"] for order_id in traffic.orders)
    assert shipping.account().used - sent_before == paid


def test_a_checkout_that_shipping_refuses_gives_back_the_rest(
    three: Stack, shipping: Shipping
) -> None:
    with Shop(three.url) as shop:
        # given enough stock and credit for two, and one parcel
        sent = shipping.account().used
        shipping.add(1)
        traffic = Traffic.prepare(shop, orders=2)
        first, second = traffic.orders
        # when both are checked out
        assert shop.check_out(first).ok
        refused = shop.check_out(second)
        # then the second is told by whom it is refused
        assert refused.status == 400
        assert refused.json["type"] == "/api/v1/problems/party-refused"
        assert refused.json["party"] == "shipping"
        assert refused.json["account_id"] == "shipping"
        # and what the others held is back
        traffic.answers = {first: 200, second: 400}
        check_books(traffic, shipping, sent)


def test_the_books_agree_after_shipping_is_killed(three: Stack, shipping: Shipping) -> None:
    with Shop(three.url) as shop:
        # given 200 checkouts under way, and parcels for most of them
        sent = shipping.account().used
        shipping.add(150)
        traffic = Traffic.prepare(shop)
        checkouts = traffic.start()
        assert traffic.begun.wait(60)
        # when shipping dies
        three.kill("shipping")
        checkouts.result(120)
        # then it comes back, and money, stock, parcels, orders and answers agree
        check_books(traffic, shipping, sent)
        # and who was turned away meanwhile is served
        three.heals()
        traffic.check_out_all()
        assert traffic.count(200) == 150
        assert traffic.count(400) == 50
        check_books(traffic, shipping, sent)


def test_what_shipping_holds_is_settled_by_its_worker_or_without_it(
    three: Stack, shipping: Shipping
) -> None:
    with Shop(three.url) as shop:
        # given no worker of its own
        sent = shipping.account().used
        shipping.add(10)
        traffic = Traffic.prepare(shop, orders=10)
        with three.without("shipping-worker"):
            # when orders are paid
            traffic.check_out_all()
            assert traffic.count(200) == 10
            # then its sweep settles
            check_books(traffic, shipping, sent)
        # and a compensation of its own is known to its worker
        again = Traffic.prepare(shop, orders=5)
        shipping.add(5)
        three.supervisor.stop("orders")
        try:
            again.check_out_all()
            tids = {shop.order(order_id)["tid"] for order_id in again.orders}
            eventually(lambda: three.pending_in_flower() >= {f"{tid}:shipping" for tid in tids})
        finally:
            three.supervisor.start("orders")
        check_books(again, shipping, sent + 10)
