"""What a ledger's reference keeps: accounts, legs, and what it remembers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Account:
    """An account's numbers."""

    price: int
    available: int = 0
    held: int = 0
    used: int = 0
    put_in: int = 0
    generation: int = 1


@dataclass
class Leg:
    """A leg; `lines` are (account id, amount, generation of the account)."""

    state: str
    lines: Sequence[tuple[str, int, int]]
    deadline_ms: int
    held_at_ms: int
    settled_at_ms: int | None = None
    expires_ms: int | None = None
    tries: int = 0
    next_try_ms: int | None = None
    cause: str | None = None
    recent_tries: list[tuple[int, str]] = field(default_factory=list)
    """When each was, in ms, and why it did not settle the leg."""

    @property
    def amounts(self) -> dict[str, int]:
        return {account_id: amount for account_id, amount, _ in self.lines}


Answer = tuple[str, str, Account | None]
"""An outcome, and the account as it was then, if that tells of one."""


@dataclass(frozen=True)
class Remembered:
    """The first answer under an idempotency key, and which request it was for."""

    fingerprint: str
    answer: Answer
    expires_ms: int
