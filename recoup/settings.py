"""Every setting of every process, read once at start from the environment as `RECOUP_<NAME>`.

Units stand last in a name (`deadline_ms`). A wrong value stops the process with a sentence that
names the variable. Addresses that are not set follow from `RECOUP_PORT`, so that one number moves
a whole instance.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from recoup import faults
from recoup.bounds import ITEMS_MOST, LOOK_AGAIN_MOST_MS

PARTIES = ("stock", "payment")
"""Who takes part in every checkout, in the order in which they are asked one after the other:
stock is the scarcer good, so who can't have it never holds credit for it."""

PARTIES_MOST = 8
"""Each is asked by each checkout; more need another protocol."""

PARTY_NAME = re.compile(r"[a-z][a-z0-9]{0,30}")
"""It becomes part of names of processes, of keys, and of variables."""

AMOUNT_MAX = 2**53 - 1
"""The largest amount of anything. Redis computes in doubles, which are exact up to here."""

KEPT_DEADLINES = 4
"""A settled leg is kept for at least so many deadlines. A party takes no deadline that is more than
two ahead; the other two are for clocks that disagree."""


class Settings(BaseSettings):
    """The settings of one process; see the module's text."""

    model_config = SettingsConfigDict(env_prefix="RECOUP_", frozen=True, env_ignore_empty=True)

    # --- where things are ---
    data_dir: Path = Path("var")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65_490, description="the gateway's")
    flower_port: int = Field(default=5555, ge=1, le=65_535)
    # Where people's browsers find them, if that isn't this machine; see recoup/pages.py.
    console_url: str = ""
    flower_url: str = ""
    redis_server: str = Field(default="", description="a Redis or Valkey program")
    orders_address: str = ""
    stock_address: str = ""
    payment_address: str = ""
    orders_db_url: str = ""
    stock_db_url: str = ""
    payment_db_url: str = ""
    broker_url: str = ""
    # Without it a killed database may have forgotten what it acknowledged: for measuring the price.
    durable: bool = True
    gateway_workers: int = Field(default=2, ge=1)
    parties: Annotated[tuple[str, ...], NoDecode] = Field(
        default=PARTIES, description="with commas between them; see ADR 9"
    )
    _places: dict[str, str] = PrivateAttr(default_factory=lambda: _places_of_further_parties())

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
    leg_kept_s: int = Field(default=600, ge=60, validate_default=True)
    idempotency_kept_s: int = Field(default=86_400, ge=60)
    # What was decided about an order, and why, after the last time: while somebody may ask.
    history_kept_s: int = Field(default=3 * 86_400, ge=60)

    # In each gateway process; beyond it, 503 at once. One finishes 400 to 900 in a second, so the
    # last one let in waits 4 to 10 s. Who is turned away comes back, and costs a fifth of a
    # checkout each time, so it should not be too few: with two processes there is room for 5,000
    # customers at once, also when the kernel doesn't share them evenly.
    under_way_checkouts: int = Field(default=4_000, ge=1)

    # --- reconciliation ---
    sweep_interval_ms: int = Field(default=1_000, ge=50)
    sweep_legs: int = Field(default=500, ge=1, description="legs taken by one sweep")
    # Longer than a task waits in a queue that keeps up; shorter than people wait.
    lease_ms: int = Field(default=5_000, ge=100, le=LOOK_AGAIN_MOST_MS)
    backoff_first_ms: int = Field(default=100, ge=1)
    backoff_max_ms: int = Field(default=30_000, ge=1, le=LOOK_AGAIN_MOST_MS)
    parked_retry_s: int = Field(default=300, ge=1)
    # A worker's tasks at a time; see reconcile/autoscale.py. Each only waits for gRPC, so many fit.
    # At the least, enough that a few that wait for a peer don't hold up the others; at the most,
    # what a peer that has just come back is asked at the same moment.
    worker_least_tasks: int = Field(default=8, ge=1)
    worker_most_tasks: int = Field(default=64, ge=1, le=1_000, validate_default=True)
    # As long as the longest pause between two tries: what fails now fails again within it.
    worker_calm_s: int = Field(default=30, ge=1)

    # --- calls ---
    rpc_timeout_ms: int = Field(default=3_000, ge=50)
    init_timeout_ms: int = Field(default=120_000, ge=1_000)
    batch_items: int = Field(default=128, ge=1, le=ITEMS_MOST, description="most in one call")
    waiting_items: int = Field(default=20_000, ge=1, description="the most that wait for a call")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = Field(default="text", description="for people, machines")

    # --- tracing ---
    trace_url: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="where spans go, by OTLP over HTTP; empty: nowhere, and it costs nothing",
    )
    trace_part: float = Field(default=1.0, ge=0, le=1, description="of all traces, those kept")

    # --- for tests ---
    environment: Literal["development", "production"] = Field(
        default="development", description="production refuses what only tests need"
    )
    fault: str = Field(default="", description="see recoup/faults.py")

    @field_validator("leg_kept_s")
    @classmethod
    def _outlives_every_deduction(cls, leg_kept_s: int, info: ValidationInfo) -> int:
        least_s = KEPT_DEADLINES * info.data.get("deadline_ms", 0) / 1000
        if leg_kept_s < least_s:
            raise ValueError(f"Input should be at least {KEPT_DEADLINES} deadlines, {least_s:g} s")
        return leg_kept_s

    @field_validator("worker_most_tasks")
    @classmethod
    def _not_below_the_least(cls, most: int, info: ValidationInfo) -> int:
        least = info.data.get("worker_least_tasks", 0)
        if most < least:
            raise ValueError(f"Input should be at least RECOUP_WORKER_LEAST_TASKS, {least}")
        return most

    @field_validator("parties", mode="before")
    @classmethod
    def _split(cls, names: object) -> object:
        return tuple(name.strip() for name in names.split(",")) if isinstance(names, str) else names

    @field_validator("parties")
    @classmethod
    def _only_parties_that_can_be(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        why = ""
        if not set(PARTIES) <= set(names):
            why = f"Input should name {' and '.join(PARTIES)}, and perhaps others"
        if len(set(names)) != len(names) or len(names) > PARTIES_MOST:
            why = f"Input should name each party once, and at most {PARTIES_MOST}"
        if not all(PARTY_NAME.fullmatch(name) and name not in OTHER_NAMES for name in names):
            why = f"Input should be names like {PARTY_NAME.pattern} that no other process has"
        if why:
            raise ValueError(why)
        return names

    @field_validator("fault")
    @classmethod
    def _only_faults_that_there_are(cls, text: str, others: ValidationInfo) -> str:
        faults.check(text, others.data.get("parties", PARTIES))
        if text and others.data.get("environment") == "production":
            raise ValueError("it makes processes die, so in production it should be empty")
        return text

    def address(self, service: str) -> str:
        """The gRPC address, host:port, of `orders` or a party."""
        return self._place(f"{service}_address") or f"{self.host}:{self.port_of(service)}"

    def database_url(self, store: str) -> str:
        """The Redis URL of `orders`, a party, or `broker`."""
        name = "broker_url" if store == "broker" else f"{store}_db_url"
        process = store if store == "broker" else f"{store}-db"
        return self._place(name) or f"redis://{self.host}:{self.port_of(process)}/0"

    def _place(self, name: str) -> str:
        """An address or URL that was set, or empty."""
        return str(getattr(self, name, "") or self._places.get(name, ""))

    def port_of(self, process: str) -> int:
        """The port on which a process of this instance listens."""
        if process == "flower":
            return self.flower_port
        return self.port + port_offsets(self.parties)[process]


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
    "stock-worker-metrics": 11,
    "payment-worker-metrics": 12,
    "beat-metrics": 13,
}


OTHER_NAMES = {"gateway", "orders", "broker", "beat", "flower"}
"""Processes that aren't parties."""


@functools.cache
def port_offsets(parties: tuple[str, ...]) -> dict[str, int]:
    """The ports of an instance with these parties, from its first on: those of further parties
    come last, in their order."""
    further = [party for party in parties if party not in PARTIES]
    parts = ("", "-db", "-metrics", "-worker-metrics")
    names = [f"{party}{part}" for party in further for part in parts]
    return PORT_OFFSETS | dict(zip(names, itertools.count(max(PORT_OFFSETS.values()) + 1)))


def _places_of_further_parties() -> dict[str, str]:
    """What the environment says of where they are: nobody could declare it under their names."""
    form = re.compile(r"RECOUP_([A-Z0-9]+_(?:ADDRESS|DB_URL))")
    found = ((form.fullmatch(name), place) for name, place in os.environ.items())
    return {match[1].lower(): place for match, place in found if match}


@functools.cache
def settings() -> Settings:
    """This process's settings. Exits with status 2 and a sentence when one is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = "RECOUP_" + "_".join(str(part) for part in problem["loc"]).upper()
            message = problem["msg"].removeprefix("Value error, ")
            print(f"recoup: {name}: {message}, not {problem['input']!r}", file=sys.stderr)
        raise SystemExit(2) from None
