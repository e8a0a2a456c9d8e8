"""A database in memory, a copy of the scripts that takes the time of the test, and short times."""

from __future__ import annotations

from pathlib import Path

import pytest

from recoup.settings import Settings
from tests.integration.conftest import Server
from tests.integration.machines.copies import Copies


@pytest.fixture
def server(server_in_memory: Server) -> Server:
    return server_in_memory


@pytest.fixture
def settings() -> Settings:
    return Settings(deadline_ms=300, leg_kept_s=60, idempotency_kept_s=120, lease_ms=200)


@pytest.fixture(autouse=True)
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copies:
    return Copies(tmp_path / "lua", monkeypatch)
