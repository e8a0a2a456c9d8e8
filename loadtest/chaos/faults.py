"""Every kind of fault: its name, what it breaks, for how long, and how.

To add one, add a line to `FAULTS` (and, if it breaks in a new way, a context to `world.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from loadtest.chaos.proxy import Mode
from loadtest.chaos.world import World
from loadtest.instance import GATEWAY_WORKER
from recoup.settings import PARTIES

PAST_DEADLINE_S = 6.5
"""Longer than a checkout's deadline (5 s): who stood still finds that everything was decided."""

SHORT_S = 3.0
"""Within a deadline: what waits for it may still succeed."""

DOWN_S = 1.0
"""How long an orderly restart leaves a process down."""

Act = Callable[[World], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault. Two that break the same of `targets` are never open at the same time.
    `storms`: also fit for a storm. `first`: had alone before those that are like another one."""

    name: str
    targets: frozenset[str]
    lasts_s: float
    act: Act
    storms: bool = True
    first: bool = True


def target(name: str) -> str:
    """What is broken with a process: a gateway that restarts has no workers to break."""
    return "gateway" if name == GATEWAY_WORKER else name


def kill(*names: str) -> Fault:
    """kill -9."""
    targets = frozenset(map(target, names))
    return Fault(f"kill {' + '.join(names)}", targets, 0, lambda world: world.killed(*names))


def die_at(point: str) -> Fault:
    """A process dies at a named line."""
    process, _, place = point.partition(".")
    name = f"{process} dies {place.replace('_', ' ')}"
    return Fault(name, frozenset({process}), 0, lambda world: world.dies_at(point))


def pause(name: str, first: bool = True) -> Fault:
    """SIGSTOP, past the deadline."""
    return Fault(
        f"pause {name}",
        frozenset({target(name)}),
        PAST_DEADLINE_S,
        lambda world: world.paused(name),
        first=first,
    )


def restart(name: str, first: bool = True) -> Fault:
    """An orderly restart."""
    return Fault(
        f"restart {name}",
        frozenset({name}),
        DOWN_S,
        lambda world: world.restarted(name),
        first=first,
    )


def disturb(link: str, mode: Mode, lasts_s: float) -> Fault:
    """A link that doesn't carry."""
    act: Act = lambda world: world.disturbed(link, mode)  # noqa: E731
    return Fault(f"{mode} {link}", frozenset({link}), lasts_s, act)


def ahead(store: str, by_s: float, storms: bool) -> Fault:
    """A clock that is ahead."""
    act: Act = lambda world: world.ahead(store, by_s)  # noqa: E731
    return Fault(f"{store} clock +{by_s:g} s", frozenset({f"{store} clock"}), by_s, act, storms)


FAULTS: Final = (
    *map(kill, (GATEWAY_WORKER, "gateway", "orders", "stock", "payment")),
    *map(kill, ("stock-worker", "payment-worker", "beat", "flower", "broker")),
    *map(kill, ("orders-db", "stock-db", "payment-db")),
    Fault(
        "kill payment-db rewriting its file",
        frozenset({"payment-db"}),
        0,
        lambda world: world.killed_while_rewriting("payment"),
    ),
    kill("payment", GATEWAY_WORKER),
    kill("orders-db", "stock-db"),
    *map(die_at, ("gateway.after_votes", "gateway.after_verdict", "gateway.after_give_back")),
    *map(die_at, ("stock.before_deduct", "payment.after_deduct")),
    *map(die_at, ("stock.after_settle", "payment.before_settle", "payment-worker.after_verdicts")),
    die_at("stock-worker.after_settle"),
    *map(pause, (GATEWAY_WORKER, "orders", "stock", "payment", "stock-db", "broker")),
    *(pause(name, first=False) for name in ("gateway", "stock-worker", "payment-worker", "beat")),
    *(pause(name, first=False) for name in ("flower", "orders-db", "payment-db")),
    *map(restart, ("gateway", "stock", "payment-worker", "payment-db")),
    *(restart(name, first=False) for name in ("orders", "payment", "stock-worker", "beat")),
    *(restart(name, first=False) for name in ("flower", "broker", "orders-db", "stock-db")),
    disturb("gateway->stock", Mode.CUT, SHORT_S),
    disturb("gateway->stock", Mode.BLACKHOLE, PAST_DEADLINE_S),
    disturb("gateway->stock", Mode.SLOW, SHORT_S),
    disturb("gateway->orders-db", Mode.CUT, SHORT_S),
    disturb("gateway->orders-db", Mode.BLACKHOLE, PAST_DEADLINE_S),
    disturb("stock-worker->payment", Mode.BLACKHOLE, PAST_DEADLINE_S),
    disturb("payment-worker->broker", Mode.CUT, SHORT_S),
    disturb("payment-worker->broker", Mode.BLACKHOLE, PAST_DEADLINE_S),
    disturb("stock->stock-db", Mode.CUT, SHORT_S),
    disturb("stock->stock-db", Mode.BLACKHOLE, PAST_DEADLINE_S),
    Fault("empty broker", frozenset({"broker"}), 0, lambda world: world.emptied("broker")),
    ahead("stock", 1.5, storms=True),
    # Alone, since for its whole time every checkout has to be turned away.
    ahead("payment", 20, storms=False),
)
"""Of an instance with stock and payment alone."""


def faults_of(parties: Sequence[str]) -> tuple[Fault, ...]:
    """Every kind of fault of an instance with these parties."""
    further = [fault for party in parties if party not in PARTIES for fault in _faults_of(party)]
    return (*FAULTS, *further)


def _faults_of(party: str) -> tuple[Fault, ...]:
    """What may befall a further party."""
    return (
        *map(kill, (party, f"{party}-worker", f"{party}-db")),
        *map(die_at, (f"{party}.before_deduct", f"{party}.after_deduct", f"{party}.after_settle")),
        *map(die_at, (f"{party}-worker.after_verdicts", f"{party}-worker.after_settle")),
        *map(pause, (party, f"{party}-db")),
        *map(restart, (party, f"{party}-worker")),
        disturb(f"gateway->{party}", Mode.CUT, SHORT_S),
        disturb(f"gateway->{party}", Mode.BLACKHOLE, PAST_DEADLINE_S),
        disturb(f"{party}->{party}-db", Mode.CUT, SHORT_S),
        ahead(party, 1.5, storms=True),
    )
