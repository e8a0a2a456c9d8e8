"""How long the state machines are run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from hypothesis import Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

QUICK = settings(
    max_examples=60,
    stateful_step_count=40,
    # The same examples each time: who changes one thing isn't told of another.
    derandomize=True,
    database=None,
    # A step takes as long as the database does.
    deadline=None,
    print_blob=True,
    # All but "explain", which takes minutes to say what the shrunk steps show anyway.
    phases=[Phase.generate, Phase.shrink],
)
"""For every run of the tests: always the same examples."""

THOROUGH = settings(QUICK, max_examples=300, stateful_step_count=50, derandomize=False)
"""For those who can wait: other examples each time."""


def run(machine: Callable[[], RuleBasedStateMachine], thoroughness: settings) -> None:
    """Runs a machine; raises what it finds, with the fewest steps that lead to it."""
    # Any function that makes a machine will do, but its type says that it has to be a class.
    run_state_machine_as_test(cast("Any", machine), settings=thoroughness)
