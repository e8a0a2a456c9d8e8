"""A party that restarts is waited for; one that stays away makes nobody wait, and holds nothing."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import grpc
import pytest
import redis

from gateway.console.sight import RECORD_S
from gateway.parties import PROBE_S
from proto import ledger_pb2 as pb
from proto import ledger_pb2_grpc
from recoup.bounds import PROBE_TID
from recoup.readiness import serves
from recoup.rpc import SERVER_OPTIONS
from recoup.settings import PARTIES
from tests.chaos.traffic import Traffic
from tests.e2e.client import Answer, Shop, eventually
from tests.e2e.stack import Stack

CLIENTS = 64
AWAY_S = 2
"""Between the end of a party and its next start: what a supervisor, or a rollout, takes."""

AWAY_PART = 0.8
"""Of a deadline: a party that is back by then is back in time. The rest is for finding it again."""

TRIES = 4
"""A machine that does much else may need longer for a start than a checkout waits."""

PROBES = 4
"""Enough to see how often they come."""


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:
    with Shop(stack.url) as shop:
        yield shop


@pytest.mark.parametrize("party", PARTIES)
def test_nobody_notices_a_short_restart(stack: Stack, shop: Shop, party: str) -> None:
    for _ in range(TRIES):
        # given many customers who check out one order after the other
        # when a party ends, and is started again
        traffic, away_s = restarted_under_way(stack, shop, party)
        traffic.settles()
        traffic.check_books()
        if away_s < AWAY_PART * stack.settings.deadline_ms / 1000:
            # then every one of them was served
            assert set(traffic.answers.values()) == {200}
            return
    pytest.fail(f"{party} needs {away_s:.1f} s to restart: this machine is too busy to tell")


def restarted_under_way(stack: Stack, shop: Shop, party: str) -> tuple[Traffic, float]:
    """What became of the customers, and how long the party did not serve, in s."""
    traffic = Traffic.prepare(shop, orders=20 * CLIENTS)
    orders, over = iter(traffic.orders), threading.Event()

    def shop_on() -> None:
        for order_id in orders:
            traffic.answers[order_id] = shop.check_out(order_id).status
            if over.is_set():
                return

    with ThreadPoolExecutor(CLIENTS) as pool:
        customers = [pool.submit(shop_on) for _ in range(CLIENTS)]
        eventually(lambda: traffic.count(200) > CLIENTS)
        ended_s = time.monotonic()
        stack.supervisor.stop(party)
        time.sleep(AWAY_S)
        stack.supervisor.start(party)
        eventually(serves(stack.settings.address(party)))
        away_s = time.monotonic() - ended_s
        stack.heals()
        over.set()
        for customer in customers:
            customer.result()
    return traffic, away_s


@dataclass
class Absent(ledger_pb2_grpc.LedgerServicer):
    """Who listens in a party's place while it is away, and can do nothing."""

    # gRPC fixes the names of the methods.
    # ruff: noqa: N802

    deductions: int = 0
    probes: list[float] = field(default_factory=list)
    """When each came."""

    def Apply(self, request: pb.ApplyRequest, context: grpc.ServicerContext) -> pb.ApplyReply:
        self.deductions += len(request.deductions)
        context.abort(grpc.StatusCode.UNAVAILABLE, "away")

    def Status(self, request: pb.StatusRequest, context: grpc.ServicerContext) -> pb.StatusReply:
        if list(request.tids) == [PROBE_TID]:
            self.probes.append(time.monotonic())
        context.abort(grpc.StatusCode.UNAVAILABLE, "away")


@contextlib.contextmanager
def absent(stack: Stack, party: str) -> Iterator[Absent]:
    """A stand-in at the address of a party that doesn't run."""
    stand_in = Absent()
    server = grpc.server(ThreadPoolExecutor(4), options=SERVER_OPTIONS)
    ledger_pb2_grpc.add_LedgerServicer_to_server(stand_in, server)
    server.add_insecure_port(stack.settings.address(party))
    server.start()
    try:
        yield stand_in
    finally:
        server.stop(None).wait()


def nothing_is_held(stack: Stack) -> bool:
    """By either party, whether it runs or not: their databases do."""
    held = 0
    for party in PARTIES:
        with redis.Redis.from_url(stack.settings.database_url(party)) as store:
            held += store.zcard(f"{{{party}}}:due")
    return held == 0


def all_at_once(shop: Shop, traffic: Traffic) -> list[tuple[Answer, float]]:
    """Checks every order out at the same moment; the answers, and how long each took, in s."""

    def timed(order_id: str) -> tuple[Answer, float]:
        began_s = time.monotonic()
        return shop.check_out(order_id), time.monotonic() - began_s

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(timed, traffic.orders))


def told_that_it_is_away(answer: Answer) -> bool:
    return answer.status == 503 and answer.json["type"].endswith("/party-away")


@pytest.mark.parametrize("party", PARTIES)
def test_while_a_party_stays_away_everyone_is_told_at_once(
    stack: Stack, shop: Shop, party: str
) -> None:
    traffic = Traffic.prepare(shop, orders=CLIENTS)
    gateways = len(stack.gateway_workers())
    with stack.without(party), absent(stack, party) as stand_in:
        # given a party that stays away: the first who come wait for it, and are told afterwards
        first = all_at_once(shop, traffic)
        assert {answer.status for answer, _ in first} == {503}
        eventually(lambda: all(told_that_it_is_away(a) for a, _ in all_at_once(shop, traffic)))
        eventually(lambda: nothing_is_held(stack))
        deductions = stand_in.deductions
        tids = [shop.order(order_id)["tid"] for order_id in traffic.orders]
        # when others come
        others = all_at_once(shop, traffic)
        # then they are told when to come back, and haven't waited
        assert all(told_that_it_is_away(answer) for answer, _ in others)
        assert all(int(answer.headers["Retry-After"]) > 0 for answer, _ in others)
        waited_s, told_s = (statistics.median(s for _, s in each) for each in (first, others))
        assert told_s < waited_s / 2
        # and nothing was begun: nothing is held, nobody was asked, no try is used up
        assert nothing_is_held(stack)
        assert stand_in.deductions == deductions
        assert [shop.order(order_id)["tid"] for order_id in traffic.orders] == tids
        # and each gateway process asks about once a second whether it is back
        seen = len(stand_in.probes)
        eventually(lambda: len(stand_in.probes) >= seen + PROBES * gateways)
        probes = stand_in.probes[seen:]
        asked_s = probes[-1] - probes[0]
        # (beside the console's record, for which each looks every few seconds)
        each = asked_s / PROBE_S + 1 + asked_s / RECORD_S + 1
        assert len(probes) <= each * gateways
    # and when it is back, they are served
    eventually(lambda: all(answer.status == 200 for answer, _ in all_at_once(shop, traffic)))
    eventually(lambda: nothing_is_held(stack))
    traffic.check_books()
