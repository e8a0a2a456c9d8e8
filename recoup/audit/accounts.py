"""Reads all accounts of a party, and what of it is wrong with one alone."""

from __future__ import annotations

from recoup.audit import kinds, records
from recoup.audit.findings import Difference, Findings
from recoup.audit.records import Account, Unreadable
from recoup.audit.scratch import Scratch
from recoup.audit.stores import Advance, Store

ACCOUNT_IS = {"stock": "item", "payment": "user"}
"""What a party calls its accounts."""

TOTALS = ("put_in", "available", "held", "used")


def subject(party: str, account_id: str) -> str:
    """How an account is named in the output."""
    return f"{ACCOUNT_IS.get(party, party + ' account')} {account_id}"


def read(
    store: Store, reading: int, scratch: Scratch, findings: Findings, advance: Advance
) -> bool:
    """Reads all accounts; whether each could be. The second time the others are differences."""
    all_readable = True
    for ids in store.names("account", advance):
        prefix = store.prefix + "account:"
        answers = store.read([("HMGET", prefix + id, *records.ACCOUNT) for id in ids])
        accounts = []
        for id, fields in zip(ids, answers, strict=True):
            try:
                accounts.append((id, records.account(fields)))
            except Unreadable as error:
                all_readable = False
                if reading == 2 and scratch.is_new(f"unreadable {store.name} {id}"):
                    about = subject(store.name, id)
                    findings.add(Difference(kinds.UNREADABLE, about, "", str(error)))
        scratch.keep_accounts(reading, store.name, accounts)
    return all_readable


def unbalanced(party: str, account_id: str, account: Account) -> Difference | None:
    """What is wrong with the account's own numbers; they were read at one instant."""
    if not account.imbalance and not account.below_zero:
        return None
    detail = (
        f"put in {account.put_in} = available {account.available} + held {account.held} + "
        f"used {account.used}?"
    )
    return Difference(kinds.ACCOUNT_UNBALANCED, subject(party, account_id), "", detail)


def totals(store: Store, findings: Findings) -> dict[str, int] | None:
    """The party's running totals; None: not known. Adds what is wrong with them alone."""
    key = store.prefix + "totals"
    (answer,) = store.read([("HMGET", key, *TOTALS, "unknown")])
    about = f"{store.name}'s totals"
    try:
        *numbers, unknown = records.listed(answer)
        named = {
            name: "0" if number is None else number
            for name, number in zip(TOTALS, numbers, strict=True)
        }
        read = {name: records.whole(named, name) for name in TOTALS}
    except Unreadable as error:
        findings.add(Difference(kinds.UNREADABLE, about, "", str(error)))
        return None
    if unknown is not None or not any(numbers):
        return None
    put_in, *parts = read.values()
    if put_in != sum(parts):
        detail = f"put in {put_in}, and available, held and used together {sum(parts)}"
        findings.add(Difference(kinds.TOTALS_UNBALANCED, about, "", detail))
        return None
    return read
