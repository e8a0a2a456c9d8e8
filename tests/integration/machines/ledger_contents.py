"""A ledger's answers and contents, in the words of its reference."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import redis

from proto import ledger_pb2 as pb
from recoup.settings import PARTIES
from tests.integration.machines.contents import Contents, contents
from tests.integration.machines.ledger_records import Account, Answer, Leg
from tests.integration.machines.ledger_reference import ReferenceLedger


def word(vote: pb.Vote) -> tuple[str, str]:
    return pb.Vote.Answer.Name(vote.answer).lower(), vote.account_id


def answer(result: pb.AccountResult) -> Answer:
    """A result in the reference's words."""
    outcome = pb.AccountResult.Outcome.Name(result.outcome).lower()
    if not result.HasField("account"):
        return outcome, "", None
    account = result.account
    numbers = (getattr(account, name) for name in Account.__dataclass_fields__)
    return outcome, account.account_id, Account(*numbers)


def shown(reference: ReferenceLedger, tid: str) -> pb.Leg:
    """What status must tell of a tid."""
    leg = reference.legs.get(tid)
    if leg is None:
        return pb.Leg(tid=tid, due_ms=reference.due.get(tid, 0))
    return pb.Leg(
        tid=tid,
        state=pb.Leg.State.Value(leg.state.upper()),
        lines=[pb.Line(account_id=id, amount=amount) for id, amount, _ in leg.lines],
        parties=PARTIES,
        due_ms=reference.due.get(tid, 0),
        parked=reference.reasons.get(tid, ""),
        deadline_ms=leg.deadline_ms,
        held_at_ms=leg.held_at_ms,
        settled_at_ms=leg.settled_at_ms or 0,
        tries=leg.tries,
        next_try_ms=leg.next_try_ms or 0,
        cause=leg.cause or "",
        recent_tries=[pb.Try(at_ms=at_ms, cause=cause) for at_ms, cause in leg.recent_tries],
    )


def found(client: redis.Redis, prefix: str) -> Contents:
    """What a ledger's database holds, but for the legs' digests, which are the engine's own.

    A total of nothing may be there or not."""
    all = contents(client, prefix)
    totals, _ = all.get("totals", ({}, -1))
    all["totals"] = ({name: total for name, total in totals.items() if total != "0"}, -1)
    for key, (value, expiry) in all.items():
        if key.startswith("leg:"):
            assert value.pop("digest")
        if key.startswith("idem:"):
            assert expiry > 0
            all[key] = (value, 0)
    return all


def expected(reference: ReferenceLedger) -> Contents:
    """What it must hold."""
    all: Contents = {}
    for account_id, account in reference.accounts.items():
        record = asdict(account) | {"used_before": reference.used_before.get(account_id)}
        all[f"account:{account_id}"] = (texts(record), -1)
    names = ("put_in", "available", "held", "used")
    sums = {name: sum(getattr(a, name) for a in reference.accounts.values()) for name in names}
    all["totals"] = (texts({name: total or None for name, total in sums.items()}), -1)
    for tid, leg in reference.legs.items():
        all[f"leg:{tid}"] = (fields(leg), leg.expires_ms or -1)
    for key, remembered in reference.keys.items():
        all[f"idem:{key}"] = (remembered.fingerprint, 0)
    indexes = {name: getattr(reference, name) for name in ("due", "parked", "reasons", "waiting")}
    all |= {name: (index, -1) for name, index in indexes.items() if index}
    if reference.clock.seen_ms is not None:
        all["clock"] = (str(reference.clock.seen_ms), -1)
    return all


def fields(leg: Leg) -> dict[str, str]:
    """A leg's record."""
    lines = ",".join(f"{id}:{amount}:{generation}" for id, amount, generation in leg.lines)
    record = asdict(leg) | {"record": 1, "lines": lines, "parties": ",".join(PARTIES)}
    del record["expires_ms"]
    record["tries"] = record["tries"] or None
    tries = "\n".join(f"{at_ms} {cause}" for at_ms, cause in leg.recent_tries)
    record["recent_tries"] = tries or None
    return texts(record)


def texts(record: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in record.items() if value is not None}
