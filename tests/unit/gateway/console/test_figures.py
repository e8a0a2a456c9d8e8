"""The last hour in figures: answers by kind, latency, what waited, and when a store was away."""

from __future__ import annotations

import re

import pytest

from gateway import metrics
from gateway.console.figures import KINDS, figures, hour, kind_of
from gateway.console.filters import ms, percent, rate, trend
from gateway.console.record import KEPT_S, SLOT_S, Slot, counted, quantile_s
from gateway.problems import PROBLEM_TYPES

PARTIES = ("stock", "payment")


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        ("paid", "paid"),
        ("already-paid", "paid"),
        ("not-enough-stock", "refused"),
        ("order-changed", "refused"),
        ("checkout-undone", "undone"),
        ("clock-skew", "undone"),
        ("party-away", "not served"),
        ("store-unavailable", "not served"),
        ("internal-error", "not served"),
        ("of-a-later-version", "not served"),
    ],
)
def test_every_answer_is_of_one_kind(outcome: str, kind: str) -> None:
    assert kind_of(outcome) == kind


def test_every_problem_has_a_kind() -> None:
    assert {kind_of(slug) for slug in PROBLEM_TYPES} < set(KINDS)


def test_what_a_process_counts_is_counted_by_outcome_and_by_duration() -> None:
    before = counted()
    metrics.CHECKOUTS["paid"].inc(3)
    for seconds in (0.004, 0.005, 0.3, 99.0):
        metrics.CHECKOUT_DURATION_S.observe(seconds)
    new = counted() - before
    assert new == {"outcome paid": 3, "took 0.005": 2, "took 0.5": 1, "took +Inf": 1}


@pytest.mark.parametrize(
    ("took", "part", "seconds"),
    [
        ({}, 0.5, None),
        ({"0.05": 10}, 0.5, 0.035),  # between 0.02 and 0.05, in the middle
        ({"0.001": 4}, 1.0, 0.001),
        ({"0.01": 98, "1.0": 2}, 0.5, 0.005 + 0.005 * 50 / 98),
        ({"0.01": 98, "1.0": 2}, 0.99, 0.75),
        ({"0.01": 1, "+Inf": 99}, 0.99, 10.0),  # beyond it nobody has looked
    ],
)
def test_a_part_of_the_checkouts_took_at_most(
    took: dict[str, int], part: float, seconds: float | None
) -> None:
    assert quantile_s(took, part) == (seconds and pytest.approx(seconds))


def test_slots_are_added_up() -> None:
    # given two slots, in one of which payment was away
    slots = [
        Slot(100, {"paid": 8, "not-enough-stock": 2}, {"0.01": 10}, {"stock": 3, "payment": 1}),
        Slot(110, {"paid": 10}, {"0.01": 10}, {"stock": 5}, {"payment": 1}),
    ]
    # when they are added up
    both = figures(slots)
    # then there is a rate, a part of each kind, and the most that waited
    assert (both.at_s, both.rate) == (100, 1.0)
    assert [both.part(kind) for kind in KINDS] == [0.9, 0.1, 0, 0]
    assert both.waiting == {"stock": 5, "payment": 1}
    assert both.away == ("payment",)


def test_without_checkouts_nothing_is_made_up() -> None:
    quiet = figures([Slot(100)])
    assert (quiet.rate, quiet.part("paid"), quiet.p50_ms) == (0, None, None)


@pytest.fixture
def slots() -> list[Slot]:
    """An hour of a checkout a second; for a while payment is away, and two of three aren't
    served."""
    slots = []
    for at_s in range(0, KEPT_S, SLOT_S):
        if 1_800 <= at_s < 1_830:
            told = {"paid": 3, "party-away": 7}
            slots.append(Slot(at_s, told, {"5.0": 10}, {"stock": 4}, {"payment": 1}))
        else:
            slots.append(Slot(at_s, {"paid": 10}, {"0.01": 10}, {"stock": 0, "payment": 0}))
    return slots


def test_an_hour_is_told_by_charts_and_by_rows(slots: list[Slot]) -> None:
    told = hour(slots, PARTIES)
    # the charts: a line for each kind there was, in its own colour
    rate_chart = told.charts["rate"]
    assert [(one["name"], one["colour"]) for one in rate_chart["series"]] == [
        ("paid", 1),
        ("not served", 4),
    ]
    assert {len(one["values"]) for one in rate_chart["series"]} == {len(rate_chart["x"])} == {360}
    # a gap where nobody could say, shaded while a store was away
    stock, payment = told.charts["waiting"]["series"]
    assert (stock["values"][180], payment["values"][180]) == (4, None)
    assert all(chart["away"] == [(1_800, 1_830)] for chart in told.charts.values())
    # the rows: five minutes each, the latest first
    assert [row.at_s for row in told.rows] == list(range(3_300, -1, -300))
    assert told.rows[5].away == ("payment",)
    assert told.now.rate == 1


def test_a_store_that_is_still_away_is_shaded_to_the_end(slots: list[Slot]) -> None:
    slots[-1] = Slot(slots[-1].at_s, away={"stock": 1})
    assert hour(slots, PARTIES).charts["rate"]["away"][-1] == (KEPT_S - SLOT_S, KEPT_S)


def test_what_a_chart_shows_is_said(slots: list[Slot]) -> None:
    slots[7] = Slot(70, {"paid": 25}, {"0.01": 25}, {"stock": 0})
    told = hour(slots, PARTIES)
    assert re.match(r"at most 2\.5, at .*:01:10; payment unreachable", trend(told, "rate"))
    assert re.match(r"at most 4, at .*:30:20; ", trend(told, "waiting"))
    assert re.match(r"at most 5\.0 s, at .*:30:20; ", trend(told, "took"))
    quiet = hour([Slot(at_s) for at_s in range(0, KEPT_S, SLOT_S)], PARTIES)
    assert [trend(quiet, chart) for chart in quiet.charts] == ["none"] * 3


def test_numbers_are_written_so_that_nothing_is_rounded_away() -> None:
    assert [percent(part) for part in (None, 0, 0.001, 0.5, 0.999, 1)] == [
        "\N{EN DASH}", "0 %", "< 1 %", "50 %", "> 99 %", "100 %",
    ]  # fmt: skip
    assert [rate(each) for each in (0, 0.34, 9.96, 143.2)] == ["0", "0.3", "10.0", "143"]
    assert [ms(each) for each in (None, 18.4, 1_250)] == ["\N{EN DASH}", "18 ms", "1.2 s"]
