"""A checkout dies, everything that may expire has expired, and it is repeated: charged once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
import redis

from gateway.answers import Answer, Paid
from proto.ledger_pb2 import Vote
from recoup.settings import PARTIES, Settings
from tests.integration.world import CRASHES, Crash, Steps, Trouble, World

COST = 16


class Outlived(World):
    """An order of two items, and enough of all for more than one."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        super().__init__(client, settings)
        self.stock.open("a", 5)
        self.stock.open("b", 9)
        self.payment.open("u", 100)
        self.order("o", "u", ("a", 2, 5), ("b", 3, 2))

    def check_out_once(self, trouble: Trouble | None = None) -> tuple[Answer | None, Steps]:
        """A checkout that may die."""
        steps = Steps(trouble)
        with suppress(Crash):
            return self.check_out("o", steps), steps
        return None, steps

    def outlive(self) -> int:
        """All that expires by itself is gone now; how much that was."""
        gone = [key for key in self.client.scan_iter() if self.client.pttl(key) >= 0]
        return int(self.client.delete(*gone)) if gone else 0


@pytest.fixture
def settings() -> Settings:
    return Settings(deadline_ms=60_000, lease_ms=60_000, leg_kept_s=240)


@pytest.fixture
def begin(client: redis.Redis, settings: Settings) -> Callable[[], Outlived]:
    return lambda: Outlived(client, settings)


def charged_once(world: Outlived) -> None:
    """The order is paid, and so are its pieces, and nothing is held."""
    world.check_settled()
    assert world.read("o").paid_at is not None
    assert world.payment.balance("u") == (100 - COST, 0, COST)
    assert world.stock.balance("a") == (3, 0, 2)
    assert world.stock.balance("b") == (6, 0, 3)


def test_between_the_votes_and_the_verdict_it_dies(begin: Callable[[], Outlived]) -> None:
    # given a checkout that dies when both have said yes, and nobody has decided
    world = begin()
    _, dead = world.check_out_once(Trouble(3, CRASHES[0]))
    assert dead.names[-1] == "propose"
    tid = world.read("o").tid
    assert world.held() == {tid}
    # when all that expires has expired, then nothing of it has: a held leg never does
    assert world.outlive() == 0
    assert world.held() == {tid}
    # and when the parties have settled it, and that has expired too
    world.recover()
    assert world.outlive() == len(PARTIES) + 1  # their legs, and the order's history
    assert world.tids() == set()
    # then the repeated checkout is told that it is paid, however often
    for _ in range(2):
        assert world.check_out_once()[0] == Paid("o", tid, COST, already=True)
    charged_once(world)


def test_wherever_it_dies(begin: Callable[[], Outlived]) -> None:
    _, clean = begin().check_out_once()
    for step in range(len(clean.names)):
        for mode in CRASHES:
            for repeats_first in (True, False):
                world = begin()
                # given a checkout that dies somewhere
                _, dead = world.check_out_once(Trouble(step, mode))
                # when it is repeated before, or after, the parties have settled it
                if repeats_first:
                    world.check_out_once()
                world.recover()
                world.outlive()
                answer, _ = world.check_out_once()
                # then it is paid, and charged once, also when what was settled is forgotten again
                assert isinstance(answer, Paid), (step, mode)
                world.recover()
                charged_once(world)
                world.outlive()
                dead.arrive()
                assert isinstance(world.check_out_once()[0], Paid)
                charged_once(world)


def test_a_deduction_that_comes_after_everything_holds_nothing(
    begin: Callable[[], Outlived],
) -> None:
    # given a checkout that was paid, settled, and forgotten by the parties
    world = begin()
    world.check_out_once()
    tid, deadline_ms = world.read("o").tid, world.stock.now_ms() + world.settings.deadline_ms
    world.recover()
    world.outlive()
    # when one of its deductions arrives only now, then its deadline has passed
    answers = [
        world.stock.deduct(tid, ("a", 2), ("b", 3), deadline_ms=deadline_ms),
        world.payment.deduct(tid, ("u", COST), deadline_ms=deadline_ms),
    ]
    assert [answer for answer, _ in answers] == [Vote.LATE, Vote.LATE]
    charged_once(world)
