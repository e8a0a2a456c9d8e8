"""The state machines see what a slip in a script would do: each one in `slips.toml` is caught."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import redis
from hypothesis import Phase
from hypothesis.stateful import RuleBasedStateMachine

from gateway.orders import store
from recoup.settings import Settings
from tests.integration.machines.checkouts import CheckoutMachine
from tests.integration.machines.copies import Copies
from tests.integration.machines.ledgers import LedgerMachine
from tests.integration.machines.lossy_ledgers import LossyLedgerMachine
from tests.integration.machines.orders import OrdersMachine
from tests.integration.machines.thoroughness import QUICK, run

SLIPS: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("slips.toml").read_text())[
    "slip"
]

MACHINES: dict[str, Callable[[redis.Redis, Settings], RuleBasedStateMachine]] = {
    "ledger": LedgerMachine,
    "lossy ledger": LossyLedgerMachine,
    "orders": OrdersMachine,
    "checkouts": CheckoutMachine,
}

ONCE = hypothesis.settings(
    QUICK, max_examples=400, phases=[Phase.generate], report_multiple_bugs=False
)
"""The same examples as in every run of the tests; the first that fails is enough. (A slip that
matters rarely asks for more.)"""

CAUGHT = (AssertionError, LookupError, ValueError, redis.exceptions.ResponseError)
"""Other than was expected; an answer that is none; a script that fails."""


EACH = [
    pytest.param(
        slip,
        id=f"{slip['machine']}: {slip['what']}",
        marks=() if slip.get("quick") else pytest.mark.slow,
    )
    for slip in SLIPS
]


@pytest.mark.parametrize("slip", EACH)
def test_a_slip_is_caught(
    client: redis.Redis,
    settings: Settings,
    copies: Copies,
    monkeypatch: pytest.MonkeyPatch,
    slip: dict[str, Any],
) -> None:
    monkeypatch.setattr(store, "LINES_MAX", 3)
    monkeypatch.setattr(store, "HISTORY_MOST", 3)
    machine = MACHINES[slip["machine"]]
    copies.change(slip["script"], slip["line"], slip["wrong"])
    examples = slip.get("examples", ONCE.max_examples)
    with pytest.raises(CAUGHT):
        run(lambda: machine(client, settings), hypothesis.settings(ONCE, max_examples=examples))
