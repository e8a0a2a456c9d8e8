"""Lists of orders: of one user, of everyone, and of a database that had no lists yet."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import redis

from gateway.orders import listing
from gateway.orders.listing import LISTED, Listing, complete_lists
from gateway.orders.records import NUMBERS, PREFIX, order_key, user_key
from gateway.orders.store import LUA, OrderStore
from recoup.errors import Unanswered
from recoup.scripts import Call, Scripts
from tests.integration.books import Photographer


@pytest.fixture
def scripts(client: redis.Redis) -> Scripts:
    return Scripts(client, LUA)


@pytest.fixture
def lists(scripts: Scripts) -> Listing:
    """Of a database whose lists are complete."""
    assert complete_lists(scripts.run, go_on) == 0
    return Listing(scripts.run)


def go_on(pause_s: float) -> bool:
    return False


def ids(
    lists: Listing, user_id: str = "", state: str = "", limit: int = 2, pages_most: int = 100
) -> list[list[str]]:
    """Page after page, the ids."""
    pages, cursor = [], ""
    for _ in range(pages_most):
        page = lists.page(user_id, state, cursor, limit)
        pages.append([order.order_id for order in page.orders])
        cursor = page.cursor
        if not cursor:
            return pages
    raise AssertionError("it doesn't end")


def flat(pages: list[list[str]]) -> Iterator[str]:
    return (id for page in pages for id in page)


def test_a_users_orders_come_latest_first(orders: OrderStore, lists: Listing) -> None:
    for id in "abcde":
        orders.create(id, "u", None)
    orders.create("x", "another", None)
    assert ids(lists, "u") == [["e", "d"], ["c", "b"], ["a"]]
    assert ids(lists, "another") == [["x"]]
    assert ids(lists, "nobody") == [[]]


def test_what_is_written_between_two_pages_disturbs_neither(
    orders: OrderStore, lists: Listing
) -> None:
    for id in "abcd":
        orders.create(id, "u", None)
    first = lists.page("u", "", "", 2)
    orders.create("e", "u", None)
    second = lists.page("u", "", first.cursor, 2)
    assert [order.order_id for order in (*first.orders, *second.orders)] == ["d", "c", "b", "a"]


def test_an_order_is_shown_as_it_is(orders: OrderStore, lists: Listing) -> None:
    for id in ("open", "paid", "cancelled"):
        orders.create(id, "u", None)
        orders.add_item(id, "i", 2, 6, None)
    orders.propose("paid.2", "commit")
    orders.cancel("cancelled", "gateway", None)
    for state in ("open", "paid", "cancelled"):
        for user_id in ("u", ""):
            (order,) = (o for o in lists.page(user_id, state, "", 100).orders)
            assert (order.order_id, order.state) == (state, state)
            read = orders.read(state)
            assert read is not None
            assert (order.lines, order.total_cost, order.tid) == (read.lines, 6, read.tid)


def test_a_page_looks_at_no_more_than_it_may(
    orders: OrderStore, lists: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a user with one cancelled order, the oldest of several
    monkeypatch.setattr(listing, "LOOKED_AT_MOST", 2)
    for id in "abcde":
        orders.create(id, "u", None)
    orders.cancel("a", "gateway", None)
    # when these are listed, then some pages are empty, and the last has it
    assert ids(lists, "u", "cancelled") == [[], [], ["a"]]


def test_everyones_orders_are_each_in_some_page(
    orders: OrderStore, lists: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "STEPS_MOST", 3)
    orders.init(200, 5, 5, 1, None)
    orders.cancel("7", "gateway", ("k", "f"))
    assert set(flat(ids(lists, limit=10))) == {str(n) for n in range(200)}
    assert set(flat(ids(lists, state="cancelled", limit=10))) == {"7"}


def test_an_order_that_is_written_anew_changes_lists(orders: OrderStore, lists: Listing) -> None:
    # given an order of somebody, and a newer one of another
    orders.create("0", "u", None)
    orders.create("x", "0", None)
    # when it is written anew, then it is the other's latest
    orders.init(1, 1, 1, 1, None)
    assert ids(lists, "u") == [[]]
    assert ids(lists, "0") == [["0", "x"]]


def test_what_cannot_be_read_is_left_out(
    orders: OrderStore, lists: Listing, client: redis.Redis
) -> None:
    for id in "abc":
        orders.create(id, "u", None)
    client.set(PREFIX + "order:b", "what is this?")
    client.hset(PREFIX + "order:a", "total", "x")
    assert ids(lists, "u") == [["c"]]
    assert list(flat(ids(lists, limit=100))) == ["c"]


# --- an earlier database ---


@pytest.fixture
def earlier(orders: OrderStore, client: redis.Redis) -> None:
    """Some orders of two users, which nobody has listed; and one that was only aborted."""
    orders.init(50, 5, 2, 1, None)
    orders.propose("lost.3", "abort")
    for key in (PREFIX + "user:0", PREFIX + "user:1", PREFIX + "numbers"):
        assert client.delete(key)


@pytest.mark.usefixtures("earlier")
def test_until_the_lists_are_complete_the_keys_are_walked(
    orders: OrderStore, scripts: Scripts, client: redis.Redis
) -> None:
    # given an earlier database, and a later order in the lists
    orders.create("later", "0", None)
    lists = Listing(scripts.run)
    walked = set(flat(ids(lists, "0")))
    assert "later" in walked
    # when the lists are completed, then they say the same
    assert complete_lists(scripts.run, go_on) == 50
    assert client.exists(LISTED)
    assert set(flat(ids(lists, "0"))) == walked
    assert len(walked | set(flat(ids(lists, "1")))) == 51


@pytest.mark.usefixtures("earlier")
def test_completing_can_be_stopped_and_is_begun_anew(
    scripts: Scripts, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "STEP_KEYS", 5)
    # given somebody who stops after a step
    some = complete_lists(scripts.run, lambda pause_s: True)
    assert some < 50
    assert not client.exists(LISTED)
    # when it is begun again, then what is missing is put in, and once
    assert some + complete_lists(scripts.run, go_on) == 50
    assert complete_lists(scripts.run, go_on) == 0


@pytest.mark.usefixtures("earlier")
def test_it_is_done_in_the_background_also_if_the_database_is_away_at_first(
    scripts: Scripts, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "RETRY_S", 0.01)
    failures = [Unanswered("away"), Unanswered("away again")]

    def run(calls: Sequence[Call]) -> list[Any]:
        if failures:
            raise failures.pop()
        return scripts.run(calls)

    # when it is started, then the lists are complete in the end, and it can be stopped
    stop = listing.start_completing(run)
    end_s = time.monotonic() + 30
    while not client.exists(LISTED):
        assert time.monotonic() < end_s
    stop()
    assert not failures


@pytest.mark.usefixtures("earlier")
def test_a_cursor_of_another_run_of_the_server_is_not_used(
    scripts: Scripts,
) -> None:
    # given somebody who has come to the end with a cursor that says nothing after a restart
    arguments = (order_key(""), user_key(""), "1", 1_000, "another run")
    # when it goes on, then it has begun anew
    cursor, _, put_in = scripts.run_one(Call("list_earlier", (NUMBERS, LISTED), arguments))
    assert (cursor, put_in) == ("0", "50")


def test_looking_writes_nothing(
    orders: OrderStore, lists: Listing, photograph: Photographer
) -> None:
    orders.create("o", "u", None)
    before = photograph()
    ids(lists)
    ids(lists, "u")
    assert photograph() == before
