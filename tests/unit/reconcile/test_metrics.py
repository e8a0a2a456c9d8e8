"""A worker counts its tasks by how they end; without a port of its own it works all the same."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from reconcile import metrics


@pytest.mark.parametrize(
    ("state", "result"),
    [("SUCCESS", "done"), ("RETRY", "retried"), ("FAILURE", "failed"), ("REJECTED", "failed")],
)
def test_a_task_is_counted_by_how_it_ended(state: str, result: str) -> None:
    task: Any = SimpleNamespace(name="stock.settle")
    labels = {"task": "stock.settle", "result": result}
    before = REGISTRY.get_sample_value("recoup_tasks_total", labels) or 0
    metrics.count(task, state)
    assert REGISTRY.get_sample_value("recoup_tasks_total", labels) == before + 1


@pytest.mark.parametrize("error", [OSError("the port is taken"), KeyError("a-worker-metrics")])
def test_who_can_not_serve_metrics_works_without(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(process: str) -> None:
        raise error

    monkeypatch.setattr(metrics.metrics, "serve", fail)
    with caplog.at_level(logging.WARNING):
        assert metrics.serve("a-worker") is False
    assert "a-worker runs without metrics" in caplog.text
