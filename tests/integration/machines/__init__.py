"""State machines: the real scripts on a real database, held to a reference in plain Python."""

import pytest

pytest.register_assert_rewrite(
    "tests.integration.machines.checkouts",
    "tests.integration.machines.history",
    "tests.integration.machines.ledgers",
    "tests.integration.machines.ledger_contents",
    "tests.integration.machines.orders",
)
