"""Every setting of every process, read once at start from the environment as `RECOUP_<NAME>`.

Units stand last in a name (`deadline_ms`). A wrong value stops the process with a sentence that
names the variable. Addresses that are not set follow from `RECOUP_PORT`, so that one number moves
a whole instance.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from recoup.bounds import ITEMS_MOST, LOOK_AGAIN_MOST_MS

PARTIES = ("stock", "payment")
"""Who takes part in a checkout, in the order in which they are asked one after the other: stock is
the scarcer good, so who can't have it never holds credit for it."""

AMOUNT_MAX = 2**53 - 1
"""The largest amount of anything. Redis computes in doubles, which are exact up to here."""


class Settings(BaseSettings):
    """The settings of one process; see the module's text."""

    model_config = SettingsConfigDict(env_prefix="RECOUP_", frozen=True, env_ignore_empty=True)

    # --- where things are ---
    data_dir: Path = Path("var")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65_500, description="the gateway's")
    flower_port: int = Field(default=5555, ge=1, le=65_535)
    redis_server: str = Field(default="", description="a Redis or Valkey program")
    orders_address: str = ""
    stock_address: str = ""
    payment_address: str = ""
    orders_db_url: str = ""
    stock_db_url: str = ""
    payment_db_url: str = ""
    broker_url: str = ""
    gateway_workers: int = Field(default=2, ge=1)

    # --- the protocol ---
    # Long enough for a party to be restarted while a checkout waits for it (about 2 s), short
    # enough that a customer still waits.
    deadline_ms: int = Field(default=5_000, ge=200)
    # The customer waits meanwhile; what isn't given back by then is handed to the workers.
    give_back_limit_ms: int = Field(default=1_000, ge=10)
    # How long, and how often, a checkout tries again for what is only held by others.
    retry_budget_ms: int = Field(default=4_000, ge=0)
    retry_tries: int = Field(default=12, ge=1)
    # Far above the deadline and any clock skew we allow: a late deduction must find the leg.
    leg_kept_s: int = Field(default=600, ge=60)
    idempotency_kept_s: int = Field(default=86_400, ge=60)

    # In each gateway process; beyond it, 503 at once. One finishes 300 to 600 in a second, so the
    # last one let in waits 3 to 5 s: as long as for a party that restarts, and a customer still
    # waits. Room for a rush of 1,000, though the kernel may give all of it to one process.
    under_way_checkouts: int = Field(default=1_500, ge=1)

    # --- reconciliation ---
    sweep_interval_ms: int = Field(default=1_000, ge=50)
    sweep_legs: int = Field(default=500, ge=1, description="legs taken by one sweep")
    # Longer than a task waits in a queue that keeps up; shorter than people wait.
    lease_ms: int = Field(default=5_000, ge=100, le=LOOK_AGAIN_MOST_MS)
    backoff_first_ms: int = Field(default=100, ge=1)
    backoff_max_ms: int = Field(default=30_000, ge=1, le=LOOK_AGAIN_MOST_MS)
    parked_retry_s: int = Field(default=300, ge=1)

    # --- calls ---
    rpc_timeout_ms: int = Field(default=3_000, ge=50)
    init_timeout_ms: int = Field(default=120_000, ge=1_000)
    batch_items: int = Field(default=128, ge=1, le=ITEMS_MOST, description="most in one call")
    waiting_items: int = Field(default=20_000, ge=1, description="the most that wait for a call")
    log_level: str = "INFO"

    def address(self, service: str) -> str:
        """The gRPC address, host:port, of `orders`, `stock` or `payment`."""
        configured: str = getattr(self, f"{service}_address")
        return configured or f"{self.host}:{self.port_of(service)}"

    def database_url(self, store: str) -> str:
        """The Redis URL of `orders`, `stock`, `payment` or `broker`."""
        name = "broker_url" if store == "broker" else f"{store}_db_url"
        process = store if store == "broker" else f"{store}-db"
        configured: str = getattr(self, name)
        return configured or f"redis://{self.host}:{self.port_of(process)}/0"

    def port_of(self, process: str) -> int:
        """The port on which a process of this instance listens."""
        return self.flower_port if process == "flower" else self.port + PORT_OFFSETS[process]


PORT_OFFSETS = {
    "gateway": 0,
    "orders": 1,
    "stock": 2,
    "payment": 3,
    "orders-db": 4,
    "stock-db": 5,
    "payment-db": 6,
    "broker": 7,
    "orders-metrics": 8,
    "stock-metrics": 9,
    "payment-metrics": 10,
}


@functools.cache
def settings() -> Settings:
    """This process's settings. Exits with status 2 and a sentence when one is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = "RECOUP_" + "_".join(str(part) for part in problem["loc"]).upper()
            print(f"recoup: {name}: {problem['msg']}, not {problem['input']!r}", file=sys.stderr)
        raise SystemExit(2) from None
