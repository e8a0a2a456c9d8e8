"""One audit, from the first reading to the last; the package's text says why in this order."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from contextlib import closing

from recoup.audit import accounts, orders
from recoup.audit.balance import Balance
from recoup.audit.findings import Findings
from recoup.audit.legs import Legs
from recoup.audit.progress import Steps
from recoup.audit.scratch import Scratch
from recoup.audit.stores import Store
from recoup.settings import Settings

LOOKS = 3
"""How often a leg that looks wrong is looked at again: what heals meanwhile isn't reported."""

LOOK_PAUSE_S = 0.5

WAIT_LIMIT_S = 60.0
"""Above what a leg takes at most once the stores answer: deadline, sweep, lease and backoff."""

WAIT_PAUSE_S = 0.2


def wait_until_quiet(settings: Settings) -> bool:
    """Waits until nothing is held that settles by itself; whether it came to that."""
    end_s = time.monotonic() + WAIT_LIMIT_S
    with contextlib.ExitStack() as stack:
        stores = [
            stack.enter_context(closing(Store(party, settings))) for party in settings.parties
        ]
        # All are asked: one that is away is told at once.
        while any([store.read([("ZCARD", store.prefix + "due")]) != [0] for store in stores]):
            if time.monotonic() > end_s:
                return False
            time.sleep(WAIT_PAUSE_S)
    return True


def run(settings: Settings, steps: Steps) -> Findings:
    """Reads everything, and says what it found. Raises Unreachable."""
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(closing(Scratch()))
        stores = {
            name: stack.enter_context(closing(Store(name, settings)))
            for name in ("orders", *settings.parties)
        }
        return _run(stores, settings, steps, scratch)


def _run(
    stores: Mapping[str, Store], settings: Settings, steps: Steps, scratch: Scratch
) -> Findings:
    findings = Findings()
    sizes = {name: store.size() for name, store in stores.items()}
    parties = settings.parties

    for party in parties:
        advance = steps.begin(f"accounts of {party}", sizes[party])
        accounts.read(stores[party], 1, scratch, findings, advance)
    orders.read_before(stores["orders"], 1, scratch, findings)
    advance = steps.begin("orders", sizes["orders"])
    orders.read(stores["orders"], parties, scratch, findings, advance)
    orders.read_before(stores["orders"], 2, scratch, findings)
    _read_legs(Legs(stores, scratch, findings, settings), parties, steps, sizes)

    totals = {}
    for party in parties:
        store = stores[party]
        with store.watched("totals") as untouched:
            before = accounts.totals(store, findings)
            advance = steps.begin(f"accounts of {party} again", sizes[party])
            complete = accounts.read(store, 2, scratch, findings, advance)
            still = untouched()
        totals[party] = before if still and complete else None
        if before is not None and not still:
            findings.bracket(f"{party}'s totals", 0, "not compared with the accounts: they moved")
    scratch.sum_up()
    for party in parties:
        Balance(stores[party], scratch, findings).judge(totals[party])
    return findings


def _read_legs(legs: Legs, parties: Sequence[str], steps: Steps, sizes: dict[str, int]) -> None:
    for party in parties:
        legs.read(party, steps.begin(f"legs of {party}", sizes[party]))
        legs.read_indexes(party)
    for _ in range(LOOKS):
        if legs.any_suspects():
            time.sleep(LOOK_PAUSE_S)
            for party in parties:
                legs.look_again(party)
    for party in parties:
        legs.report(party)
