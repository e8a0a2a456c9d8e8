"""Calls that are made at once travel as one; alone, a call waits for nothing and for nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import gevent
import pytest
from gevent.event import Event

from gateway.batching import Batcher, Pending
from recoup.errors import NotSent, RecoupError, Unanswered

LONG_S = 20.0
"""Far more than any of this takes."""


class Line:
    """Doubles every item; a call waits while the line is held. "lost" is lost on the way."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.free = Event()
        self.free.set()

    def __call__(self, items: Sequence[str]) -> list[str | Exception]:
        self.calls.append(list(items))
        self.free.wait()
        if "lost" in items:
            raise Unanswered("lost")
        return [ValueError(item) if item == "bad" else item * 2 for item in items if item != "gone"]


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def batcher(line: Line) -> Batcher[str, str]:
    return Batcher(line, most=3, waiting_most=5)


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """A test that waits for what never comes ends by it."""
    with gevent.Timeout(10):
        yield


def on_its_way(batcher: Batcher[str, str], line: Line) -> Pending[str]:
    """A call, "first", that stays on its way until the line is free."""
    line.free.clear()
    pending = batcher.put("first")
    gevent.sleep(0)
    assert line.calls == [["first"]]
    return pending


def test_nothing_waits_when_it_is_quiet(batcher: Batcher[str, str], line: Line) -> None:
    # given nobody else, when something is put, then it leaves as soon as others may run
    batcher.put("a")
    gevent.sleep(0)
    assert line.calls == [["a"]]
    # and so does the next
    assert batcher.put("b").get() == "bb"
    assert line.calls == [["a"], ["b"]]


def test_what_many_ask_for_meanwhile_travels_as_one(batcher: Batcher[str, str], line: Line) -> None:
    # given a call on its way
    first = on_its_way(batcher, line)
    # when many greenlets ask
    asking = [gevent.spawn(lambda item=item: batcher.put(item).get()) for item in "abc"]
    gevent.sleep(0.01)
    # then they wait for it to end, and no second call is under way
    assert line.calls == [["first"]]
    line.free.set()
    gevent.joinall(asking)
    # and travel together, and each gets what is its own
    assert line.calls == [["first"], ["a", "b", "c"]]
    assert first.get() == "firstfirst"
    assert [one.value for one in asking] == ["aa", "bb", "cc"]


def test_no_call_carries_more_than_the_most_and_all_keep_their_order(
    batcher: Batcher[str, str], line: Line
) -> None:
    # given room for three in a call, when five are put
    pending = [batcher.put(item) for item in "abcde"]
    # then two calls carry them, first come first served
    assert [one.get() for one in pending] == ["aa", "bb", "cc", "dd", "ee"]
    assert line.calls == [["a", "b", "c"], ["d", "e"]]


def test_the_sizes_of_the_calls_are_observed(line: Line) -> None:
    sizes: list[int] = []
    batcher = Batcher(line, most=3, waiting_most=5, observe=sizes.append)
    for one in [batcher.put(item) for item in "abcde"]:
        one.get()
    assert sizes == [3, 2]


def test_a_call_that_fails_fails_only_those_it_carried(batcher: Batcher[str, str]) -> None:
    # given a call that will be lost, and others behind it
    lost = [batcher.put(item) for item in ("a", "lost", "b")]
    behind = batcher.put("c")
    # when they are waited for, then who travelled with it is told why
    for one in lost:
        with pytest.raises(Unanswered, match="lost"):
            one.get()
    # and who came behind, or comes later, is not
    assert behind.get() == "cc"
    assert batcher.put("d").get() == "dd"


def test_an_item_that_fails_fails_alone(batcher: Batcher[str, str]) -> None:
    before, bad, after = (batcher.put(item) for item in ("a", "bad", "b"))
    with pytest.raises(ValueError, match="bad"):
        bad.get()
    assert (before.get(), after.get()) == ("aa", "bb")


def test_too_few_answers_are_nobodys(batcher: Batcher[str, str]) -> None:
    # given a call that answers only one of two, so that nobody knows whom
    pending = [batcher.put(item) for item in ("gone", "a")]
    # when they are waited for, then neither gets what may be the other's
    for one in pending:
        with pytest.raises(RecoupError, match="2 calls got 1 answers"):
            one.get()
    assert batcher.put("b").get() == "bb"


def test_beyond_what_may_wait_nothing_is_taken(batcher: Batcher[str, str], line: Line) -> None:
    # given a call on its way, and as many behind it as may wait
    on_its_way(batcher, line)
    waiting = [batcher.put(item) for item in "abcde"]
    # when one more is put, then it is refused and never sent
    with pytest.raises(NotSent):
        batcher.put("f")
    line.free.set()
    assert [one.get() for one in waiting] == ["aa", "bb", "cc", "dd", "ee"]
    assert line.calls == [["first"], ["a", "b", "c"], ["d", "e"]]
    # and there is room again
    assert batcher.put("g").get() == "gg"


def test_what_nobody_waits_for_any_more_is_never_sent(
    batcher: Batcher[str, str], line: Line
) -> None:
    # given a call on its way, and behind it some with time, and some with little
    first = on_its_way(batcher, line)
    soon_s, late_s = time.monotonic() + 0.01, time.monotonic() + LONG_S
    waiting = [batcher.put("a", soon_s), batcher.put("b", late_s), batcher.put("c", soon_s)]
    waiting += [batcher.put("d"), batcher.put("e", late_s)]
    # when the line becomes free after that
    gevent.sleep(0.02)
    line.free.set()
    # then those whose time is over surely were not sent, and the others take their places
    for one in (waiting[0], waiting[2]):
        with pytest.raises(NotSent, match="its time was over"):
            one.get()
    assert [one.get() for one in (first, waiting[1], waiting[3], waiting[4])] == [
        *("firstfirst", "bb", "dd", "ee")
    ]
    assert line.calls == [["first"], ["b", "d", "e"]]


def test_who_stops_waiting_does_not_stop_the_call(batcher: Batcher[str, str], line: Line) -> None:
    # given a call on its way
    pending = on_its_way(batcher, line)
    # when somebody has waited long enough
    with pytest.raises(Unanswered, match=r"no answer within 0\.0 s"):
        pending.get(timeout_s=0.001)
    # then the call goes on, and its answer can still be had
    line.free.set()
    assert pending.get() == "firstfirst"
