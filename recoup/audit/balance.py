"""Holds each account against its legs and the paid orders; see the package's text for why so."""

from __future__ import annotations

import time
from collections.abc import Iterator

from recoup.audit import accounts, kinds, records
from recoup.audit.accounts import subject
from recoup.audit.findings import Book, Difference, Findings
from recoup.audit.scratch import Scratch, Standing
from recoup.audit.stores import Store

BOOKS = {"stock": "items", "payment": "credits"}
"""What a party's book counts."""

HELD_TRIES = 5
"""How often an account and its legs are read together, before it is said that they move."""

HELD_PAUSE_S = 0.3


class Balance:
    """The accounts of one party, when all is read."""

    def __init__(self, store: Store, scratch: Scratch, findings: Findings) -> None:
        self._store = store
        self._party = store.name
        self._scratch = scratch
        self._findings = findings
        self._book = Book(BOOKS.get(store.name, store.name))
        self._doubtful = False
        """Whether an account is missing, or its numbers can't be trusted, nor their sum."""
        findings.books[store.name] = self._book

    def judge(self, totals: dict[str, int] | None) -> None:
        """Adds what differs. `totals`: the running totals, if they stood still all the time."""
        for tid, account_id in self._scratch.held_of_nobody(self._party):
            if self._unreadable(account_id):
                continue
            self._doubtful = True
            about = subject(self._party, account_id)
            detail = f"held by a leg of {self._party}, and there is no such account"
            self._findings.add(Difference(kinds.ACCOUNT_MISSING, about, tid, detail))
        held_suspects = [
            standing.id
            for standing in self._scratch.standings(self._party)
            if self._judge_one(standing)
        ]
        self._judge_held(held_suspects)
        if totals and not self._doubtful:
            self._judge_totals(totals)

    def _unreadable(self, account_id: str) -> bool:
        """Whether the account is there, and was reported already."""
        key = f"{self._store.prefix}account:{account_id}"
        (there,) = self._store.read([("EXISTS", key)])
        return bool(there)

    def _judge_one(self, standing: Standing) -> bool:
        """Judges an account by what was read; whether what it holds is to be looked at."""
        account, book = standing.account, self._book
        if account is None:
            if self._unreadable(standing.id):
                self._doubtful = True
            else:
                self._judge_used(standing)
            return False
        self._findings.checked[f"accounts_{self._party}"] += 1
        book.put_in += account.put_in
        book.available += account.available
        book.held += account.held
        book.used += account.used
        difference = accounts.unbalanced(self._party, standing.id, account)
        if difference:
            # What rests on numbers that contradict each other isn't worth saying.
            self._doubtful = True
            book.difference += abs(account.imbalance) or 1
            self._findings.add(difference)
            return False
        self._judge_used(standing)
        return account.held != standing.held_now

    def _judge_used(self, it: Standing) -> None:
        """Used and paid: exact if nothing moved, else up to what moved meanwhile."""
        if it.used_1 == it.used_2 and it.before_1 == it.before_2:
            unpaid = it.used_2 - (it.paid + it.before_1 - it.held_paid)
        else:
            least, most = it.paid + it.before_1, it.paid + it.before_2
            unpaid = max(0, it.used_1 - most) - max(0, least - it.used_2 - it.held_by_legs)
            moved = it.used_2 + it.held_by_legs - it.used_1 + it.before_2 - it.before_1
            about = subject(self._party, it.id)
            self._findings.bracket(about, moved, "used or paid while it was read")
        if not unpaid:
            return
        self._book.difference += abs(unpaid)
        if unpaid == it.explained:
            return  # the legs that contradict their orders are reported, and are all of it
        kind = kinds.USED_UNPAID if unpaid > 0 else kinds.PAID_UNUSED
        detail = f"used {it.used_2}, of which paid orders account for {it.used_2 - unpaid}"
        self._findings.add(Difference(kind, subject(self._party, it.id), "", detail))

    def _judge_held(self, account_ids: list[str]) -> None:
        """Looks at accounts and their legs as one, until they have stood still for that."""
        for attempt in range(HELD_TRIES):
            time.sleep(HELD_PAUSE_S if attempt and account_ids else 0)
            account_ids = [id for id in account_ids if not self._judge_held_of(id)]
        for id in account_ids:
            self._findings.bracket(subject(self._party, id), 0, "held by legs that come and go")

    def _judge_held_of(self, account_id: str) -> bool:
        """Judges what one account holds. False: it moved meanwhile."""
        key = f"account:{account_id}"
        with self._store.watched(key) as untouched:
            (fields,) = self._store.read([("HMGET", self._store.prefix + key, *records.ACCOUNT)])
            by_legs = 0
            try:
                account = records.account(fields)
                for leg in self._legs(account_id):
                    by_legs += sum(
                        line.amount
                        for line in leg.lines
                        if (line.account_id, line.generation) == (account_id, account.generation)
                    )
            except records.Unreadable:
                return False
            if not untouched():
                return False
        if account.held != by_legs:
            self._book.difference += abs(account.held - by_legs)
            detail = f"it holds {account.held}, and its held legs {by_legs}"
            about = subject(self._party, account_id)
            self._findings.add(Difference(kinds.HELD_DIFFERS, about, "", detail))
        return True

    def _legs(self, account_id: str) -> Iterator[records.Leg]:
        """All legs that are held now and might hold something of an account."""
        prefix = self._store.prefix
        # Together: a leg may go from one index to the other at any moment.
        ((due, parked),) = self._store.read_together(
            [(("ZRANGE", prefix + "due", 0, -1), ("ZRANGE", prefix + "parked", 0, -1))]
        )
        known = self._scratch.held_of(self._party, account_id)
        tids = {*records.listed(due), *records.listed(parked), *known}
        commands = [("HMGET", f"{prefix}leg:{tid}", *records.LEG) for tid in tids]
        for fields in self._store.read(commands):
            try:
                leg = records.leg(fields)
            except records.Unreadable:
                continue  # reported already
            if leg and leg.state == "held":
                yield leg

    def _judge_totals(self, totals: dict[str, int]) -> None:
        book = self._book
        sums = (book.put_in, book.available, book.held, book.used)
        if tuple(totals.values()) != sums:
            names = ("put in", "available", "held", "used")
            detail = ", ".join(
                f"{name} {total} and not {real}"
                for name, total, real in zip(names, totals.values(), sums, strict=True)
                if total != real
            )
            about = f"{self._party}'s totals"
            self._findings.add(Difference(kinds.TOTALS_DIFFER, about, "", detail))
