"""Fixtures that more than one ring of tests needs."""

from __future__ import annotations

from collections.abc import Iterator

import opentelemetry.trace  # noqa: F401 - before Recoup, which would keep it out
import pytest

from tests.e2e.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running instance, shared by all tests; each uses users, items and orders of its own."""
    stack = Stack(tmp_path_factory.mktemp("stack"))
    stack.start()
    yield stack
    stack.stop()
