"""The first line: what it says of each state of an instance, and what goes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recoup.operate.facts import growing, summary
from recoup.operate.headline import RULES, Headline, Kind, Level, headline
from recoup.operate.overview import Books, BrokerView, GatewayView, Overview, Seen
from recoup.settings import Settings
from tests.unit.recoup.operate.sights import (
    AWAY,
    CLOCK_MS,
    FINE,
    NOW_S,
    overview,
    parked,
    waiting,
)

OFF = {"books": Books(put_in=100, available=60, held=3, used=36)}
CONTRADICTION = parked("contradiction: the leg was settled against the verdict", 2)
LONG_SWEPT = {"swept_at_ms": CLOCK_MS - 60_000}
NO_BROKER: Seen[BrokerView] = Seen(problem=AWAY)
NO_GATEWAY: Seen[GatewayView] = Seen(problem=AWAY)
IDLE = Seen(BrokerView({}, ("stock-worker",)), NOW_S)

CASES = {
    "all is well": (overview(), Kind.ALL_IS_WELL, Level.FINE, "All is well"),
    "a checkout is under way": (
        overview(stock={"legs_due": 5}), Kind.ALL_IS_WELL, Level.FINE, "All is well",
    ),
    "a party is away": (
        overview(payment=None), Kind.STORE_UNREACHABLE, Level.ACT,
        "Payment can't be reached. No money is wrong.",
    ),
    "orders is away": (
        overview(orders=Seen(problem=AWAY)), Kind.STORE_UNREACHABLE, Level.ACT,
        "Orders can't be reached",
    ),
    "a party is away and others wait": (
        overview(payment=None, stock=waiting(2, 90)), Kind.STORE_UNREACHABLE, Level.ACT,
        "Payment can't be reached. 2 legs wait; the oldest is 1 min 30 s past its deadline.",
    ),
    "something waits": (
        overview(stock=waiting(1, 3)), Kind.WAITING, Level.WATCH,
        "1 leg waits; it is 3.0 s past its deadline. No money is wrong.",
    ),
    "it waits too long": (
        overview(stock=waiting(7, 120)), Kind.WAITING_TOO_LONG, Level.ACT,
        "Everyone answers, and yet 7 legs wait; the oldest is 2 min past its deadline",
    ),
    "parked": (
        overview(payment=parked("missing account", 3)), Kind.PARKED, Level.ACT,
        "3 legs of payment parked (missing account): that doesn't heal by itself.",
    ),
    "contradiction": (
        overview(payment=CONTRADICTION), Kind.CONTRADICTION, Level.WRONG,
        "Money may be wrong: 2 legs of payment settled against the verdict.",
    ),
    "sweep stopped": (
        overview(stock=LONG_SWEPT), Kind.SWEEP_STOPPED, Level.ACT,
        "The sweep has stopped (stock for 1 min)",
    ),
    "no sweep yet": (overview(stock={"swept_at_ms": 0}), Kind.ALL_IS_WELL, Level.FINE, ""),
    "books differ": (
        overview(payment=OFF), Kind.BOOKS_DIFFER, Level.WRONG,
        "Money is wrong, stop and read: the books differ (payment by +1).",
    ),
    "books not known": (overview(payment={"books": None}), Kind.ALL_IS_WELL, Level.FINE, ""),
    "not durable": (
        overview(stock={"durable": False}), Kind.NOT_DURABLE, Level.ACT,
        "The database of stock may forget",
    ),
    "not durable on purpose": (
        overview(stock={"durable": False}, settings=Settings(durable=False)),
        Kind.ALL_IS_WELL, Level.FINE, "",
    ),
    "gateway is away": (
        overview(gateway=NO_GATEWAY), Kind.GATEWAY_DOWN, Level.ACT, "The gateway doesn't answer",
    ),
    "broker is away": (
        overview(broker=NO_BROKER), Kind.BROKER_DOWN, Level.WATCH, "The broker doesn't answer",
    ),
    "a worker is away": (
        overview(broker=IDLE), Kind.NO_WORKERS, Level.WATCH, "payment-worker can't be seen at work",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("now", "kind", "level", "sentence"), CASES.values(), ids=CASES.keys())
def test_each_state_has_its_sentence(
    now: Overview, kind: Kind, level: Level, sentence: str
) -> None:
    said = headline(now)
    assert (said.kind, said.level) == (kind, level)
    assert said.sentence.startswith(sentence)
    assert said.todo


WORST_FIRST = {
    Kind.BOOKS_DIFFER: {"payment": OFF},
    Kind.CONTRADICTION: {"payment": CONTRADICTION},
    Kind.STORE_UNREACHABLE: {"orders": Seen(problem=AWAY)},
    Kind.SWEEP_STOPPED: {"stock": LONG_SWEPT},
    Kind.GATEWAY_DOWN: {"gateway": NO_GATEWAY},
    Kind.BROKER_DOWN: {"broker": NO_BROKER},
}


def test_the_worst_goes_first() -> None:
    # given everything wrong at once
    left = dict(WORST_FIRST)
    for kind in WORST_FIRST:
        # then the worst is told; and when that is mended, the next
        now = overview(
            **{name: what for each in reversed(left.values()) for name, what in each.items()}
        )
        assert headline(now).kind is kind
        del left[kind]
    assert headline(overview()).kind is Kind.ALL_IS_WELL


def test_what_a_store_said_before_it_went_is_no_judgement_and_never_0() -> None:
    # given a party that is away, whose books differed when it last answered, 3 minutes ago
    last = replace(FINE, legs_due=212, **OFF)
    now = overview()
    parties = {**now.parties, "payment": Seen(last, NOW_S - 180, AWAY)}
    now = replace(now, parties=parties)
    # then it is told as away, since when, and with what it said then
    said = headline(now)
    assert said.kind is Kind.STORE_UNREACHABLE
    assert "Payment can't be reached (it was last seen at" in said.sentence
    assert ", 3 min ago, when it held 212 legs)" in said.sentence
    # and in the summary its books are not known
    assert summary(now).startswith("payment unreachable (last seen 3 min ago) · 0 waiting · ")
    assert summary(now).endswith("books agree (stock 0, payment ?)")


def test_what_grows_though_all_answer_is_told() -> None:
    earlier, now = overview(NOW_S - 10, stock=waiting(3, 5)), overview(stock=waiting(9, 6))
    said = headline(now, earlier)
    assert (said.kind, said.level) == (Kind.WAITING_GROWS, Level.WATCH)
    assert "what waits grows: 9 legs wait; the oldest is 6.0 s past its deadline (+6 in 10 s)" in (
        said.sentence
    )
    # and what shrinks is on its way
    assert headline(earlier, now).kind is Kind.WAITING


@pytest.mark.parametrize(
    "earlier",
    [None, overview(NOW_S - 10, payment=None), overview(NOW_S - 7_200)],
    ids=["nothing", "not of everyone", "too long ago"],
)
def test_what_grows_is_not_told_on_no_ground(earlier: Overview | None) -> None:
    assert growing(overview(stock=waiting(9, 6)), earlier) is None


def test_the_summary_is_a_line_of_facts() -> None:
    now = overview(payment=None, stock={**waiting(212, 173), **parked("missing account", 3)})
    assert summary(now) == (
        "payment unreachable · 212 waiting, oldest 2 min 53 s (212 held in all) · "
        "3 parked (missing account) · books agree (stock 0, payment ?)"
    )
    assert summary(overview(stock=OFF)).endswith("books DIFFER (stock 1, payment 0)")


def test_every_rule_has_a_case() -> None:
    said = {headline(now).kind for now, *_ in CASES.values()} | {Kind.WAITING_GROWS}
    assert said == set(Kind)
    assert len(RULES) + 1 == len(Kind)
    assert isinstance(headline(overview()), Headline)
