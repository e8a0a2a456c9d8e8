"""The audit's scratch paper: a temporary SQLite database on disk, so that memory stays bounded.

Sums stay exact: SQLite's integers have 64 bits and could overflow, so amounts are summed up in two
halves, and put together in Python.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recoup.audit.records import Account, Line

CACHE_KIB = 65_536
"""What SQLite keeps in memory; the rest is on disk."""

SCHEMA = """
CREATE TABLE account (reading, party, id, generation, available, held, used, used_before, put_in,
    PRIMARY KEY (reading, party, id)) WITHOUT ROWID;
CREATE TABLE before (reading, party, id, amount, PRIMARY KEY (reading, party, id)) WITHOUT ROWID;
CREATE TABLE paid (tid, party, id, amount, PRIMARY KEY (tid, party, id)) WITHOUT ROWID;
CREATE TABLE paid_tid (tid PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE held (tid, party, id, generation, amount, PRIMARY KEY (tid, party, id)) WITHOUT ROWID;
CREATE TABLE explained (tid, party, id, amount, PRIMARY KEY (tid, party, id)) WITHOUT ROWID;
CREATE TABLE suspect (party, tid, PRIMARY KEY (party, tid)) WITHOUT ROWID;
CREATE TABLE seen (name PRIMARY KEY) WITHOUT ROWID;
"""

SUMS = """
CREATE TABLE paid_sum (party, id, high, low, PRIMARY KEY (party, id)) WITHOUT ROWID;
INSERT INTO paid_sum SELECT party, id, SUM(amount >> 32), SUM(amount & 4294967295)
    FROM paid GROUP BY party, id;
CREATE TABLE held_sum (party, id, high, low, now_high, now_low, paid_high, paid_low,
    PRIMARY KEY (party, id)) WITHOUT ROWID;
INSERT INTO held_sum
    SELECT held.party, held.id, SUM(held.amount >> 32), SUM(held.amount & 4294967295),
        SUM(IIF(held.generation = account.generation, held.amount >> 32, 0)),
        SUM(IIF(held.generation = account.generation, held.amount & 4294967295, 0)),
        SUM(IIF(paid_tid.tid IS NULL, 0, held.amount >> 32)),
        SUM(IIF(paid_tid.tid IS NULL, 0, held.amount & 4294967295))
    FROM held LEFT JOIN paid_tid USING (tid)
        LEFT JOIN account
        ON reading = 2 AND account.party = held.party AND account.id = held.id
    GROUP BY held.party, held.id;
"""

STANDINGS = """
SELECT ids.id,
    last.generation, last.available, last.held, last.used, last.used_before, last.put_in,
    first.used, first.used_before,
    paid_sum.high, paid_sum.low, before_1.amount, before_2.amount,
    held_sum.high, held_sum.low, held_sum.now_high, held_sum.now_low,
    held_sum.paid_high, held_sum.paid_low,
    (SELECT SUM(amount) FROM explained WHERE party = :party AND id = ids.id)
FROM (
    SELECT id FROM account WHERE reading = 2 AND party = :party
    UNION SELECT id FROM paid_sum WHERE party = :party
    UNION SELECT id FROM before WHERE reading = 2 AND party = :party
    UNION SELECT id FROM held_sum WHERE party = :party
) AS ids
LEFT JOIN account AS last ON last.reading = 2 AND last.party = :party AND last.id = ids.id
LEFT JOIN account AS first ON first.reading = 1 AND first.party = :party AND first.id = ids.id
LEFT JOIN paid_sum ON paid_sum.party = :party AND paid_sum.id = ids.id
LEFT JOIN before AS before_1
    ON before_1.reading = 1 AND before_1.party = :party AND before_1.id = ids.id
LEFT JOIN before AS before_2
    ON before_2.reading = 2 AND before_2.party = :party AND before_2.id = ids.id
LEFT JOIN held_sum ON held_sum.party = :party AND held_sum.id = ids.id
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """All that was read about one account; the names are those of the package's text."""

    id: str
    account: Account | None
    """As it was at last (reading 2); None: there is none."""
    used_1: int
    used_2: int
    paid: int
    before_1: int
    before_2: int
    held_by_legs: int
    """By all held legs."""
    held_now: int
    """By held legs of its generation."""
    held_paid: int
    """By held legs whose order is among the paid ones."""
    explained: int
    """What is too much in `used`, by legs that contradict their order (below zero: too little)."""


class Scratch:
    """What was read so far."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)  # "": on disk, and gone at the end
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Throws it away."""
        self._db.close()

    def keep_accounts(
        self, reading: int, party: str, accounts: Iterable[tuple[str, Account]]
    ) -> None:
        """Accounts as they are now. `reading`: 1 or 2."""
        self._put(
            "account",
            ((reading, party, id, *_numbers(account)) for id, account in accounts),
        )

    def keep_before(self, reading: int, party: str, amounts: Iterable[tuple[str, int]]) -> None:
        """What earlier lives of orders asked of accounts. `reading`: 1 or 2."""
        self._put("before", ((reading, party, id, amount) for id, amount in amounts))

    def keep_paid(self, lines: Iterable[tuple[str, str, str, int]]) -> None:
        """(tid, party, account, amount) of paid orders. What is known already is left alone."""
        self._put("paid", lines)

    def keep_paid_tids(self, tids: Iterable[str]) -> None:
        """Tids whose verdict is commit: of paid orders, and of their earlier lives."""
        self._put("paid_tid", ((tid,) for tid in tids))

    def keep_held(self, party: str, legs: Mapping[str, Sequence[Line]]) -> None:
        """The lines of held legs, by their tids."""
        self._put(
            "held",
            (
                (tid, party, line.account_id, line.generation, line.amount)
                for tid, lines in legs.items()
                for line in lines
            ),
        )

    def explain(self, party: str, tid: str, amounts: Iterable[tuple[str, int]]) -> None:
        """How much too much (below zero: too little) a leg has made an account use."""
        self._put("explained", ((tid, party, id, amount) for id, amount in amounts))

    def suspect(self, party: str, tids: Iterable[str]) -> None:
        """Tids that look wrong, to be looked at again."""
        self._put("suspect", ((party, tid) for tid in tids))

    def acquit(self, party: str, tids: Iterable[str]) -> None:
        """Tids that are right after all."""
        self._db.executemany(
            "DELETE FROM suspect WHERE party = ? AND tid = ?", ((party, tid) for tid in tids)
        )

    def suspects(self, party: str, batch: int) -> Iterator[list[str]]:
        """The tids that look wrong."""
        last = ""
        query = "SELECT tid FROM suspect WHERE party = ? AND tid > ? ORDER BY tid LIMIT ?"
        while rows := self._db.execute(query, (party, last, batch)).fetchall():
            yield [tid for (tid,) in rows]
            (last,) = rows[-1]

    def is_new(self, name: str) -> bool:
        """Whether this is asked for the first time."""
        return self._put("seen", [(name,)]) > 0

    def held_of(self, party: str, account_id: str) -> list[str]:
        """The tids of held legs that hold something of an account."""
        rows = self._db.execute(
            "SELECT tid FROM held WHERE party = ? AND id = ?", (party, account_id)
        )
        return [tid for (tid,) in rows]

    def held_of_nobody(self, party: str) -> Iterator[tuple[str, str]]:
        """(tid, account) of held legs whose account doesn't exist."""
        yield from self._db.execute(
            "SELECT tid, id FROM held WHERE party = :party AND NOT EXISTS (SELECT 1 FROM account"
            " WHERE reading = 2 AND account.party = :party AND account.id = held.id)",
            {"party": party},
        )

    def sum_up(self) -> None:
        """To be called once, when all is read, before `standings`."""
        self._db.execute("CREATE INDEX held_id ON held (party, id)")
        self._db.execute("CREATE INDEX explained_id ON explained (party, id)")
        self._db.executescript(SUMS)

    def standings(self, party: str) -> Iterator[Standing]:
        """All that is known of each account of a party, and of those that should exist."""
        for row in self._db.execute(STANDINGS, {"party": party}):
            yield _standing(*row)

    def _put(self, table: str, rows: Iterable[Sequence[Any]]) -> int:
        rows = list(rows)
        if not rows:
            return 0
        marks = ", ".join("?" * len(rows[0]))
        verb = "REPLACE" if table in ("account", "before") else "INSERT OR IGNORE"
        self._db.execute("BEGIN")
        done = self._db.executemany(f"{verb} INTO {table} VALUES ({marks})", rows)
        self._db.execute("COMMIT")
        return done.rowcount


def _numbers(account: Account) -> tuple[int, ...]:
    """In the order of the table's columns."""
    a = account
    return a.generation, a.available, a.held, a.used, a.used_before, a.put_in


def _standing(id: str, *numbers: int | None) -> Standing:
    last, first = numbers[:6], [number or 0 for number in numbers[6:8]]
    high, low, before_1, before_2, *held = (number or 0 for number in numbers[8:18])
    account = None
    if last[0] is not None:
        generation, available, held_now, used, used_before, put_in = (n or 0 for n in last)
        account = Account(generation, available, held_now, used, used_before, put_in)
    return Standing(
        id=id,
        account=account,
        used_1=sum(first),
        used_2=account.ever_used if account else 0,
        paid=(high << 32) + low,
        before_1=before_1,
        before_2=before_2,
        held_by_legs=(held[0] << 32) + held[1],
        held_now=(held[2] << 32) + held[3],
        held_paid=(held[4] << 32) + held[5],
        explained=numbers[18] or 0,
    )
