"""What a request to a ledger must look like. One that doesn't is refused whole, and unchanged.

The gateway and the workers send nothing else; these are for whatever else may reach the port.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.answering import SHOWN, Malformed, check_few
from recoup.bounds import (
    COUNT_MAX,
    ITEMS_MOST,
    LINES_MAX,
    LOOK_AGAIN_MOST_MS,
    TEXT_MOST,
    is_id,
    is_tid,
)
from recoup.settings import AMOUNT_MAX

_is_key = re.compile("[!-~]{0,255}").fullmatch


def check_apply(request: pb.ApplyRequest, party: str) -> None:
    """`party`: the one that is asked."""
    check_few([*request.deductions, *request.settlements])
    for deduction in request.deductions:
        check_tids([deduction.tid])
        _check_number(deduction.deadline_ms, "a time")
        _check_lines(deduction)
        _check_ids(deduction.parties)
        parties = set(deduction.parties)
        if party not in parties or len(parties) < len(deduction.parties):
            raise Malformed(f"{deduction.tid} names its parties wrongly")
    for settlement in request.settlements:
        check_tids([settlement.tid])
        if settlement.verdict not in (orders_pb2.COMMIT, orders_pb2.ABORT):
            raise Malformed(f"{settlement.tid} can be settled by commit or abort only")


def check_tids(tids: Iterable[str]) -> None:
    """Of one request."""
    check_few(tids := list(tids))
    for tid in tids:
        if not is_tid(tid):
            raise Malformed(f"{tid[:SHOWN]!r} is no tid")


def check_claim(request: pb.ClaimRequest) -> None:
    """The times are bounded: a leg must not get out of sight."""
    check_tids([request.tid])
    _check_number(request.due_ms, "a time")
    _check_number(request.backoff_ms, "a backoff", most=LOOK_AGAIN_MOST_MS)
    _check_number(request.lease_ms, "a lease", most=LOOK_AGAIN_MOST_MS)


def check_text(tid: str, text: str) -> None:
    """A cause or a reason that is to be kept with a leg."""
    check_tids([tid])
    if len(text) > TEXT_MOST:
        raise Malformed(f"the text for {tid} is longer than {TEXT_MOST} characters")


def check_limit(limit: int) -> None:
    """How many legs to take."""
    _check_number(limit, "a limit", least=1, most=ITEMS_MOST)


def check_pending(request: pb.PendingRequest) -> None:
    """What isn't named is empty, or 0."""
    check_limit(request.limit)
    _check_ids(id for id in (request.order_id, request.account_id) if id)
    _check_number(request.held_for_ms, "a time")
    if len(request.cause) > TEXT_MOST:
        raise Malformed(f"the cause is longer than {TEXT_MOST} characters")


def check_creations(request: pb.CreateAccountsRequest) -> None:
    """Each names a new account and its price."""
    check_few(request.accounts)
    for new in request.accounts:
        _check_ids([new.account_id])
        _check_number(new.price, "a price")
        _check_idempotency(new.idempotency)


def check_finds(request: pb.FindAccountsRequest) -> None:
    """Ids, and nothing else."""
    check_few(request.account_ids)
    _check_ids(request.account_ids)


def check_adjustments(request: pb.AdjustAccountsRequest) -> None:
    """Amounts may be negative here."""
    check_few(request.adjustments)
    for change in request.adjustments:
        _check_ids([change.account_id])
        _check_number(change.amount, "an amount", least=-AMOUNT_MAX)
        _check_idempotency(change.idempotency)


def check_init(request: pb.InitAccountsRequest) -> None:
    """At least one account is written."""
    _check_number(request.count, "a count", least=1, most=COUNT_MAX)
    _check_number(request.amount, "an amount")
    _check_number(request.price, "a price")
    _check_idempotency(request.idempotency)


def _check_lines(deduction: pb.Deduction) -> None:
    if not 0 < len(deduction.lines) <= LINES_MAX:
        raise Malformed(f"{deduction.tid} has {len(deduction.lines)} lines, not 1 to {LINES_MAX}")
    _check_ids(line.account_id for line in deduction.lines)
    merged: Counter[str] = Counter()
    for line in deduction.lines:
        _check_number(line.amount, "an amount")
        merged[line.account_id] += line.amount
    for amount in merged.values():
        _check_number(amount, "an amount")


def _check_ids(ids: Iterable[str]) -> None:
    for id in ids:
        if not is_id(id):
            raise Malformed(f"{id[:SHOWN]!r} is no id")


def _check_number(number: int, what: str, least: int = 0, most: int = AMOUNT_MAX) -> None:
    if not least <= number <= most:
        raise Malformed(f"{number} is not {what}: {least} to {most}")


def _check_idempotency(idempotency: pb.Idempotency) -> None:
    for text in (idempotency.key, idempotency.fingerprint):
        if not _is_key(text):
            raise Malformed(f"{text[:SHOWN]!r} is no idempotency key or fingerprint")
