"""Turns are given by arrival, and none is ever lost."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest
from gevent.event import AsyncResult, Event

from gateway import admission
from gateway.admission import Admission, TurnedAway
from recoup.settings import Settings

LIMIT_S = 10.0


@pytest.fixture
def one_turn(monkeypatch: pytest.MonkeyPatch) -> Admission:
    """Lets one at a time work."""
    monkeypatch.setattr(admission, "AT_WORK_MOST", 1)
    return Admission(Settings())


class Shop:
    """Notes who was served; whoever comes waits for the doors to open while being served."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self.doors = Event()

    def serve(self, name: str) -> Callable[[], None]:
        def checkout() -> None:
            self.doors.wait(LIMIT_S)
            self.served.append(name)

        return checkout


def test_who_comes_again_at_once_does_not_pass_who_waits(one_turn: Admission) -> None:
    # given somebody at work, who will come again as soon as that is over, and two who wait
    shop = Shop()

    def comes_twice() -> None:
        one_turn.run(shop.serve("first"))
        one_turn.run(shop.serve("first again"))

    customers = [gevent.spawn(comes_twice)]
    customers += [gevent.spawn(one_turn.run, shop.serve(name)) for name in ("second", "third")]
    gevent.sleep(0)
    # when they are served
    shop.doors.set()
    gevent.joinall(customers, timeout=LIMIT_S, raise_error=True)
    # then by arrival
    assert shop.served == ["first", "second", "third", "first again"]


class HangsUp(AsyncResult):  # type: ignore[misc]
    """What somebody waits for who hangs up just when it comes."""

    def wait(self, timeout: float | None = None) -> None:
        super().wait(timeout)
        raise gevent.GreenletExit


@pytest.mark.parametrize("just_then", [False, True], ids=["waits", "was just given the turn"])
def test_who_hangs_up_while_waiting_takes_no_turn_along(
    one_turn: Admission, monkeypatch: pytest.MonkeyPatch, just_then: bool
) -> None:
    # given one at work, and two who wait
    shop = Shop()
    turns = iter([HangsUp if just_then else AsyncResult, AsyncResult])
    monkeypatch.setattr(admission, "AsyncResult", lambda: next(turns)())
    first, second, third = (
        gevent.spawn(one_turn.run, shop.serve(name)) for name in ("first", "second", "third")
    )
    gevent.sleep(0)
    # when the second hangs up
    if not just_then:
        second.kill()
    shop.doors.set()
    gevent.joinall([first, second, third], timeout=LIMIT_S)
    # then the third is served, and there is a turn for the next
    assert shop.served == ["first", "third"]
    assert not isinstance(one_turn.run(shop.serve("fourth")), TurnedAway)


def test_at_the_end_who_waits_is_turned_away_and_who_works_goes_on(one_turn: Admission) -> None:
    # given one at work, and two who wait
    shop = Shop()
    first, *waiting = (
        gevent.spawn(one_turn.run, shop.serve(name)) for name in ("first", "second", "third")
    )
    gevent.sleep(0)
    # when nobody shall begin any more
    one_turn.close()
    gevent.joinall(waiting, timeout=LIMIT_S)
    # then they know at once, and who comes later
    assert all(isinstance(each.value, TurnedAway) for each in waiting)
    assert isinstance(one_turn.run(shop.serve("fourth")), TurnedAway)
    # and who was at work is served
    shop.doors.set()
    first.join(LIMIT_S)
    assert shop.served == ["first"]
