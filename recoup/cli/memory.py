"""What `recoup status` saw the last time: whose figures it can tell of a store that is away now.

It is a file beside the instance's data, for convenience alone: without it, what a store said last
is not known. Where the data isn't on this machine, nothing is kept.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from pydantic import BaseModel, ValidationError

from recoup.operate.overview import (
    BrokerView,
    GatewayView,
    OrdersView,
    Overview,
    PartyView,
    Seen,
)
from recoup.settings import Settings


class Remembered(BaseModel):
    """An overview, as it is kept."""

    at_s: float
    parties: dict[str, Seen[PartyView]]
    orders: Seen[OrdersView]
    gateway: Seen[GatewayView]
    broker: Seen[BrokerView]


def read(settings: Settings) -> Overview | None:
    """What was seen last; None: nothing, or an older version of us has written it."""
    try:
        kept = Remembered.model_validate_json(place(settings).read_text())
    except (OSError, ValidationError):
        return None
    return Overview(kept.at_s, kept.parties, kept.orders, kept.gateway, kept.broker, settings)


def write(seen: Overview) -> None:
    """Keeps what was seen, whole or not at all: somebody else may be reading it."""
    kept = Remembered(
        at_s=seen.at_s,
        parties=dict(seen.parties),
        orders=seen.orders,
        gateway=seen.gateway,
        broker=seen.broker,
    )
    path = place(seen.settings)
    new = path.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):  # no such folder, or not ours: then nothing is kept
        new.write_text(kept.model_dump_json())
        new.replace(path)


def place(settings: Settings) -> Path:
    """With what else an instance's supervision writes."""
    return settings.data_dir / "run" / "last-status.json"
