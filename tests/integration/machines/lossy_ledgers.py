"""A ledger's state machine of a database that loses legs, and keeps their entries in the index."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.integration.machines.ledgers import LedgerMachine


class LossyLedgerMachine(LedgerMachine):
    """Apart from the other, so that the examples of that one aren't spent on losses."""

    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        tid = self._any(data)
        if self.reference.lose(tid):
            self.client.delete(self.books.key(f"leg:{tid}"))
