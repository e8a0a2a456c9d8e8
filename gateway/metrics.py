"""What the gateway measures of itself, for Prometheus.

Several worker processes serve one address, so each writes its numbers to a file (see
`metrics_files.py`) and whichever is asked adds all of them up. Without that directory, as in
tests, a process serves its own.

What a checkout counts costs it a dictionary look-up and a microsecond or two: the series of each
label value are made once, not for each request.
"""

from __future__ import annotations

import os
from typing import Final, TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.metrics_files import VARIABLE
from recoup.metrics import tell_build
from recoup.settings import settings

PARTIES: Final = settings().parties

HOPS: Final = ("orders", *(f"deduct_{party}" for party in PARTIES), "give_back", "hand_over")
"""The batched calls of a checkout, in their order."""

M = TypeVar("M", bound=MetricWrapperBase)


class Series(dict[str, M]):
    """A metric's series by the value of its one label; a new value's is made at its first use."""

    def __init__(self, metric: M, *values: str) -> None:
        super().__init__((value, metric.labels(value)) for value in values)
        self._metric = metric

    def __missing__(self, value: str) -> M:
        series = self[value] = self._metric.labels(value)
        return series


_registry = CollectorRegistry()

# From what an idle machine needs for one call, to a checkout that waits out its deadline.
SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

CHECKOUTS: Final = Series(
    Counter(
        "recoup_checkouts",
        'Checkouts answered, by "paid", "already-paid" or the slug of the problem.',
        ["outcome"],
        registry=_registry,
    ),
    "paid",
    "already-paid",
    "not-enough-stock",
    "not-enough-credit",
    "order-changed",
    "checkout-undone",
    "store-unavailable",
    "party-away",
    "overloaded",
    "clock-skew",
    "internal-error",
)

_verdicts = Counter(
    "recoup_verdicts",
    "Proposals, by who made them and the verdict that each came to.",
    ["verdict", "by"],
    registry=_registry,
)
VERDICTS: Final = {each: _verdicts.labels(each, "gateway") for each in ("commit", "abort")}

CHECKOUT_DURATION_S: Final = Histogram(
    "recoup_checkout_duration_seconds",
    "From the request for a checkout to its answer, all tries included.",
    registry=_registry,
    buckets=SECONDS,
)

# A counter, not a histogram of tries: a checkout that needs one try pays nothing for it.
CHECKOUT_RETRIES: Final = Counter(
    "recoup_checkout_retries",
    "Tries after a checkout's first, for what was only held by others.",
    registry=_registry,
)

HOP_DURATION_S: Final = Series(
    Histogram(
        "recoup_hop_duration_seconds",
        "One batched call to a store or a service.",
        ["hop"],
        registry=_registry,
        buckets=SECONDS,
    ),
    *HOPS,
)

BATCH_ITEMS: Final = Series(
    Histogram(
        "recoup_batch_items",
        "What one batched call carried.",
        ["hop"],
        registry=_registry,
        buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
    ),
    *HOPS,
)

HANDED_OVER: Final = Series(
    Counter(
        "recoup_handed_over",
        'Finished checkouts given to the workers: "published", or "lost" for the sweep to find.',
        ["result"],
        registry=_registry,
    ),
    "published",
    "lost",
)

# Each worker process has its own breakers; one that is open anywhere is worth a look.
BREAKER_OPEN: Final = Series(
    Gauge(
        "recoup_breaker_open",
        "1 while checkouts are turned away since this party is away.",
        ["party"],
        registry=_registry,
        multiprocess_mode="livemax",
    ),
    *PARTIES,
)

# The latest, not the largest: it can be below zero.
CLOCK_SKEW_S: Final = Series(
    Gauge(
        "recoup_clock_skew_seconds",
        "How far this party's clock is ahead of the order store's.",
        ["party"],
        registry=_registry,
        multiprocess_mode="livemostrecent",
    ),
    *PARTIES,
)


_peer_up = Gauge(
    "recoup_peer_up",
    "1: `to` answers `from`, and so does its database. As last seen.",
    ["from", "to"],
    registry=_registry,
    multiprocess_mode="livemostrecent",
)
PEER_UP: Final = {to: _peer_up.labels("gateway", to) for to in ("orders", *PARTIES)}

tell_build(_registry)


def _everyones() -> CollectorRegistry:
    if VARIABLE not in os.environ:
        return _registry
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


_served = _everyones()


def render() -> tuple[bytes, str]:
    """The metrics of all worker processes, and the content type in which they are written."""
    return generate_latest(_served), CONTENT_TYPE_LATEST
