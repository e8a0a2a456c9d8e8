"""Clients for pages: who doesn't answer at once isn't waited for, and less the next time.

A page asks several things one after the other. With a whole limit for each, it would take seconds
to say that somebody is away, just when people look.
"""

from __future__ import annotations

import functools
import time
from typing import Any

import grpc

from recoup.operate.clients import Clients

LIMIT_S = 0.8
"""Who is up answers in milliseconds, and under load in tenths of a second."""

SILENT_LIMIT_S = 0.1
SILENT_FOR_S = 2.0
"""Who has just been silent gets this much, for so long: a page's questions follow at once."""


class BriskClients(Clients):
    """Clients whose calls end soon, whatever limit they are given."""

    @functools.cached_property
    def orders(self) -> Any:  # in place of a stub, whose type is one of two
        return _Brisk(super().orders)

    def party(self, name: str) -> Any:
        return self._brisk(name)

    @functools.cache  # noqa: B019 - as long as the process
    def _brisk(self, name: str) -> _Brisk:
        return _Brisk(super().party(name))


class _Brisk:
    """A stub that notes when its service was silent."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub
        self._silent_at_s = float("-inf")

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._stub, name)

        def call(request: Any, *, timeout: float, wait_for_ready: bool | None = None) -> Any:
            silent = time.monotonic() - self._silent_at_s < SILENT_FOR_S
            limit_s = min(timeout, SILENT_LIMIT_S if silent else LIMIT_S)
            try:
                answer = method(request, timeout=limit_s, wait_for_ready=wait_for_ready)
            except grpc.RpcError:
                self._silent_at_s = time.monotonic()
                raise
            self._silent_at_s = float("-inf")
            return answer

        return call
