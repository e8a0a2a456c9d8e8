"""How a worker process of the gateway ends: what it has finished is handed over first."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import metrics_files


@pytest.fixture
def worker_exit(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, Any], None]:
    """The hook; importing the configuration prepares files, which no test wants."""
    monkeypatch.setattr(metrics_files, "prepare", lambda directory: None)
    from gateway import gunicorn

    return gunicorn.worker_exit


def test_an_ending_worker_hands_over(worker_exit: Callable[[Any, Any], None]) -> None:
    limits: list[float] = []
    hand_over = SimpleNamespace(flush=lambda limit_s: limits.append(limit_s))
    app = SimpleNamespace(extensions={"hand_over": hand_over})
    worker_exit(None, SimpleNamespace(wsgi=app))
    assert limits == [1.0]


@pytest.mark.parametrize(
    "worker", [SimpleNamespace(), SimpleNamespace(wsgi=SimpleNamespace(extensions={}))]
)
def test_a_worker_without_the_gateways_app_just_ends(
    worker_exit: Callable[[Any, Any], None], worker: object
) -> None:
    worker_exit(None, worker)
