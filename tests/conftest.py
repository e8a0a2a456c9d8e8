"""Fixtures that more than one ring of tests needs."""

from __future__ import annotations

from collections.abc import Iterator

import opentelemetry.trace  # noqa: F401 - before Recoup, which would keep it out
import pytest

from tests.e2e.stack import Stack

ROOM_CHECKOUTS = 1_000
"""Under way in one gateway process: as many as any test has at once, but `test_overload`."""

SETTINGS = {
    "RECOUP_UNDER_WAY_CHECKOUTS": str(ROOM_CHECKOUTS),
    # What was being tried when somebody died, or went away, is tried again soon. (Deadlines stay:
    # a party that restarts is waited for.)
    "RECOUP_LEASE_MS": "1000",
    "RECOUP_BACKOFF_MAX_MS": "2000",
    # Calm soon, so that a worker that has grown is seen to shrink.
    "RECOUP_WORKER_CALM_S": "3",
}
"""Of the instance that tests share."""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running instance, shared by all tests; each uses users, items and orders of its own."""
    stack = Stack(tmp_path_factory.mktemp("stack"), **SETTINGS)
    stack.start()
    yield stack
    stack.stop()
