"""The judge under faults: what answers promise together, and that no slip in the books escapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from loadtest.books import Account, Books, Kind, Order
from loadtest.chaos.answers import (
    Addition,
    Stories,
    Story,
    Try,
    Unaccounted,
    told,
    unaccounted,
    verdict_on,
)

# --- what answers promise ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tries", "promise"),
    [
        ([], None),
        ([Try(0)], None),
        ([Try(0, 1, 503)], None),
        ([Try(0, 1, 200)], 200),
        ([Try(0, 1, 400)], 400),
        ([Try(0, 1, 500)], 500),
        # asked again until it was known
        ([Try(0), Try(2, 3, 503), Try(4, 5, 200)], 200),
        # over before the refusal began: nothing of it may pay the order any more
        ([Try(0, 1, 503), Try(2, 3, 400)], 400),
        # hung up on: it may begin at any time
        ([Try(0), Try(2, 3, 400)], None),
        # at the same time, or later: it may have begun after the refusal was given
        ([Try(0, 5, 503), Try(1, 3, 400)], None),
        ([Try(0, 1, 400), Try(2, 3, 503)], None),
    ],
)
def test_what_the_answers_for_one_order_promise_together(
    tries: list[Try], promise: int | None
) -> None:
    assert told(tries) == promise


# --- a good world, and one slip in it ------------------------------------------------------------


@dataclass
class World:
    """Ada has 10 credits and bought two lamps at 3; Ben has 5 and was refused."""

    stories: Stories = field(default_factory=Stories)
    users: dict[str, Account | None] = field(
        default_factory=lambda: {
            "ada": Account(put_in=10, available=4, held=0, used=6),
            "ben": Account(put_in=5, available=5, held=0, used=0),
        }
    )
    items: dict[str, Account | None] = field(
        default_factory=lambda: {"lamp": Account(9, available=7, held=0, used=2, price=3)}
    )
    orders: dict[str, Order | None] = field(
        default_factory=lambda: {
            "a": Order("ada", (("lamp", 2),), 6, paid=True),
            "b": Order("ben", (("lamp", 2),), 6, paid=False),
        }
    )

    def __post_init__(self) -> None:
        for order_id, user_id, status in (("a", "ada", 200), ("b", "ben", 400)):
            story = self.stories.begin(order_id, user_id, assured=order_id == "a")
            story.additions.append(Addition("lamp", 2, 200))
            story.tries.append(Try(0, 1, status))

    def story(self, order_id: str) -> Story:
        return self.stories.orders[order_id]

    def books(self) -> Books:
        return Books(self.items, self.users, self.orders)

    def kinds(self) -> set[Kind]:
        return {found.kind for found in verdict_on(self.stories, self.books())}

    def counted(self) -> Unaccounted:
        return unaccounted(self.books(), verdict_on(self.stories, self.books()))


def changed(account: Account | None, **by: int) -> Account:
    assert account is not None
    return replace(account, **{name: getattr(account, name) + n for name, n in by.items()})


def test_good_books_and_good_answers_are_not_faulted() -> None:
    assert World().kinds() == set()
    assert not World().counted()


def charged_never_paid(world: World) -> None:
    world.users["ben"] = changed(world.users["ben"], available=-3, used=+3)
    world.items["lamp"] = changed(world.items["lamp"], available=-1, used=+1)


def charged_twice(world: World) -> None:
    world.users["ada"] = changed(world.users["ada"], available=-3, used=+3)


def paid_never_charged(world: World) -> None:
    world.users["ada"] = changed(world.users["ada"], available=+6, used=-6)


def piece_lost(world: World) -> None:
    world.items["lamp"] = changed(world.items["lamp"], available=-1)


def answered_and_not_paid(world: World) -> None:
    world.orders["a"] = Order("ada", (("lamp", 2),), 6, paid=False)
    world.users["ada"] = Account(put_in=10, available=10, held=0, used=0)
    world.items["lamp"] = Account(9, available=9, held=0, used=0, price=3)


def refused_and_paid(world: World) -> None:
    world.story("a").tries[:] = [Try(0, 1, 503), Try(2, 3, 400)]
    world.story("a").assured = False


def refused_after_it_was_paid(world: World) -> None:
    world.story("a").tries.append(Try(2, 3, 409))


def refused_without_a_reason(world: World) -> None:
    world.story("b").assured = True


def order_not_found(world: World) -> None:
    world.story("b").tries.append(Try(2, 3, 404))


def piece_dropped_from_a_cart(world: World) -> None:
    world.story("b").additions.append(Addition("lamp", 1, 200))


def piece_put_in_twice(world: World) -> None:
    world.story("b").additions.append(Addition("lamp", -1, 200))


def internal_error(world: World) -> None:
    world.stories.answer("create an order", 500, 200)


@pytest.mark.parametrize(
    ("slip", "kinds", "counted"),
    [
        (charged_never_paid, {Kind.SPENT, Kind.SOLD}, Unaccounted(3, 1, 0)),
        (charged_twice, {Kind.SPENT}, Unaccounted(3, 0, 0)),
        (paid_never_charged, {Kind.SPENT}, Unaccounted(6, 0, 0)),
        (piece_lost, {Kind.BALANCE}, Unaccounted(0, 1, 0)),
        (answered_and_not_paid, {Kind.NOT_PAID}, Unaccounted(0, 0, 1)),
        (refused_and_paid, {Kind.PAID}, Unaccounted(0, 0, 1)),
        (refused_after_it_was_paid, {Kind.REFUSED_PAID}, Unaccounted(0, 0, 1)),
        (refused_without_a_reason, {Kind.NO_REASON}, Unaccounted(0, 0, 1)),
        (order_not_found, {Kind.MISSING}, Unaccounted(0, 0, 1)),
        (piece_dropped_from_a_cart, {Kind.CART}, Unaccounted(0, 0, 1)),
        (piece_put_in_twice, {Kind.CART}, Unaccounted(0, 0, 1)),
        (internal_error, {Kind.ANSWER}, Unaccounted(0, 0, 0)),
    ],
)
def test_each_slip_is_caught_and_counted(
    slip: Callable[[World], None], kinds: set[Kind], counted: Unaccounted
) -> None:
    # given a world in which one thing is wrong
    world = World()
    slip(world)
    # then that is found, and nothing else
    assert world.kinds() == kinds
    assert world.counted() == counted


@pytest.mark.parametrize("status", [None, 503])
def test_an_addition_without_an_answer_may_be_in_or_not(status: int | None) -> None:
    world = World()
    world.story("b").additions[:] = [Addition("lamp", 1, 200), Addition("lamp", 1, status)]
    assert world.kinds() == set()
    world.story("b").additions[:] = [Addition("lamp", 2, 200), Addition("lamp", 1, status)]
    assert world.kinds() == set()


def test_an_answer_that_anyone_may_get_is_not_strange() -> None:
    stories = Stories()
    for status in (200, 503, None):
        stories.answer("create an order", status, 200)
    assert stories.strange == []


def test_the_worse_of_two_counts() -> None:
    assert Unaccounted(1, 0, 3).most(Unaccounted(0, 2, 1)) == Unaccounted(1, 2, 3)
