"""However many look, everyone is asked once; who is silent isn't waited for again and again."""

from __future__ import annotations

from typing import Any

import gevent.event
import gevent.lock
import grpc
import pytest

from gateway.console import brisk, sight
from gateway.console.brisk import _Brisk
from gateway.console.parts import Part, gather
from gateway.console.sight import Kept, levels
from recoup.errors import Unanswered
from tests.unit.gateway.console.conftest import Console


def test_what_is_fresh_is_not_asked_for_again() -> None:
    made: list[int] = []
    kept = Kept(lambda: made.append(1) or len(made), 60)
    assert [kept.get() for _ in range(3)] == [1, 1, 1]
    assert Kept(lambda: made.append(1) or len(made), 0).get() == 2


def test_who_comes_while_it_is_made_gets_the_last_one() -> None:
    # given something that takes long to make the second time
    waits = gevent.event.Event()
    things = iter(["first", "second"])

    def make() -> str:
        thing = next(things)
        if thing == "second":
            waits.wait()
        return thing

    kept = Kept(make, 0)
    kept._lock = gevent.lock.Semaphore()  # type: ignore[assignment]  # as gevent has patched it
    assert kept.get() == "first"
    # when one waits for it and another comes, then that one is shown the first
    making = gevent.spawn(kept.get)
    gevent.sleep(0)
    assert kept.get() == "first"
    waits.set()
    assert making.get() == "second"


def test_what_could_not_be_made_is_tried_again() -> None:
    answers: list[object] = [Unanswered("no"), "yes"]

    def make() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    kept = Kept(make, 60)
    with pytest.raises(Unanswered):
        kept.get()
    assert kept.get() == "yes"


def test_the_record_keeps_what_waits_and_who_is_away(console: Console) -> None:
    console.stock.hold("o.1", "i", 1, 60_000)
    console.payment.away = True
    assert levels(console.sight.overview()) == {"waiting stock": 1, "away payment": 1}


def test_what_grows_is_compared_with_half_a_minute_ago(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sight, "EARLIER_S", 0.0)
    first = console.sight.overview()
    assert console.sight.earlier() is first
    second = console.sight.overview()
    assert console.sight.earlier() is second


class Stub:
    """A service that answers, or doesn't; notes how long it was given."""

    def __init__(self) -> None:
        self.silent = False
        self.given_s: list[float] = []

    def Status(self, request: str, *, timeout: float, wait_for_ready: bool | None) -> str:  # noqa: N802
        self.given_s.append(timeout)
        if self.silent:
            raise grpc.RpcError
        return request


def test_who_was_silent_gets_less_time_until_he_answers() -> None:
    stub = Stub()
    service: Any = _Brisk(stub)

    def ask() -> Any:
        return service.Status("this", timeout=3.0, wait_for_ready=True)

    assert ask() == "this"
    stub.silent = True
    for _ in range(2):
        with pytest.raises(grpc.RpcError):
            ask()
    stub.silent = False
    ask()
    ask()
    full, less = brisk.LIMIT_S, brisk.SILENT_LIMIT_S
    assert stub.given_s == [full, full, less, less, full]


def test_a_part_that_takes_too_long_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.console.parts.LIMIT_S", 0.01)
    parts = gather({"quick": lambda: 1, "slow": lambda: gevent.sleep(60)})
    assert parts["quick"] == Part(1)
    assert parts["slow"].problem == "no answer within 0 s"
