"""What is measured: how many connections, what else, how often, for how long."""

from __future__ import annotations

from dataclasses import dataclass

from loadtest.features import FEATURES

CONNECTIONS = (4, 64, 256, 1000, 5000)
CROWD = 256
"""Connections of everything that isn't measured at several numbers of them."""

PARTS = ("load", "mix", "instances", "features")
"""The numbers of connections beside the bare route; other customers and other carts; other
instances; instances that lack a feature."""

BARE, CHECKOUT, HEALTHZ = "bare", "checkout", "healthz"
HOT, REFUSED_10, REFUSED_90 = "one hot item", "10 % refused", "90 % refused"
FEW, MILLION = "few orders", "many orders"
ALWAYS, EVERYSEC = "fsync always", "fsync everysec"
TWO, ONE = "2 gateways", "1 gateway"
WITHOUT = {f"without {feature}": feature for feature in FEATURES}

MIXES = {HOT: 0.0, REFUSED_10: 0.1, REFUSED_90: 0.9}
"""The part of the users that have no credit."""

BESIDE_BARE = {CHECKOUT, HEALTHZ, *MIXES}
"""What is measured in the same rounds as the bare route."""

COMPARED = (
    (HOT, CHECKOUT),
    (REFUSED_10, CHECKOUT),
    (REFUSED_90, CHECKOUT),
    (MILLION, FEW),
    (EVERYSEC, ALWAYS),
    (ONE, TWO),
    *((without, f"with {feature}") for without, feature in WITHOUT.items()),
)
"""What each of them differs from in one thing."""

FEW_ORDERS = 1_000

FLOOD, FLOOD_TIMES = 2_000, 2.0
"""From so many connections on a load lasts so much longer: it takes seconds to become steady."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One bench. `seconds`: how long each load lasts; the bare route and /healthz get half."""

    rounds: int = 5
    seconds: float = 3.0
    connections: tuple[int, ...] = CONNECTIONS
    parts: tuple[str, ...] = PARTS
    many_orders: int = 1_000_000
    idle_s: float = 10.0

    @property
    def in_turn(self) -> list[int]:
        """The numbers of connections, the crowd last: what is compared with it follows."""
        return sorted(self.connections, key=lambda each: each == self.crowd)

    @property
    def crowd(self) -> int:
        """Connections where only one number of them is measured."""
        return CROWD if CROWD in self.connections else max(self.connections)


QUICK = Plan(rounds=2, seconds=1.0, many_orders=100_000, idle_s=5.0)
"""To see that it works, or where it goes: too short for figures to be quoted."""
