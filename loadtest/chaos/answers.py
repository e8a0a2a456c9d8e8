"""What clients have asked and been answered, and the judge who holds the books against it.

Pure, but for a lock: a client's word and the books go in, what contradicts comes out.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from loadtest.books import Books, Discrepancy, Kind, Outcome, judge, outcome

FOREVER = float("inf")


@dataclass(slots=True)
class Try:
    """One checkout of an order. Without an answer it may still act, at any later time."""

    began_s: float
    ended_s: float = FOREVER
    status: int | None = None

    @property
    def refused(self) -> bool:
        """It was answered that the order isn't paid."""
        return outcome(self.status) is Outcome.REFUSED


@dataclass(slots=True)
class Addition:
    """Pieces of an item that were put into an order; `status` as it was answered in the end."""

    item_id: str
    quantity: int
    status: int | None = None


@dataclass(slots=True)
class Story:
    """All that clients know of one order."""

    user_id: str
    tries: list[Try] = field(default_factory=list)
    additions: list[Addition] = field(default_factory=list)
    assured: bool = True
    """Its user has credit for anything, and of all its items there are plenty."""

    def pieces(self, *statuses: int | None) -> Counter[str]:
        """How many of each item were put in with such an answer."""
        pieces: Counter[str] = Counter()
        for each in self.additions:
            if each.status in statuses:
                pieces[each.item_id] += each.quantity
        return pieces


class Stories:
    """The stories of all orders, and answers that nobody should get."""

    def __init__(self) -> None:
        self.orders: dict[str, Story] = {}
        self.strange: list[str] = []
        self._lock = threading.Lock()

    def begin(self, order_id: str, user_id: str, assured: bool) -> Story:
        """An order was made."""
        with self._lock:
            story = self.orders[order_id] = Story(user_id, assured=assured)
            return story

    def answer(self, call: str, status: int | None, *expected: int) -> None:
        """Notes an answer that is neither expected nor a 503, which anyone may get."""
        if status not in (None, 503, *expected):
            with self._lock:
                self.strange.append(f"{call}: {status}")


def told(tries: Sequence[Try]) -> int | None:
    """What all answers to the checkouts of one order promise together, as one status.

    200 if any was. A 4xx only if it binds: each other checkout of the order was over before that
    one began. (One that overlaps it, comes later, or has no answer may pay the order after it.)
    """
    for each in tries:
        if each.status == 200:
            return 200
    for each in tries:
        others = [other for other in tries if other is not each]
        if each.refused and all(other.ended_s < each.began_s for other in others):
            return each.status
    odd = [each.status for each in tries if outcome(each.status) is Outcome.ERROR]
    return odd[0] if odd else None


def verdict_on(stories: Stories, books: Books) -> list[Discrepancy]:
    """Everything in which the clients' stories and the books, or the books alone, disagree."""
    answers = {order_id: told(story.tries) for order_id, story in stories.orders.items()}
    return [
        *judge(answers, books, could_sell=None),
        *(found for each in stories.orders.items() for found in _judge_tries(*each)),
        *_judge_carts(stories.orders, books),
        *(Discrepancy(Kind.ANSWER, "a call", said) for said in stories.strange),
    ]


def _judge_tries(order_id: str, story: Story) -> Iterator[Discrepancy]:
    """What answers alone give away."""
    subject = f"order {order_id}"
    paid_s = min((each.ended_s for each in story.tries if each.status == 200), default=FOREVER)
    for each in story.tries:
        if each.refused and each.began_s > paid_s:
            yield Discrepancy(Kind.REFUSED_PAID, subject, f"answer {each.status}")
        if each.status == 400 and story.assured:
            yield Discrepancy(Kind.NO_REASON, subject, "answer 400")
        if each.status == 404:
            yield Discrepancy(Kind.MISSING, subject, "answer 404")


def _judge_carts(orders: Mapping[str, Story], books: Books) -> Iterator[Discrepancy]:
    """Each order has what was surely put in, and no more than perhaps was."""
    for order_id, story in orders.items():
        order = books.orders.get(order_id)
        if order is None:
            continue
        has: Counter[str] = Counter()
        for item_id, quantity in order.items:
            has[item_id] += quantity
        surely, perhaps = story.pieces(200), story.pieces(None, 503)
        if not surely <= has <= surely + perhaps:
            detail = f"{dict(has)}, put in {dict(surely)}, perhaps {dict(perhaps)}"
            yield Discrepancy(Kind.CART, f"order {order_id}", detail)


@dataclass(frozen=True, slots=True)
class Unaccounted:
    """Units that the books can't explain, and orders that contradict an answer or the books."""

    credits: int = 0
    items: int = 0
    """And what further parties have."""
    orders: int = 0

    def __bool__(self) -> bool:
        return bool(self.credits or self.items or self.orders)

    def most(self, other: Unaccounted) -> Unaccounted:
        """The worse of two counts, each by its own."""
        return Unaccounted(
            max(self.credits, other.credits),
            max(self.items, other.items),
            max(self.orders, other.orders),
        )


def unaccounted(books: Books, discrepancies: Iterable[Discrepancy]) -> Unaccounted:
    """Counts it."""
    orders = {found.subject for found in discrepancies if found.subject.startswith("order ")}
    return Unaccounted(books.unexplained_credits(), books.unexplained_items(), len(orders))
