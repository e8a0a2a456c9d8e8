"""What an audit says: a table of the books and the differences by kind, or one JSON object."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table

from recoup.audit.findings import Difference, Findings
from recoup.audit.kinds import KINDS

SHOWN = 20
"""Differences of one kind, and brackets, that the text shows; --json gives more."""


def unaccounted(findings: Findings) -> dict[str, int]:
    """What isn't accounted for: units of both books, and orders that their legs contradict."""
    books = {book.name: book.difference for book in findings.books.values()}
    return {**books, "orders": findings.contradicted}


def as_json(findings: Findings) -> str:
    """One JSON object."""
    checked = findings.checked
    document: dict[str, Any] = {
        "balanced": findings.balanced,
        "unaccounted": unaccounted(findings),
        "held_legs": checked["legs_held"],
        "parked_legs": checked["legs_parked"],
        "checked": dict(sorted(checked.items())),
        "bracketed": [
            {"subject": b.subject, "units": b.units, "detail": b.detail} for b in findings.brackets
        ],
        "counts": dict(findings.by_kind),
        "differences": [_row(difference) for difference in findings.differences],
    }
    return json.dumps(document)


def _row(difference: Difference) -> dict[str, str]:
    return {
        "kind": difference.kind.slug,
        "subject": difference.subject,
        "tid": difference.tid,
        "detail": difference.detail,
        "means": difference.kind.means,
        "do": difference.kind.do,
    }


def show(findings: Findings, out: Console) -> None:
    """The same for people."""
    out.print(_books(findings))
    checked = findings.checked
    waiting = f"{checked['legs_held']:,} legs held, {checked['legs_parked']:,} parked"
    out.print(f"{checked['orders']:,} orders, {checked['legs']:,} legs read; {waiting}.")
    for bracket in findings.brackets[:SHOWN]:
        known = f": known up to {bracket.units:,} units" if bracket.units else ""
        out.print(f"  {bracket.subject} moved while it was read{known} ({bracket.detail}).")
    if findings.bracketed > SHOWN:
        out.print(f"  … and {findings.bracketed - SHOWN:,} more that moved.")
    for slug, count in findings.by_kind.items():
        kind = KINDS[slug]
        out.print(f"\n[bold red]{slug}[/] ({count:,}): {kind.means}\n  [bold]Do:[/] {kind.do}")
        shown = [each for each in findings.differences if each.kind is kind][:SHOWN]
        for difference in shown:
            where = (
                f"{difference.subject} of {difference.tid}"
                if difference.tid
                else (difference.subject)
            )
            out.print(f"  {where}: {difference.detail}", markup=False)
        if count > len(shown):
            out.print(f"  … and {count - len(shown):,} more.")
    if findings.balanced:
        out.print("\n[bold green]The books agree.[/]")
    else:
        total = findings.by_kind.total()
        out.print(f"\n[bold red]{total:,} differences.[/] What each means: docs/audit.md")


def _books(findings: Findings) -> Table:
    table = Table()
    table.add_column("")
    for heading in ("put in", "available", "held", "sold, spent", "difference"):
        table.add_column(heading, justify="right")
    for book in findings.books.values():
        numbers = (book.put_in, book.available, book.held, book.used, book.difference)
        table.add_row(book.name, *(f"{number:,}" for number in numbers))
    checked = findings.checked
    number, paid = checked["orders"], checked["orders_paid"]
    wrong = findings.contradicted
    table.add_row(
        "orders", f"{number:,}", f"{number - paid:,} open", "", f"{paid:,} paid", f"{wrong:,}"
    )
    return table
