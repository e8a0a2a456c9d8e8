"""Time as the scripts see it, in the hands of a test: it goes on, stands still, and goes back.

The scripts of a state machine are the real ones, but for one line of the prelude: the machine's
time comes from a key, instead of from the machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import redis

MACHINE_TIME = "the machine's time"
"""The key; a list of seconds and microseconds, as TIME answers them."""

TAKES_TIME = "redis.call('TIME')"
TAKES_IT_FROM_THE_KEY = f'redis.call("LRANGE", "{MACHINE_TIME}", 0, -1)'

BEGIN_MS = 4_102_444_800_000
"""The year 2100: what expires by the time of a test doesn't by that of the machine."""


@dataclass
class MachineTime:
    """The time of the machine that the databases of a test run on."""

    client: redis.Redis
    ms: int = BEGIN_MS

    def __post_init__(self) -> None:
        self.go(0)

    def go(self, ms: int) -> None:
        """Goes on, or back."""
        self.ms += ms
        # The last microsecond of a millisecond: whoever rounds is seen to.
        seconds, rest_ms = divmod(self.ms, 1000)
        with self.client.pipeline() as pipeline:
            pipeline.delete(MACHINE_TIME)
            pipeline.rpush(MACHINE_TIME, seconds, rest_ms * 1000 + 999)
            pipeline.execute()


@dataclass
class Clock:
    """The reference of a store's clock: the highest time that a script has written down."""

    machine: MachineTime
    seen_ms: int | None = None

    @property
    def machine_ms(self) -> int:
        return self.machine.ms

    def now_ms(self) -> int:
        return max(self.machine.ms, self.seen_ms or 0)

    def keep(self) -> None:
        self.seen_ms = self.now_ms()
