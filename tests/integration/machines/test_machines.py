"""The scripts do what the reference does, whatever is asked, in whatever order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import redis

from gateway.orders import store
from recoup.settings import Settings
from tests.integration.machines.checkouts import CheckoutMachine
from tests.integration.machines.ledgers import LedgerMachine
from tests.integration.machines.lossy_ledgers import LossyLedgerMachine
from tests.integration.machines.orders import OrdersMachine
from tests.integration.machines.restarts import Database, RestartMachine
from tests.integration.machines.thoroughness import QUICK, THOROUGH, run

EACH = [
    pytest.param(QUICK, id="quick"),
    pytest.param(THOROUGH, id="thorough", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("thoroughness", EACH)
def test_the_ledger(
    client: redis.Redis, settings: Settings, thoroughness: hypothesis.settings
) -> None:
    run(lambda: LedgerMachine(client, settings), thoroughness)


@pytest.mark.parametrize("thoroughness", EACH)
def test_a_ledger_that_loses_legs(
    client: redis.Redis, settings: Settings, thoroughness: hypothesis.settings
) -> None:
    run(lambda: LossyLedgerMachine(client, settings), thoroughness)


@pytest.mark.parametrize("thoroughness", EACH)
def test_the_order_store(
    client: redis.Redis,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    thoroughness: hypothesis.settings,
) -> None:
    monkeypatch.setattr(store, "LINES_MAX", 3)
    monkeypatch.setattr(store, "HISTORY_MOST", 3)
    run(lambda: OrdersMachine(client, settings), thoroughness)


@pytest.mark.parametrize("thoroughness", EACH)
def test_checkouts(
    client: redis.Redis, settings: Settings, thoroughness: hypothesis.settings
) -> None:
    run(lambda: CheckoutMachine(client, settings), thoroughness)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    (tmp_path / "database").mkdir()
    database = Database(tmp_path / "database")
    yield database
    database.close()


@pytest.mark.parametrize("thoroughness", EACH)
def test_a_ledger_whose_database_is_killed(
    database: Database, settings: Settings, thoroughness: hypothesis.settings
) -> None:
    few = hypothesis.settings(thoroughness, max_examples=thoroughness.max_examples // 10)
    run(lambda: RestartMachine(database, settings), few)
