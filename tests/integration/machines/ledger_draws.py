"""What a ledger's state machine draws from."""

from __future__ import annotations

from operator import neg

from hypothesis import strategies as st

from recoup.settings import AMOUNT_MAX
from tests.integration.books import ABORT, COMMIT

TIDS = st.sampled_from(["o.1", "o.2", "p.1", "p.2", "q.1"])
FIRST = st.sampled_from(["o.1", "p.1"])
OPENED = st.sampled_from(["0", "1", "a"])
ACCOUNTS = OPENED | st.just("b")
FEW = st.integers(0, 3)
LARGE = st.sampled_from([10**15 + 1, 2**52, AMOUNT_MAX - 1, AMOUNT_MAX])
AMOUNTS = FEW | FEW | LARGE
BEGINNINGS = st.sampled_from([10, AMOUNT_MAX])
LINES = st.lists(st.tuples(ACCOUNTS, AMOUNTS), min_size=1, max_size=4)
FEW_OF_OPENED = st.lists(st.tuples(OPENED, FEW), min_size=1, max_size=3)
IN_TIME = st.sampled_from([0, 1, 150, 299, 600])
"""How far ahead of the clock a deadline is, in ms: up to two deadlines are allowed."""
MARGINS = IN_TIME | st.sampled_from([-10_000, -1, 601, 10_000])
VERDICTS = st.sampled_from([(COMMIT, "committed"), (ABORT, "returned")])
DELAYS = st.sampled_from([0, 1, 100, 1_000])
LIMITS = st.integers(1, 4)
KEYS = st.sampled_from(["", "", "k", "l"])

LEASE_MS = 200

CLAIMS = st.tuples(st.just("claim"), st.sampled_from([None, 0, 0, -1]), DELAYS, DELAYS)
NOTES = st.tuples(
    st.just("note"), st.sampled_from(["one", "another"]), st.sampled_from([True, True, False])
)
PARKS = st.tuples(st.just("park"), st.sampled_from(["one", "another"]))
TRIES = CLAIMS | NOTES | PARKS | st.tuples(st.just("retry"))
CREATIONS = st.tuples(st.just("create"), ACCOUNTS, AMOUNTS)
ADJUSTMENTS = st.tuples(st.just("adjust"), ACCOUNTS, AMOUNTS | AMOUNTS.map(neg))
INITS = st.tuples(st.just("init"), st.integers(1, 2), AMOUNTS, AMOUNTS)

Lines = list[tuple[str, int]]
