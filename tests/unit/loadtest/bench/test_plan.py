"""What is measured can be chosen, and not wrongly."""

from __future__ import annotations

import argparse

import pytest

from loadtest.bench.__main__ import planned
from loadtest.bench.plan import PARTS, QUICK, Plan

NOTHING: dict[str, object] = {
    name: None for name in ("rounds", "seconds", "connections", "parts", "many_orders")
}


def chosen(**options: object) -> Plan:
    return planned(argparse.Namespace(**(NOTHING | {"quick": False} | options)))


def test_the_plan_is_the_whole_bench_or_a_quick_one() -> None:
    assert chosen() == Plan(rounds=5, connections=(4, 64, 256, 1000, 5000), parts=PARTS)
    assert chosen(quick=True) == QUICK


def test_each_part_of_it_can_be_chosen() -> None:
    plan = chosen(quick=True, rounds=3, seconds=0.5, connections="4,16", parts="load,mix")
    assert (plan.rounds, plan.seconds, plan.connections) == (3, 0.5, (4, 16))
    assert plan.parts == ("load", "mix")
    assert plan.many_orders == QUICK.many_orders


def test_other_scenarios_are_measured_at_256_connections_if_anything_is() -> None:
    assert chosen().crowd == 256
    assert chosen(connections="4,16").crowd == 16


@pytest.mark.parametrize(
    "wrong", [{"parts": "load,none"}, {"connections": "4,x"}, {"connections": "0"}, {"rounds": 0}]
)
def test_what_makes_no_bench_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        chosen(**wrong)


def test_what_is_compared_with_the_crowd_comes_right_after_it() -> None:
    assert Plan(connections=(4, 256, 1000)).in_turn == [4, 1000, 256]
    assert Plan(connections=(64, 4)).in_turn == [4, 64]
