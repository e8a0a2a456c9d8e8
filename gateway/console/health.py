"""How each process does, as far as those say that can be asked. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from recoup.operate.overview import Overview, Seen
from recoup.operate.wording import clock, duration

FINE, WATCH, ACT, UNKNOWN = "fine", "watch", "act", "unknown"


@dataclass(frozen=True, slots=True)
class Health:
    """One process: how much it matters (see `headline.Level`), in a word, and what else there is
    to say."""

    name: str
    level: str
    word: str
    detail: str = ""


def health(overview: Overview) -> list[Health]:
    """Every process, in the order in which a checkout meets them."""
    return [
        _gateway(overview),
        _store("orders", overview.orders),
        *(_party(name, seen) for name, seen in overview.parties.items()),
        *_workers(overview),
        _broker(overview),
    ]


def _gateway(overview: Overview) -> Health:
    seen = overview.gateway
    if not seen.answers or seen.view is None:
        return _away("gateway", seen)
    if not seen.view.ready:
        return Health("gateway", ACT, "not ready", "it can't read orders")
    if seen.view.breakers_open:
        who = " and ".join(seen.view.breakers_open)
        return Health("gateway", WATCH, "turns checkouts away", f"until {who} answers")
    return Health("gateway", FINE, "ok")


def _store(name: str, seen: Seen[Any]) -> Health:
    return Health(name, FINE, "ok") if seen.answers else _away(name, seen)


def _party(name: str, seen: Seen[Any]) -> Health:
    if not seen.answers or seen.view is None:
        return _away(name, seen)
    swept_ms = seen.view.swept_ago_ms
    swept = "not swept yet" if swept_ms is None else f"swept {duration(swept_ms)} ago"
    if not seen.view.durable:
        return Health(name, ACT, "not durable", f"it may forget what it acknowledges; {swept}")
    return Health(name, FINE, "ok", f"durable, {swept}")


def _workers(overview: Overview) -> Iterator[Health]:
    seen = overview.broker
    for party in overview.parties:
        name = f"{party}-worker"
        if not seen.answers or seen.view is None:
            yield Health(name, UNKNOWN, "not known", "the broker would know")
        elif name in seen.view.workers:
            yield Health(name, FINE, "ok")
        else:
            yield Health(name, WATCH, "not at work", "the sweep settles in its place")


def _broker(overview: Overview) -> Health:
    seen = overview.broker
    if not seen.answers or seen.view is None:
        return Health("broker", WATCH, "down", "checkouts go on; the sweeps settle")
    queued = sum(seen.view.queued.values())
    return Health("broker", FINE, "ok", f"{queued:,} queued")


def _away(name: str, seen: Seen[Any]) -> Health:
    since = f"last answered at {clock(seen.at_s * 1000)}" if seen.at_s else ""
    return Health(name, ACT, "unreachable", since)
