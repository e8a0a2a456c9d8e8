"""What an audit has found: differences by kind, and what was only bracketed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from recoup.audit.kinds import Kind

KEPT = 1000
"""Differences of one kind that are kept to be shown. All are counted."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that doesn't agree."""

    kind: Kind
    subject: str
    """What it is about: `item i9`, `user u1`, `order 7f3k`, `stock's leg`."""
    tid: str
    detail: str


@dataclass(frozen=True, slots=True)
class Bracket:
    """A figure that moved while it was read: it is right within so many units."""

    subject: str
    units: int
    detail: str


@dataclass(slots=True)
class Book:
    """One book's sums: put in = available + held + used, and what doesn't agree."""

    name: str
    put_in: int = 0
    available: int = 0
    held: int = 0
    used: int = 0
    difference: int = 0


@dataclass(slots=True)
class Findings:
    """What one audit has found."""

    books: dict[str, Book] = field(default_factory=dict)
    contradicted: int = 0
    """Checkouts whose order and legs contradict each other."""
    differences: list[Difference] = field(default_factory=list)
    by_kind: Counter[str] = field(default_factory=Counter)
    brackets: list[Bracket] = field(default_factory=list)
    bracketed: int = 0
    checked: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add(self, difference: Difference) -> None:
        """Counts a difference, and keeps it unless there are many of its kind."""
        self.by_kind[difference.kind.slug] += 1
        if self.by_kind[difference.kind.slug] <= KEPT:
            self.differences.append(difference)

    def bracket(self, subject: str, units: int, detail: str) -> None:
        """Notes a figure that moved while it was read."""
        self.bracketed += 1
        if self.bracketed <= KEPT:
            self.brackets.append(Bracket(subject, units, detail))

    @property
    def balanced(self) -> bool:
        """Whether nothing differs."""
        return not self.by_kind
