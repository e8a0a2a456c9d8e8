"""Finished tids reach the workers in groups; a bad broker costs speed, and nobody notices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import gevent
import pytest
from gevent.event import Event

from gateway import handover, metrics
from gateway.handover import Handover

BOTH = ("stock", "payment")
FOREVER_S = 1e6


class Broker:
    """Takes messages, unless it is down or hangs."""

    def __init__(self) -> None:
        self.tried: list[tuple[str, list[str]]] = []
        self.down = False
        self.free = Event()
        self.free.set()

    def __call__(self, party: str, tids: Sequence[str]) -> None:
        self.tried.append((party, list(tids)))
        self.free.wait()
        if self.down:
            raise ConnectionRefusedError("no broker")


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def hand_over(broker: Broker) -> Handover:
    return Handover(broker)


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """A test that waits for what never comes ends by it."""
    with gevent.Timeout(10):
        yield


def counted(result: str) -> float:
    (metric,) = metrics.HANDED_OVER[result].collect()
    return metric.samples[0].value


def test_what_finishes_together_is_one_message_for_each_party(
    broker: Broker, hand_over: Handover
) -> None:
    # given tids that both have to settle, and one that only stock has to
    published = counted("published")
    hand_over.put(BOTH, "o.1")
    hand_over.put(["stock"], "p.1")
    hand_over.put(iter(BOTH), "q.1")
    # when they are handed over
    hand_over.flush(FOREVER_S)
    # then each party is told its own, once
    assert broker.tried == [("stock", ["o.1", "p.1", "q.1"]), ("payment", ["o.1", "q.1"])]
    assert counted("published") == published + 5


def test_what_finishes_soon_after_still_goes_with_the_same_message(
    broker: Broker, hand_over: Handover
) -> None:
    hand_over.put(["stock"], "o.1")
    gevent.sleep(0)
    hand_over.put(["stock"], "p.1")
    hand_over.flush(FOREVER_S)
    assert broker.tried == [("stock", ["o.1", "p.1"])]


def test_nobody_has_to_ask_for_it(broker: Broker, hand_over: Handover) -> None:
    hand_over.put(["stock"], "o.1")
    while not broker.tried:
        gevent.sleep(0.001)


def test_a_message_carries_no_more_than_a_group(
    broker: Broker, hand_over: Handover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "GROUP_TIDS", 2)
    for tid in ("o.1", "p.1", "q.1"):
        hand_over.put(["stock"], tid)
    hand_over.flush(FOREVER_S)
    assert broker.tried == [("stock", ["o.1", "p.1"]), ("stock", ["q.1"])]


def test_what_finishes_while_a_message_is_on_its_way_goes_with_the_next(
    broker: Broker, hand_over: Handover
) -> None:
    # given a broker that takes its time
    broker.free.clear()
    hand_over.put(["stock"], "o.1")
    while not broker.tried:
        gevent.sleep(0.001)
    # when more finishes, then nobody waits for it
    hand_over.put(["stock"], "p.1")
    hand_over.put(["stock"], "q.1")
    gevent.sleep(4 * handover.GATHER_S)
    assert broker.tried == [("stock", ["o.1"])]
    # and it follows
    broker.free.set()
    hand_over.flush(FOREVER_S)
    assert broker.tried == [("stock", ["o.1"]), ("stock", ["p.1", "q.1"])]


def test_a_broker_that_is_away_is_left_alone_for_a_while(
    broker: Broker, hand_over: Handover
) -> None:
    # given a broker that refused a message
    lost = counted("lost")
    broker.down = True
    hand_over.put(["stock"], "o.1")
    hand_over.flush(FOREVER_S)
    assert counted("lost") == lost + 1
    # when more finishes soon after, then it isn't even tried: the sweep will find it
    hand_over.put(["stock"], "p.1")
    hand_over.flush(FOREVER_S)
    assert broker.tried == [("stock", ["o.1"])]
    assert counted("lost") == lost + 2


def test_when_the_broker_is_back_it_is_used_again(
    broker: Broker, hand_over: Handover, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a broker that was away, and a pause that is over
    monkeypatch.setattr(handover, "PAUSE_S", 0.0)
    broker.down = True
    hand_over.put(["stock"], "o.1")
    hand_over.flush(FOREVER_S)
    # when it is back, then it is told what finishes from now on
    broker.down = False
    hand_over.put(["stock"], "p.1")
    hand_over.flush(FOREVER_S)
    assert broker.tried[1:] == [("stock", ["p.1"])]


def test_after_a_failure_what_is_left_is_not_tried_either(
    broker: Broker, hand_over: Handover, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given more than one message, and a broker that is away
    monkeypatch.setattr(handover, "GROUP_TIDS", 1)
    broker.down, lost = True, counted("lost")
    hand_over.put(BOTH, "o.1")
    hand_over.put(BOTH, "p.1")
    # when they are handed over
    hand_over.flush(FOREVER_S)
    # then the first failure is enough
    assert broker.tried == [("stock", ["o.1"])]
    assert counted("lost") == lost + 4


def test_a_broker_that_hangs_is_given_up(
    broker: Broker, hand_over: Handover, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a broker that never answers
    monkeypatch.setattr(handover, "PUBLISH_LIMIT_S", 0.001)
    broker.free.clear()
    lost = counted("lost")
    # when something is handed over, then it ends, and counts as lost
    hand_over.put(["stock"], "o.1")
    hand_over.flush(FOREVER_S)
    assert counted("lost") == lost + 1


def test_no_more_waits_than_is_of_use(
    broker: Broker, hand_over: Handover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "WAITING_MOST", 2)
    lost = counted("lost")
    for tid in ("o.1", "p.1", "q.1"):
        hand_over.put(["stock"], tid)
    hand_over.flush(FOREVER_S)
    assert broker.tried == [("stock", ["o.1", "p.1"])]
    assert counted("lost") == lost + 1


def test_an_orderly_end_does_not_wait_for_a_broker_that_hangs(
    broker: Broker, hand_over: Handover
) -> None:
    # given a message that the broker doesn't take
    broker.free.clear()
    lost = counted("lost")
    hand_over.put(["stock"], "o.1")
    # when the process ends, then it waits for its limit, and no longer
    hand_over.flush(limit_s=0.02)
    assert broker.tried == [("stock", ["o.1"])]
    assert counted("lost") == lost
    broker.free.set()


def test_without_anything_to_hand_over_the_end_comes_at_once(hand_over: Handover) -> None:
    hand_over.flush(FOREVER_S)


# --- what is paid --------------------------------------------------------------------------------


def test_what_is_paid_can_be_taken_along_until_it_is_published(
    broker: Broker, hand_over: Handover
) -> None:
    # given paid tids
    for tid in ("o.1", "p.1", "q.1"):
        hand_over.put_paid(BOTH, tid)
    # when stock is called, which has room for two, then it is the first two that go along
    assert hand_over.take_paid("stock", 2) == ["o.1", "p.1"]
    # and the workers get the rest
    hand_over.flush(FOREVER_S)
    assert broker.tried == [("stock", ["q.1"]), ("payment", ["o.1", "p.1", "q.1"])]
    # and nothing is left to be done twice
    assert hand_over.take_paid("stock", 2) == hand_over.take_paid("payment", 2) == []


def test_what_is_paid_waits_longer_for_a_call_than_what_is_not_decided(
    broker: Broker, hand_over: Handover, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given much time for calls, and a tid that is paid, and one of which nobody knows
    monkeypatch.setattr(handover, "GO_ALONG_S", FOREVER_S)
    hand_over.put_paid(["stock"], "o.1")
    hand_over.put(["stock"], "p.1")
    # when messages leave, then the first one is still there
    while not broker.tried:
        gevent.sleep(0.001)
    assert broker.tried == [("stock", ["p.1"])]
    assert hand_over.take_paid("stock", 9) == ["o.1"]


def test_nobody_has_to_call_for_what_is_paid(
    broker: Broker, hand_over: Handover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "GO_ALONG_S", 0.0)
    hand_over.put_paid(["stock"], "o.1")
    while not broker.tried:
        gevent.sleep(0.001)
    assert broker.tried == [("stock", ["o.1"])]


def test_what_is_paid_is_taken_along_while_the_broker_is_away(
    broker: Broker, hand_over: Handover
) -> None:
    # given a broker that refused a message
    broker.down = True
    hand_over.put(["stock"], "o.1")
    hand_over.flush(FOREVER_S)
    # when an order is paid meanwhile, then a call can settle it nevertheless
    hand_over.put_paid(["stock"], "p.1")
    assert hand_over.take_paid("stock", 9) == ["p.1"]


def test_no_more_of_what_is_paid_waits_than_is_of_use(
    hand_over: Handover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "WAITING_MOST", 1)
    lost = counted("lost")
    hand_over.put_paid(["stock"], "o.1")
    hand_over.put_paid(["stock"], "p.1")
    assert hand_over.take_paid("stock", 9) == ["o.1"]
    assert counted("lost") == lost + 1


@pytest.mark.timeout(20)  # who waits for a call at the end turns round and round
def test_at_the_end_what_is_paid_waits_for_no_call(
    broker: Broker, hand_over: Handover, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given much time for calls
    monkeypatch.setattr(handover, "GO_ALONG_S", FOREVER_S)
    hand_over.put_paid(["stock"], "o.1")
    # when the process ends, then the workers get it at once
    hand_over.flush(FOREVER_S)
    assert broker.tried == [("stock", ["o.1"])]
