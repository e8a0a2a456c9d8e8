"""A database in memory, a copy of the scripts that takes the time of the test, and short times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recoup.settings import Settings
from tests.integration.conftest import PATIENCE_S, Server, start_server
from tests.integration.machines.copies import Copies


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that writes nothing to disk: thousands of steps needn't wait for that."""
    server = start_server(tmp_path_factory.mktemp("memory"), durability=())
    yield server
    server.process.terminate()
    server.process.wait(PATIENCE_S)


@pytest.fixture
def settings() -> Settings:
    return Settings(deadline_ms=300, leg_kept_s=60, idempotency_kept_s=120, lease_ms=200)


@pytest.fixture(autouse=True)
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copies:
    return Copies(tmp_path / "lua", monkeypatch)
