"""A ledger whose database is killed and started again."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from hypothesis.stateful import precondition, rule

from recoup.errors import Unanswered
from recoup.scripts import connect
from recoup.settings import Settings
from tests.integration.conftest import PATIENCE_S, free_port, start_server
from tests.integration.machines.ledgers import LedgerMachine


class Database:
    """A durable database server that can be killed, and comes back with what it has written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._server = start_server(folder, self._port)
        self.client: redis.Redis = connect(self._server.url)

    def kill(self) -> None:
        self._server.process.kill()
        self._server.process.wait(PATIENCE_S)

    def start(self) -> None:
        self._server = start_server(self._folder, self._port)

    def close(self) -> None:
        self.client.close()
        self.kill()


class RestartMachine(LedgerMachine):
    """As any ledger; and all that it has acknowledged outlives its database."""

    def __init__(self, database: Database, settings: Settings) -> None:
        super().__init__(database.client, settings)
        self._database = database
        self._kills = 0

    @precondition(lambda self: self._kills < 2)
    @rule()
    def the_database_is_killed_and_comes_back(self) -> None:
        """Its scripts are not what it has written: they are given to it again."""
        self._kills += 1
        self._database.kill()
        with pytest.raises(Unanswered):
            self.books.leg("o.1")
        self._database.start()
