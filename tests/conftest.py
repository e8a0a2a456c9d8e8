"""Fixtures that more than one ring of tests needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.stack import Stack

ROOM_CHECKOUTS = 1_000
"""Under way in one gateway process: as many as any test has at once, but `test_overload`."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the shared instance does so in one process, one test after the other, while
    those that start instances of their own are in another (`--dist loadgroup`)."""
    for item in items:
        shared = "stack" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("stack" if shared else item.path.stem))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running instance, shared by all tests; each uses users, items and orders of its own."""
    room = str(ROOM_CHECKOUTS)
    stack = Stack(tmp_path_factory.mktemp("stack"), RECOUP_UNDER_WAY_CHECKOUTS=room)
    stack.start()
    yield stack
    stack.stop()
