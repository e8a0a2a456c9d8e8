"""Reads all orders: what they were paid for, and what of it is wrong with one alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recoup.audit import kinds, records
from recoup.audit.findings import Difference, Findings
from recoup.audit.records import Order, Unreadable
from recoup.audit.scratch import Scratch
from recoup.audit.stores import Advance, Store

BEFORE = {"stock": "before:items", "payment": "before:users"}
"""Where the order store adds up what earlier lives of orders asked of a party. A further party was
asked the same by each of them, and how many there were stands in the orders."""


def read_before(store: Store, reading: int, scratch: Scratch, findings: Findings) -> None:
    """Reads what batch_init has kept of the orders that it wrote anew."""
    for party, name in BEFORE.items():
        try:
            for entries in store.members(name):
                amounts = ((id, records.whole({name: value}, name)) for id, value in entries)
                scratch.keep_before(reading, party, amounts)
        except Unreadable as error:
            if reading == 2:
                findings.add(Difference(kinds.UNREADABLE, f"the orders' {name}", "", str(error)))


def read(
    store: Store,
    parties: Sequence[str],
    scratch: Scratch,
    findings: Findings,
    advance: Advance,
) -> None:
    """Reads all orders, and what the paid ones have asked of these parties."""
    for ids in store.names("order", advance):
        answers = fetch(store, ids)
        lines: list[tuple[str, str, str, int]] = []
        tids: list[str] = []
        for id, answer in zip(ids, answers, strict=True):
            if isinstance(answer, Unreadable):
                if scratch.is_new(f"unreadable order {id}"):
                    findings.add(Difference(kinds.UNREADABLE, f"order {id}", "", str(answer)))
            elif answer is not None:
                _judge(id, answer, scratch, findings)
                tids += (f"{id}.{version}" for version in answer.paid_versions())
                lines += _paid_lines(id, answer, parties)
        scratch.keep_paid_tids(tids)
        scratch.keep_paid(lines)


def _paid_lines(
    id: str, order: Order, parties: Sequence[str]
) -> Iterator[tuple[str, str, str, int]]:
    """(tid, party, account, amount) of what it was paid for, and isn't kept in `before:…`."""
    for party in parties:
        versions = order.paid_versions()
        if party in BEFORE:
            versions -= order.paid_before
        for version in versions:
            for account, amount in order.asks(party).items():
                yield f"{id}.{version}", party, account, amount


def _judge(id: str, order: Order, scratch: Scratch, findings: Findings) -> None:
    findings.checked["orders"] += 1
    findings.checked["orders_paid"] += order.paid_at is not None
    findings.checked["orders_forgotten"] += order.forgotten
    if order.cancelled and order.paid_at is not None and scratch.is_new(f"cancelled order {id}"):
        detail = f"it is cancelled, and paid as {id}.{order.paid_at}"
        findings.add(Difference(kinds.CANCELLED_AND_PAID, f"order {id}", "", detail))
    if order.total != order.cost and scratch.is_new(f"total of order {id}"):
        detail = f"its total is {order.total}, and its lines cost {order.cost}"
        if order.paid_at is not None:
            detail += f"; it is paid, as {id}.{order.paid_at}"
        findings.add(Difference(kinds.ORDER_TOTAL_DIFFERS, f"order {id}", "", detail))


def fetch(store: Store, ids: list[str]) -> list[Order | Unreadable | None]:
    """These orders; in place of one that can't be read, why."""
    prefix = store.prefix + "order:"
    found: list[Order | Unreadable | None] = []
    for fields in store.read([("HMGET", prefix + id, *records.ORDER) for id in ids]):
        try:
            found.append(records.order(fields))
        except Unreadable as error:
            found.append(error)
    return found
