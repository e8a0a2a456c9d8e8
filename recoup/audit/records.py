"""The raw records, read with suspicion: an account, a leg, an order, and what each must contain."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WHOLE = re.compile(r"-?[0-9]{1,19}")
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
TID = re.compile(r"([A-Za-z0-9_-]{1,64})\.([0-9]{1,15})")

LARGEST = 2**63 - 1
"""The largest number that the database itself counts with."""

ACCOUNT = ("generation", "available", "held", "used", "put_in", "price", "used_before")
LEG = ("state", "lines", "parties", "held_at_ms", "deadline_ms")
ORDER = ("user", "lines", "total", "version", "content", "paid_at", "paid_before", "cancelled")

STATES = ("held", "committed", "returned")


class Unreadable(Exception):
    """A record can't be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """The numbers of an account."""

    generation: int
    available: int
    held: int
    used: int
    used_before: int
    put_in: int

    @property
    def ever_used(self) -> int:
        """What all of its generations have sold, or spent."""
        return self.used + self.used_before

    @property
    def imbalance(self) -> int:
        """0, unless the account contradicts itself."""
        return self.put_in - self.available - self.held - self.used

    @property
    def below_zero(self) -> bool:
        """Whether there is less than nothing of something."""
        return min(self.available, self.held, self.used, self.used_before, self.put_in) < 0


@dataclass(frozen=True, slots=True)
class Line:
    """A part of a leg: so much of an account, in one of its generations."""

    account_id: str
    amount: int
    generation: int


@dataclass(frozen=True, slots=True)
class Leg:
    """A party's leg of one tid."""

    state: str
    lines: tuple[Line, ...]
    parties: tuple[str, ...]
    held_at_ms: int


@dataclass(frozen=True, slots=True)
class Order:
    """An order: what it asks of each party, and the versions it was paid at."""

    user_id: str
    total: int
    pieces: Mapping[str, int]
    cost: int
    """The sum of its lines."""
    version: int
    paid_at: int | None
    paid_before: frozenset[int]
    cancelled: bool = False

    @property
    def forgotten(self) -> bool:
        """Only a version is known: the store has lost the order, and refused its checkouts."""
        return not self.user_id

    def asks(self, party: str) -> Mapping[str, int]:
        """What a checkout of it takes from each account of a party: of a further party, one unit
        of the account that bears its name."""
        named = {"payment": {self.user_id: self.total}, "stock": self.pieces}
        return named.get(party, {party: 1})

    def paid_versions(self) -> frozenset[int]:
        """All versions that it was paid at."""
        return self.paid_before if self.paid_at is None else self.paid_before | {self.paid_at}

    def verdict(self, version: int) -> str:
        """The verdict on one of its versions: commit, abort, '' (none yet), or 'ahead'."""
        if version == self.paid_at or version in self.paid_before:
            return "commit"
        if version < self.version:
            return "abort"
        if version > self.version or self.forgotten:
            return "ahead"
        return "abort" if self.paid_at is not None or self.cancelled else ""


def account(fields: Any) -> Account:
    """An account from its fields, in the order of ACCOUNT. Raises Unreadable."""
    values = dict(zip(ACCOUNT, listed(fields), strict=True))
    whole(values, "price")
    used_before = whole(values, "used_before") if values["used_before"] is not None else 0
    generation, available, held, used, put_in = (whole(values, name) for name in ACCOUNT[:5])
    return Account(generation, available, held, used, used_before, put_in)


def leg(fields: Any) -> Leg | None:
    """A leg from its fields, in the order of LEG; None: there is none. Raises Unreadable."""
    values = dict(zip(LEG, listed(fields), strict=True))
    if not any(values.values()):
        return None
    if values["state"] not in STATES:
        raise Unreadable(f"its state is {values['state']!r}")
    lines = []
    for line in (values["lines"] or "").split(","):
        account_id, amount, generation = parts(line)
        lines.append(Line(account_id, amount, generation))
    if not values["parties"]:
        raise Unreadable("it names no parties")
    whole(values, "deadline_ms")
    parties = tuple(values["parties"].split(","))
    return Leg(values["state"], tuple(lines), parties, whole(values, "held_at_ms"))


def order(fields: Any) -> Order | None:
    """An order from its fields, in the order of ORDER; None: there is none. Raises Unreadable."""
    values = dict(zip(ORDER, listed(fields), strict=True))
    if all(value is None for value in values.values()):
        return None
    version = whole(values, "version")
    if all(values[name] is None for name in ORDER if name != "version"):
        return Order("", 0, {}, 0, version, None, frozenset())
    if not ID.fullmatch(values["user"] or ""):
        raise Unreadable(f"its user is {values['user']!r}")
    whole(values, "content")
    pieces: dict[str, int] = {}
    cost = 0
    if values["lines"] is None:
        raise Unreadable("it has no lines")
    for line in filter(None, values["lines"].split(",")):
        item_id, quantity, price = parts(line)
        pieces[item_id] = pieces.get(item_id, 0) + quantity
        cost += price
    paid_at = whole(values, "paid_at") if values["paid_at"] is not None else None
    if paid_at is not None and paid_at > version:
        raise Unreadable(f"it is paid at version {paid_at} and has only reached {version}")
    before = [version for version in (values["paid_before"] or "").split(",") if version]
    if not all(WHOLE.fullmatch(each) for each in before):
        raise Unreadable(f"its earlier payments are {values['paid_before']!r}")
    total = whole(values, "total")
    if total < 0:
        raise Unreadable(f"its total is {total}")
    if values["cancelled"] not in (None, "1"):
        raise Unreadable(f"it is cancelled, as {values['cancelled']!r}")
    paid_before = frozenset(map(int, before))
    cancelled = values["cancelled"] is not None
    return Order(values["user"], total, pieces, cost, version, paid_at, paid_before, cancelled)


def listed(answer: Any) -> Sequence[Any]:
    """What the database gave for a record. Raises Unreadable if that was an error."""
    if isinstance(answer, Exception):
        raise Unreadable(str(answer))
    values: Sequence[Any] = answer
    return values


def whole(values: Mapping[str, str | None], name: str) -> int:
    """A field that must be a whole number. Raises Unreadable."""
    value = values[name]
    if value is None:
        raise Unreadable(f"it has no {name}")
    if not WHOLE.fullmatch(value) or abs(int(value)) > LARGEST:
        raise Unreadable(f"its {name} is {value!r}")
    return int(value)


def parts(line: str) -> tuple[str, int, int]:
    """A line `id:number:number`. Raises Unreadable."""
    match line.split(":"):
        case [id, first, second] if (
            ID.fullmatch(id) and first.isdecimal() and second.isdecimal()
        ) and max(int(first), int(second)) <= LARGEST:
            return id, int(first), int(second)
    raise Unreadable(f"it has the line {line!r}")


def split(tid: str) -> tuple[str, int]:
    """Order id and version of a tid. Raises Unreadable."""
    found = TID.fullmatch(tid)
    if not found:
        raise Unreadable("its name is no tid")
    return found[1], int(found[2])
