"""A copy of all scripts that runs instead of them, so that a test may change a line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.orders import store
from recoup import scripts
from tests.integration.machines.clocks import TAKES_IT_FROM_THE_KEY, TAKES_TIME
from workers.ledger import accounts, engine

SOURCES = {"shared": scripts.SHARED, "orders": store.LUA, "ledger": accounts.LUA}


class Copies:
    """The copies, which take the time of the test; they are used until the test ends."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        for name, source in SOURCES.items():
            shutil.copytree(source, folder / name)
        monkeypatch.setattr(scripts, "SHARED", folder / "shared")
        monkeypatch.setattr(scripts, "PRELUDE", folder / "shared" / scripts.PRELUDE.name)
        monkeypatch.setattr(store, "LUA", folder / "orders")
        monkeypatch.setattr(accounts, "LUA", folder / "ledger")
        monkeypatch.setattr(engine, "LUA", folder / "ledger")
        self.change("shared/prelude", TAKES_TIME, TAKES_IT_FROM_THE_KEY)

    def change(self, script: str, old: str, new: str) -> None:
        """Changes the one place in a script where `old` stands."""
        path = self._folder / f"{script}.lua"
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {script}.lua"
        path.write_text(text.replace(old, new))
