"""Every interleaving of a small Recoup: all is well; and without any one rule, it isn't."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.model.conftest import Findings
from tests.model.explore import explore
from tests.model.larger_worlds import LARGER_WORLDS
from tests.model.mutants_in_lua import MUTANTS_IN_LUA
from tests.model.mutants_in_python import MUTANTS_IN_PYTHON, MUTANTS_OF_THREE
from tests.model.mutation import Mutant
from tests.model.worlds import WORLDS, Make, one

STATES_MOST = 2_000_000
"""A world of more states than this has lost a bound: it would never end."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """What the services and the sweep log of each trouble is not news here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("make", WORLDS, ids=lambda make: make.__name__)
def test_whatever_happens_what_must_hold_holds(make: Make, findings: Findings) -> None:
    explored = explore(make(str), STATES_MOST)
    findings.world(explored)
    assert not explored.violation, f"\n{make.__doc__}\n{explored.violation}"


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("make", LARGER_WORLDS, ids=lambda make: make.__name__)
def test_it_holds_in_larger_worlds_too(make: Make, findings: Findings) -> None:
    test_whatever_happens_what_must_hold_holds(make, findings)


@pytest.mark.parametrize(
    "mutant",
    [*MUTANTS_IN_LUA, *MUTANTS_IN_PYTHON, *MUTANTS_OF_THREE],
    ids=lambda mutant: mutant.rule,
)
def test_without_this_rule_something_goes_wrong(mutant: Mutant, findings: Findings) -> None:
    with mutant.alive():
        explored = explore(mutant.world(mutant.rewrite), STATES_MOST)
    findings.mutant(explored)
    print(explored.violation)
    assert explored.violation, f"nobody noticed that this no longer holds: {mutant.rule}"


@pytest.mark.parametrize("mutant", MUTANTS_OF_THREE, ids=lambda mutant: mutant.rule)
def test_two_parties_would_not_notice(mutant: Mutant) -> None:
    with mutant.alive():
        explored = explore(one(mutant.rewrite), STATES_MOST)
    assert not explored.violation, "it needs no third party: move it to the others"
