"""The order store: carts, and the one place that decides."""

from __future__ import annotations

import time

import pytest
import redis

from gateway.orders.records import Decision, Line, Order, Proposal, Verdict
from gateway.orders.store import INIT_STEP, OrderStore, Proposed
from recoup.bounds import LINES_MAX
from recoup.settings import AMOUNT_MAX, Settings
from tests.integration.books import Photographer, move_clock

ABORTS: list[Proposal] = ["abort", "close"]
PROPOSALS: list[Proposal] = ["commit", *ABORTS]


def cart(orders: OrderStore, *items: tuple[str, int, int], order_id: str = "o") -> Order:
    """An order with these items: id, pieces, and what they cost together."""
    orders.create(order_id, "u", None)
    for item_id, quantity, cost in items:
        assert isinstance(orders.add_item(order_id, item_id, quantity, cost, None), Order)
    return found(orders, order_id)


def found(orders: OrderStore, order_id: str = "o") -> Order:
    order = orders.read(order_id)
    assert order is not None
    return order


def ask(orders: OrderStore, tid: str) -> Verdict:
    return orders.propose(tid, "").verdict


def init(orders: OrderStore, count: int = 1, idempotency: tuple[str, str] | None = None) -> bool:
    return orders.init(count, items=10, users=10, price=3, idempotency=idempotency)


# --- create, read ---


def test_an_order_begins_empty(orders: OrderStore) -> None:
    assert orders.create("o", "u", None) == "o"
    order = found(orders)
    assert (order.order_id, order.user_id, order.lines, order.total_cost) == ("o", "u", (), 0)
    assert (order.version, order.content, order.paid_at, order.tid) == (1, 1, None, "o.1")


def test_an_order_that_is_not_known(orders: OrderStore, photograph: Photographer) -> None:
    assert orders.read("o") is None
    assert photograph() == {}


def test_an_order_is_not_created_twice(orders: OrderStore, photograph: Photographer) -> None:
    cart(orders, ("a", 1, 5))
    before = photograph()
    assert orders.create("o", "other", None) is None
    assert photograph() == before


def test_a_creation_under_a_key_is_remembered(
    orders: OrderStore, photograph: Photographer, settings: Settings
) -> None:
    # Given an order created under a key
    assert orders.create("o", "u", ("k", "f")) == "o"
    before = photograph()
    # When it is repeated with another id, as each request makes one up
    assert orders.create("p", "u", ("k", "f")) == "o"
    # And when another request uses the key
    assert orders.create("q", "u", ("k", "another")) is None
    # Then nothing has changed
    assert photograph() == before


def test_reading_writes_nothing(orders: OrderStore, photograph: Photographer) -> None:
    cart(orders, ("a", 1, 5))
    before = photograph()
    found(orders)
    assert photograph() == before


def test_a_record_that_cannot_be_read_disturbs_no_other(
    orders: OrderStore, client: redis.Redis
) -> None:
    cart(orders, ("a", 1, 5))
    client.set("{orders}:order:bad", "what is this?")
    first, second, third = orders.propose_all(
        [("o.2", "", "", ""), ("bad.1", "abort", "", ""), ("o.1", "", "", "")]
    )
    assert isinstance(first, Decision)
    assert isinstance(second, redis.exceptions.ResponseError)
    assert isinstance(third, Decision)
    assert (first.verdict, third.verdict) == ("", "abort")
    with pytest.raises(redis.exceptions.ResponseError):
        orders.read("bad")
    with pytest.raises(redis.exceptions.ResponseError):
        orders.propose("bad.1", "commit")


# --- add_item ---


def test_adding_raises_version_content_and_total(orders: OrderStore) -> None:
    order = cart(orders, ("a", 2, 10), ("b", 1, 7))
    assert order.lines == (Line("a", 2, 10), Line("b", 1, 7))
    assert (order.total_cost, order.version, order.content) == (17, 3, 3)


def test_adding_answers_with_the_order_as_it_is_then(orders: OrderStore) -> None:
    orders.create("o", "u", None)
    added = orders.add_item("o", "a", 2, 10, None)
    assert isinstance(added, Order)
    order = found(orders)
    assert (added.lines, added.total_cost, added.user_id) == (order.lines, 10, "u")
    assert (added.version, added.content, added.paid_at) == (2, 2, None)


def test_pieces_of_one_item_are_one_line(orders: OrderStore) -> None:
    order = cart(orders, ("a", 2, 10), ("b", 1, 7), ("a", 3, 18))
    assert order.lines == (Line("a", 5, 28), Line("b", 1, 7))
    assert order.total_cost == 35


def test_an_item_whose_name_begins_like_another_is_another(orders: OrderStore) -> None:
    order = cart(orders, ("a", 1, 1), ("aa", 1, 1), ("a-a", 1, 1))
    assert [line.item_id for line in order.lines] == ["a", "aa", "a-a"]


def test_the_largest_amounts_are_exact(orders: OrderStore) -> None:
    order = cart(orders, ("a", AMOUNT_MAX - 1, AMOUNT_MAX - 1), ("a", 1, 1))
    assert order.lines == (Line("a", AMOUNT_MAX, AMOUNT_MAX),)
    assert order.total_cost == AMOUNT_MAX


@pytest.mark.parametrize(
    ("item_id", "quantity", "cost"),
    [("b", 1, 1), ("b", 1, AMOUNT_MAX), ("a", AMOUNT_MAX, 0), ("a", AMOUNT_MAX - 4, 0)],
)
def test_more_than_the_bound_is_too_much(
    orders: OrderStore, photograph: Photographer, item_id: str, quantity: int, cost: int
) -> None:
    cart(orders, ("a", 5, AMOUNT_MAX))
    before = photograph()
    assert orders.add_item("o", item_id, quantity, cost, None) == "too_much"
    assert photograph() == before


def test_a_cart_has_a_longest_length(orders: OrderStore, photograph: Photographer) -> None:
    # Given an order with as many items as there may be
    cart(orders, *[(str(n), 1, 1) for n in range(LINES_MAX)])
    before = photograph()
    # When another item is added, it is too long; more of one that is in it is not
    assert orders.add_item("o", "another", 1, 1, None) == "too_long"
    assert photograph() == before
    assert isinstance(orders.add_item("o", "0", 1, 1, None), Order)


def test_nothing_is_added_to_an_order_that_is_paid_or_not_known(
    orders: OrderStore, photograph: Photographer
) -> None:
    orders.propose(cart(orders, ("a", 1, 5)).tid, "commit")
    before = photograph()
    assert orders.add_item("o", "a", 1, 5, None) == "paid"
    assert orders.add_item("nobody", "a", 1, 5, None) == "not_found"
    assert photograph() == before


def test_adding_aborts_a_checkout_under_way(orders: OrderStore) -> None:
    tid = cart(orders, ("a", 1, 5)).tid
    orders.add_item("o", "a", 1, 5, None)
    assert orders.propose(tid, "commit").verdict == "abort"
    assert found(orders).paid_at is None


def test_adding_twice_under_one_key_adds_once(orders: OrderStore, photograph: Photographer) -> None:
    # Given an item added under a key, and another since
    orders.create("o", "u", None)
    first = orders.add_item("o", "a", 2, 10, ("k", "f"))
    orders.add_item("o", "b", 1, 1, None)
    before = photograph()
    # When the first request is repeated, then it has its first answer
    assert orders.add_item("o", "a", 2, 10, ("k", "f")) == first
    assert orders.add_item("o", "a", 3, 15, ("k", "another")) == "key_reused"
    assert photograph() == before


def test_a_refusal_to_add_is_remembered(orders: OrderStore) -> None:
    assert orders.add_item("o", "a", 1, 5, ("k", "f")) == "not_found"
    orders.create("o", "u", None)
    assert orders.add_item("o", "a", 1, 5, ("k", "f")) == "not_found"
    assert found(orders).lines == ()


# --- decide ---


def test_commit_pays_the_order_at_its_version(orders: OrderStore) -> None:
    order = cart(orders, ("a", 1, 5))
    decision = orders.propose(order.tid, "commit")
    assert (decision.verdict, decision.ahead) == ("commit", False)
    assert (decision.paid_at, decision.version) == (order.version, order.version)
    assert found(orders).paid_at == order.version
    assert found(orders).tid == order.tid


def test_abort_raises_the_version_by_one_and_leaves_the_cart(orders: OrderStore) -> None:
    order = cart(orders, ("a", 1, 5))
    decision = orders.propose(order.tid, "abort")
    assert (decision.verdict, decision.ahead, decision.paid_at) == ("abort", False, None)
    assert (decision.version, decision.content) == (order.version + 1, order.content)
    after = found(orders)
    assert (after.version, after.content, after.lines) == (3, order.content, order.lines)


def test_close_leaves_a_gap_that_no_checkout_goes_on_behind(orders: OrderStore) -> None:
    order = cart(orders, ("a", 1, 5))
    decision = orders.propose(order.tid, "close")
    assert decision.verdict == "abort"
    assert decision.version == order.version + 2
    # Whoever had gone on to the next version is aborted too
    assert orders.propose(f"o.{order.version + 1}", "commit").verdict == "abort"
    # And who begins anew may pay
    assert orders.propose(found(orders).tid, "commit").verdict == "commit"


def test_close_ends_who_went_on_after_an_earlier_abort(orders: OrderStore) -> None:
    # Given a tid that was aborted, and a checkout that goes on under the next
    order = cart(orders, ("a", 1, 5))
    next_tid = f"o.{orders.propose(order.tid, 'abort').version}"
    # When the aborted one is closed
    closed = orders.propose(order.tid, "close")
    # Then the next one is aborted, and there is a gap behind it
    assert closed.verdict == "abort"
    assert ask(orders, next_tid) == "abort"
    assert orders.propose(next_tid, "commit").version == order.version + 3


def test_close_of_a_paid_order_changes_nothing(
    orders: OrderStore, photograph: Photographer
) -> None:
    # Given an order that was paid at its second try
    first = cart(orders, ("a", 1, 5)).tid
    orders.propose(first, "abort")
    second = found(orders)
    orders.propose(second.tid, "commit")
    before = photograph()
    # When the first is closed, then it is told that the order is paid
    decision = orders.propose(first, "close")
    assert (decision.verdict, decision.paid_at) == ("abort", second.version)
    assert photograph() == before


@pytest.mark.parametrize("later", PROPOSALS)
@pytest.mark.parametrize("first", PROPOSALS)
def test_the_first_proposal_wins(orders: OrderStore, first: Proposal, later: Proposal) -> None:
    tid = cart(orders, ("a", 1, 5)).tid
    verdict = orders.propose(tid, first).verdict
    assert verdict == ("commit" if first == "commit" else "abort")
    assert orders.propose(tid, later).verdict == verdict
    assert ask(orders, tid) == verdict


@pytest.mark.parametrize("first", ["commit", "abort"])
@pytest.mark.parametrize("later", ["commit", "abort"])
def test_a_later_proposal_writes_nothing(
    orders: OrderStore, photograph: Photographer, first: Proposal, later: Proposal
) -> None:
    tid = cart(orders, ("a", 1, 5)).tid
    orders.propose(tid, first)
    before = photograph()
    orders.propose(tid, later)
    assert photograph() == before


def test_asking_writes_nothing(orders: OrderStore, photograph: Photographer) -> None:
    order = cart(orders, ("a", 1, 5))
    before = photograph()
    assert ask(orders, "o.1") == "abort"
    assert ask(orders, order.tid) == ""
    assert ask(orders, "o.99") == ""
    assert ask(orders, "nobody.1") == ""
    assert photograph() == before


@pytest.mark.parametrize("proposal", PROPOSALS)
def test_a_tid_ahead_of_its_order_is_aborted_for_good(
    orders: OrderStore, proposal: Proposal
) -> None:
    # Given an order store that has lost writes: a tid is ahead of its order
    cart(orders, ("a", 1, 5))
    assert orders.propose("o.7", "").ahead
    # When anything is proposed
    decision = orders.propose("o.7", proposal)
    # Then it is an abort, that tells, and the order goes on past it
    assert (decision.verdict, decision.ahead, decision.paid_at) == ("abort", True, None)
    assert found(orders).version == decision.version == (9 if proposal == "close" else 8)
    again = orders.propose("o.7", "commit")
    assert (again.verdict, again.ahead) == ("abort", False)


@pytest.mark.parametrize("proposal", PROPOSALS)
def test_a_tid_of_an_order_that_is_not_known_is_aborted_for_good(
    orders: OrderStore, proposal: Proposal
) -> None:
    decision = orders.propose("lost.4", proposal)
    assert (decision.verdict, decision.ahead, decision.content) == ("abort", True, None)
    assert ask(orders, "lost.4") == "abort"
    # And it doesn't look like an order to anyone
    assert orders.read("lost") is None
    assert orders.add_item("lost", "a", 1, 1, None) == "not_found"


@pytest.mark.parametrize("proposal", PROPOSALS)
def test_no_tid_of_an_order_that_is_not_known_is_ever_paid(
    orders: OrderStore, proposal: Proposal
) -> None:
    # Given an order store that has lost an order, and two tids of it, one of which is aborted
    orders.propose("lost.4", "abort")
    # When the next is proposed, or one of a version that no order has
    for tid in ("lost.5", "nobody.0"):
        decision = orders.propose(tid, proposal)
        # Then it is aborted for good too: nobody pays for what isn't there
        assert (decision.verdict, decision.ahead, decision.paid_at) == ("abort", True, None)
        assert ask(orders, tid) == "abort"


@pytest.mark.parametrize("proposal", PROPOSALS)
def test_a_tid_ahead_of_a_paid_order_is_aborted_for_good(
    orders: OrderStore, proposal: Proposal
) -> None:
    # Given a paid order, and a tid ahead of it
    init(orders)
    paid = found(orders, "0")
    orders.propose(paid.tid, "commit")
    assert ask(orders, "0.2") == ""
    # When anything is proposed, then it is an abort, and the order stays paid as it was
    decision = orders.propose("0.2", proposal)
    assert (decision.verdict, decision.ahead, decision.paid_at) == ("abort", True, 1)
    assert found(orders, "0").tid == paid.tid
    assert ask(orders, paid.tid) == "commit"
    # And when the order is written anew, it doesn't come to that version again
    init(orders)
    assert ask(orders, "0.2") == "abort"
    assert orders.propose("0.2", "commit").verdict == "abort"
    assert orders.propose(found(orders, "0").tid, "commit").verdict == "commit"


def test_many_are_decided_in_their_order(orders: OrderStore) -> None:
    for order_id in ("o", "p", "q"):
        cart(orders, ("a", 1, 5), order_id=order_id)
    proposals: list[Proposed] = [
        ("o.2", "commit", "", ""),
        ("p.2", "abort", "", ""),
        ("q.2", "", "", ""),
    ]
    verdicts = [d.verdict for d in orders.propose_all(proposals) if isinstance(d, Decision)]
    assert verdicts == ["commit", "abort", ""]


def test_an_order_id_with_every_allowed_sign(orders: OrderStore) -> None:
    order_id = "A-z_0" + "9" * 59
    tid = cart(orders, ("a", 1, 5), order_id=order_id).tid
    assert orders.propose(tid, "commit").verdict == "commit"
    assert found(orders, order_id).tid == tid


# --- init ---


@pytest.mark.parametrize("count", [1, INIT_STEP, INIT_STEP + 1])
def test_init_writes_so_many_orders(orders: OrderStore, client: redis.Redis, count: int) -> None:
    assert init(orders, count)
    assert len(list(client.scan_iter("{orders}:order:*", count=1000))) == count
    for order_id in {"0", str(count - 1)}:
        order = found(orders, order_id)
        assert sum(line.quantity for line in order.lines) == 2
        assert sum(line.cost for line in order.lines) == order.total_cost == 6
        assert order.paid_at is None
        assert 0 <= int(order.user_id) < 10
        assert all(0 <= int(line.item_id) < 10 for line in order.lines)


def test_two_of_the_same_item_are_one_line(orders: OrderStore) -> None:
    orders.init(20, items=1, users=1, price=3, idempotency=None)
    assert {found(orders, str(n)).lines for n in range(20)} == {(Line("0", 2, 6),)}


def test_init_at_the_bound_is_exact(orders: OrderStore) -> None:
    price = AMOUNT_MAX // 2
    orders.init(1, items=1, users=1, price=price, idempotency=None)
    assert found(orders, "0").total_cost == 2 * price


def test_init_keeps_the_versions_an_order_was_paid_at(orders: OrderStore) -> None:
    # Given an order that is paid in each of three lives
    tids = []
    for _ in range(3):
        init(orders)
        orders.propose(found(orders, "0").tid, "abort")
        tids.append(found(orders, "0").tid)
        orders.propose(tids[-1], "commit")
    # When it is written anew
    init(orders)
    # Then it is open, and what paid it before is still committed, and nothing else
    assert found(orders, "0").paid_at is None
    version = found(orders, "0").version
    committed = [f"0.{v}" for v in range(1, version) if ask(orders, f"0.{v}") == "commit"]
    assert committed == tids
    for tid in tids:
        assert orders.propose(tid, "abort").verdict == "commit"


def test_a_version_never_comes_back(orders: OrderStore) -> None:
    # Given an order whose checkout is under way when it is written anew
    versions = []
    proposals: list[Proposal] = ["", *PROPOSALS, ""]
    for proposal in proposals:
        init(orders)
        order = found(orders, "0")
        versions.append(order.version)
        orders.propose(order.tid, proposal)
    # Then each life has versions of its own, and the old checkouts are aborted
    assert versions == sorted(set(versions))
    assert orders.propose(f"0.{versions[0]}", "commit").verdict == "abort"


def test_a_cart_that_is_written_anew_has_another_content(orders: OrderStore) -> None:
    init(orders)
    before = found(orders, "0").content
    init(orders)
    assert found(orders, "0").content > before


def test_init_leaves_other_orders_alone(orders: OrderStore) -> None:
    order = cart(orders, ("a", 1, 5))
    init(orders, 3)
    init(orders, 2)
    assert found(orders).lines == order.lines
    assert found(orders, "2").version == 1


def test_a_repeated_init_does_nothing(orders: OrderStore, photograph: Photographer) -> None:
    assert init(orders, INIT_STEP + 1, ("k", "f"))
    before = photograph()
    assert init(orders, INIT_STEP + 1, ("k", "f"))
    assert not init(orders, 2, ("k", "another"))
    assert photograph() == before


# --- the clock ---


def test_the_clock_never_goes_back(orders: OrderStore, client: redis.Redis) -> None:
    # Given an order store whose clock is ahead of its machine's
    order = cart(orders, ("a", 1, 5))
    move_clock(client, "orders", 3_600_000)
    ahead_ms = found(orders).clock_ms
    assert ahead_ms > order.clock_ms
    # When it decides, then its clock is where it was
    assert orders.propose(order.tid, "abort").clock_ms == ahead_ms
    assert orders.propose(found(orders).tid, "commit").clock_ms == ahead_ms
    assert found(orders).clock_ms == ahead_ms


def test_the_clock_goes_on(orders: OrderStore) -> None:
    before = cart(orders, ("a", 1, 5)).clock_ms
    end_s = time.monotonic() + 30
    while found(orders).clock_ms <= before:
        assert time.monotonic() < end_s
