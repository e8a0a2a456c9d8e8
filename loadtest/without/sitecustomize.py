"""Takes one feature out of every Python process of an instance, so that what it costs can be seen.

Python itself loads a module of this name at its start, if this folder is on PYTHONPATH; only
`loadtest/features.py` puts it there. So the product has no switches that nobody else should touch.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Patch = Callable[[Any], None]


def count_nothing(prometheus: Any) -> None:
    """Counters and histograms stay as they are."""
    prometheus.Counter.inc = prometheus.Histogram.observe = lambda *_, **__: None


def take_any_id(bounds: Any) -> None:
    """Any text is an id, and a tid."""
    bounds.is_id = bounds.is_tid = lambda text: True


def take_any_call(forms: Any) -> None:
    """Whatever a checkout sends is well formed."""
    forms.check_apply = lambda *_: None


def leave_all_to_workers(handover: Any) -> None:
    """No call takes along what is paid."""
    handover.Handover.take_paid = lambda *_: []


PATCHES: dict[str, dict[str, Patch]] = {
    "metrics": {"prometheus_client.metrics": count_nothing},
    "validation": {"recoup.bounds": take_any_id, "workers.ledger.forms": take_any_call},
    "going along": {"gateway.handover": leave_all_to_workers},
}


class Patched(importlib.abc.MetaPathFinder):
    """Finds the modules that are to be changed, and changes each once it is loaded."""

    def __init__(self, patches: dict[str, Patch]) -> None:
        self._patches = dict(patches)

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        """As the import system wants it."""
        patch = self._patches.pop(name, None)
        spec = importlib.util.find_spec(name) if patch else None
        if patch is None or spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_and_change(module: ModuleType) -> None:
            load(module)
            patch(module)

        spec.loader.exec_module = load_and_change  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, Patched(PATCHES.get(os.environ.get("BENCH_WITHOUT", ""), {})))
