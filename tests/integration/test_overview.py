"""How a party stands, told at once."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import Mock

import pytest
import redis

from proto import ledger_pb2 as pb
from tests.integration.books import COMMIT, Books, Photographer
from workers.ledger.service import LedgerService, never

Overview = Callable[[], pb.OverviewReply]


def overview(books: Books, swept_ago_ms: Callable[[], int | None] = never) -> pb.OverviewReply:
    service = LedgerService(books.ledger, books.accounts, swept_ago_ms)
    return service.Overview(pb.OverviewRequest(), Mock(spec=["abort"]))


def test_legs_and_books_and_the_sweep(stock: Books, photograph: Photographer) -> None:
    # Given a leg that is sold, one that is parked, one that is late, and one in time
    stock.open("a", 100)
    for n, tid in enumerate(("sold.1", "parked.1", "late.1")):
        stock.hold(tid, ("a", 2**n))
    stock.settle("sold.1", COMMIT)
    stock.ledger.park("parked.1", "a reason")
    deadline_ms = stock.leg("late.1").deadline_ms
    stock.pass_ms(60_000)
    stock.hold("o.1", ("a", 8))
    before = photograph()
    # When someone asks how it stands, two seconds after the sweep has ended
    reply = overview(stock, swept_ago_ms=lambda: 2_000)
    # Then all of it is told, and nothing written
    now_ms = stock.now_ms()
    assert reply == pb.OverviewReply(
        legs_due=2,
        legs_parked=1,
        legs_overdue=1,
        oldest_overdue_ms=now_ms - deadline_ms,
        totals_known=True,
        put_in=100,
        available=85,
        held=14,
        used=1,
        swept_at_ms=now_ms - 2_000,
        durable=True,
        clock_ms=now_ms,
    )
    assert photograph() == before


def test_what_is_not_known_is_not_made_up(stock: Books) -> None:
    reply = overview(stock)
    assert not reply.totals_known
    assert reply.swept_at_ms == 0


@pytest.mark.parametrize(("setting", "value"), [("appendfsync", "everysec"), ("appendonly", "no")])
def test_a_database_that_may_forget_is_not_durable(
    stock: Books, client: redis.Redis, setting: str, value: str
) -> None:
    # Given a database whose settings somebody changes
    safe = client.config_get(setting)[setting]
    client.config_set(setting, value)
    try:
        assert not overview(stock).durable
    finally:
        client.config_set(setting, safe)
    assert overview(stock).durable
