"""How times, counts and causes are put into words, for people."""

from __future__ import annotations

import time

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400


def duration(ms: float) -> str:
    """How long, to two units: `7 min 50 s`."""
    seconds = max(0.0, ms / 1000)
    if seconds < 10:
        return f"{seconds:.1f} s"
    total = round(seconds)
    if total < MINUTE_S:
        return f"{total} s"
    if total < HOUR_S:
        return _two(total, MINUTE_S, "min", 1, "s")
    if total < DAY_S:
        return _two(total, HOUR_S, "h", MINUTE_S, "min")
    return _two(total, DAY_S, "d", HOUR_S, "h")


def _two(total: int, large_s: int, large: str, small_s: int, small: str) -> str:
    many, rest = divmod(total, large_s)
    few = rest // small_s
    return f"{many} {large} {few} {small}" if few else f"{many} {large}"


def brief(ms: float) -> str:
    """The same, for the column of a table: `7m50s`."""
    return duration(ms).replace(" min", "m").replace(" ", "")


def clock(ms: float) -> str:
    """A moment, as the clock on the wall shows it here; with the date if it isn't today's."""
    moment = time.localtime(ms / 1000)
    form = "%H:%M:%S" if moment[:3] == time.localtime()[:3] else "%Y-%m-%d %H:%M:%S"
    return time.strftime(form, moment)


def count(number: int, noun: str, nouns: str = "") -> str:
    """A number and its noun: `1 leg`, `1,204 legs`."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"
