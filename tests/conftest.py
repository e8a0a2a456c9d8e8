"""Fixtures that more than one ring of tests needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running instance, shared by all tests; each uses users, items and orders of its own."""
    # Calm soon, so that a worker that has grown is seen to shrink.
    stack = Stack(tmp_path_factory.mktemp("stack"), RECOUP_WORKER_CALM_S="3")
    stack.start()
    yield stack
    stack.stop()
