"""Answers as the generator sees them: bytes, statuses, and how long they took. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def status_of(answer: bytes) -> int:
    """The status of a complete answer; 0 if some of it is still to come. Raises ValueError for what
    has no length."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return 0
    at = answer.find(b"\r\nContent-Length: ", 0, end)
    if at < 0:
        raise ValueError(f"an answer without a length: {answer[:200]!r}")
    length = int(answer[at + 18 : answer.find(b"\r\n", at + 18)])
    return int(answer[9:12]) if len(answer) >= end + 4 + length else 0


def counted(statuses: Sequence[int]) -> dict[str, int]:
    """How often there was each."""
    return {str(status): count for status, count in sorted(Counter(statuses).items())}


def percentiles_ms(took_us: Sequence[int]) -> dict[str, float]:
    """What half, 99 % and 99.9 % took at most, and the longest; nothing of nothing."""
    ordered = sorted(took_us)
    if not ordered:
        return {}
    parts = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "most": 1.0}
    last = len(ordered) - 1
    return {
        name: ordered[min(last, int(part * len(ordered)))] / 1000 for name, part in parts.items()
    }
