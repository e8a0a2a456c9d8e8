"""How long to wait before the next try: exponential backoff with full jitter.

Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015. Full jitter
spreads tries that failed together over the whole interval.
"""

from __future__ import annotations

import random


def backoff_ms(tries: int, first_ms: int, most_ms: int) -> int:
    """A random time between 0 and first_ms · 2^tries, at most `most_ms`, never 0.

    `tries` counts the tries that have failed before this one, from 0.
    """
    # 2^30 times the first wait is beyond any limit; more would only make large numbers.
    ceiling_ms = min(most_ms, first_ms * 2 ** min(tries, 30))
    return random.randint(1, max(1, ceiling_ms))
