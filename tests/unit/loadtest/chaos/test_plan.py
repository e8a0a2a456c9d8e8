"""The plan of a run: the same seed has the same faults, and no two break the same at once."""

from __future__ import annotations

import pytest

from loadtest.chaos.faults import FAULTS, faults_of
from loadtest.chaos.plan import Plan, plan
from loadtest.instance import GATEWAY_WORKER, stores
from recoup.processes import processes
from recoup.settings import PARTIES, Settings

DEFAULT_MINUTES = 10


def names(planned: Plan) -> tuple[list[str], list[tuple[float, str]]]:
    return [fault.name for fault in planned.singles], [
        (each.at_s, each.fault.name) for each in planned.storm
    ]


def test_the_same_seed_has_the_same_faults_in_the_same_order() -> None:
    assert names(plan(7, DEFAULT_MINUTES, FAULTS)) == names(plan(7, DEFAULT_MINUTES, FAULTS))
    # wherever their kinds stand in the list
    assert names(plan(7, DEFAULT_MINUTES, FAULTS)) == names(plan(7, DEFAULT_MINUTES, FAULTS[::-1]))
    assert names(plan(7, DEFAULT_MINUTES, FAULTS)) != names(plan(8, DEFAULT_MINUTES, FAULTS))


@pytest.mark.parametrize("seed", range(20))
def test_a_default_run_has_every_kind_alone_and_a_storm_of_60(seed: int) -> None:
    planned = plan(seed, DEFAULT_MINUTES, FAULTS)
    assert sorted(fault.name for fault in planned.singles) == sorted(f.name for f in FAULTS)
    assert len(planned.storm) >= 60
    assert planned.singles_s + planned.storm_s < DEFAULT_MINUTES * 60


@pytest.mark.parametrize("seed", range(20))
def test_however_short_a_run_is_it_breaks_a_database_first(seed: int) -> None:
    planned = plan(seed, 1, FAULTS)
    assert not planned.singles[0].targets.isdisjoint(stores(PARTIES))
    assert planned.storm


@pytest.mark.parametrize("seed", range(20))
def test_a_storm_never_breaks_what_is_broken_and_ends_in_time(seed: int) -> None:
    planned = plan(seed, DEFAULT_MINUTES, FAULTS)
    for number, each in enumerate(planned.storm):
        assert each.fault.storms
        assert each.at_s + each.fault.lasts_s <= planned.storm_s
        for earlier in planned.storm[:number]:
            apart = earlier.fault.targets.isdisjoint(each.fault.targets)
            assert apart or earlier.end_s <= each.at_s


@pytest.mark.parametrize("seed", range(5))
def test_kinds_that_are_like_another_one_are_had_last(seed: int) -> None:
    _, *then = plan(seed, DEFAULT_MINUTES, FAULTS).singles
    assert [fault.first for fault in then] == sorted((f.first for f in then), reverse=True)


@pytest.mark.parametrize("verb", ["kill", "pause", "restart"])
def test_every_process_is_killed_paused_and_restarted(verb: str) -> None:
    names = {process.name for process in processes(Settings())}
    if verb != "restart":  # which only the gateway itself does with its workers
        names.add(GATEWAY_WORKER)
    assert {f"{verb} {name}" for name in names} <= {fault.name for fault in FAULTS}


def test_several_faults_of_a_storm_are_open_at_once() -> None:
    storm = plan(1, DEFAULT_MINUTES, FAULTS).storm
    open_at_once = [sum(other.at_s <= each.at_s < other.end_s for other in storm) for each in storm]
    assert max(open_at_once) >= 3


def test_each_kind_has_a_name_of_its_own() -> None:
    kinds = faults_of((*PARTIES, "shipping"))
    assert len({fault.name for fault in kinds}) == len(kinds)


def test_a_further_party_is_broken_too() -> None:
    assert faults_of(PARTIES) == FAULTS
    further = set(faults_of((*PARTIES, "shipping"))) - set(FAULTS)
    broken = {target for fault in further for target in fault.targets}
    assert broken >= {"shipping", "shipping-worker", "shipping-db", "gateway->shipping"}
