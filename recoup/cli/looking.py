"""The commands that look and change nothing: status, pending, show."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from recoup.cli.command import (
    Duration,
    Status,
    advise,
    as_json,
    as_text,
    clients,
    filter_options,
    give_up,
    json_option,
    out,
    say,
)

if TYPE_CHECKING:
    from recoup.operate.headline import Headline
    from recoup.operate.overview import Observer, Overview
    from recoup.operate.waiting import Filter

POLL_S = 1.0


@click.command()
@json_option
@click.option("--wait", is_flag=True, help="Wait until everything answers and nothing is held.")
@click.option(
    "--limit", "limit_ms", type=Duration(), default="60s", show_default=True, help="Of the wait."
)
def status(json_: bool, wait: bool, limit_ms: int) -> None:
    """Say whether money is wrong, whether it grows, whether someone must act.

    \b
    recoup status
    recoup status --wait --limit 5m && echo quiet
    recoup status --json | jq -r .sentence

    Exit status: 0 all is well or heals by itself, 1 someone must act, or --wait has waited in vain,
    3 can't tell (a store is unreachable).
    """
    from recoup.cli import memory, tables
    from recoup.operate.facts import summary
    from recoup.operate.headline import headline
    from recoup.operate.overview import Observer
    from recoup.settings import settings

    observer = Observer(clients(), memory.read(settings()))
    earlier = observer.last
    now = until_quiet(observer, limit_ms) if wait else observer.look()
    memory.write(now)
    found = headline(now, earlier)
    if json_:
        as_json(tables.overview_document(now, found))
    else:
        as_text(f"{tables.MARKS[found.level]}{found.sentence}")
        as_text(summary(now))
        out().print(tables.overview(now))
    advise(found.todo)
    sys.exit(Status.FOUND if wait and held(now) else status_of(found, now))


def until_quiet(observer: Observer, limit_ms: int) -> Overview:
    """Waits until everyone answers and nothing is held; returns what was seen last."""
    from recoup.operate.facts import summary

    end_s = time.monotonic() + limit_ms / 1000
    with say().status("") as shown:
        while True:
            now = observer.look()
            if time.monotonic() > end_s or not (now.stores_away or held(now)):
                return now
            shown.update(summary(now))
            time.sleep(POLL_S)


def held(now: Overview) -> bool:
    """Whether anything is held that settles by itself, as far as anyone answers."""
    from recoup.operate.facts import answering

    return any(view.legs_due for view in answering(now).values())


def status_of(found: Headline, now: Overview) -> Status:
    """A headline as an exit status."""
    from recoup.operate.headline import Level

    if found.level is Level.WRONG:
        return Status.FOUND
    if now.stores_away:
        return Status.CANNOT_TELL
    return Status.FOUND if found.level is Level.ACT else Status.FINE


@click.command()
@json_option
@filter_options
@click.option("--by", type=click.Choice(["cause", "party"]), help="Count them, by this.")
@click.option("--limit", default=100, show_default=True, help="Legs of each party and kind.")
def pending(json_: bool, chosen: Filter, by: str | None, limit: int) -> None:
    """List what waits to be settled, and what is parked, with the reason.

    \b
    recoup pending --by cause
    recoup pending --party payment --older-than 1m
    recoup pending --parked
    recoup pending --json | jq -r '.legs[] | select(.parked) | .tid'

    Exit status: 0 all is on its way, 1 something is parked or overdue, 3 a party can't be asked.
    """
    from recoup.bounds import ITEMS_MOST
    from recoup.cli import tables
    from recoup.operate.waiting import waiting

    if not 1 <= limit <= ITEMS_MOST:
        raise click.BadParameter(f"--limit is from 1 to {ITEMS_MOST}")
    found = waiting(clients(), chosen, limit)
    if json_:
        as_json(tables.pending_document(found))
    else:
        grouped = {"cause": tables.causes, "party": tables.parties}
        table = grouped[by](found) if by else tables.legs(found.legs)
        if table.row_count:
            out().print(table)
        for line in tables.totals(found):
            as_text(line)
    for party, problem in found.away.items():
        advise(f"{party} can't be asked: {problem}. What waits there isn't listed.")
    if found.away:
        advise("Next: recoup status")
        sys.exit(Status.CANNOT_TELL)
    if any(leg.parked for leg in found.legs):
        advise("What is parked doesn't heal by itself: see what it means and what to do.")
        advise("Next: recoup audit, then recoup retry TID")
    sys.exit(Status.FOUND if any(leg.parked or leg.overdue for leg in found.legs) else Status.FINE)


@click.command()
@click.argument("id_", metavar="ID")
@json_option
@click.option("--account", is_flag=True, help="The item and the user, though an order has the id.")
def show(id_: str, json_: bool, account: bool) -> None:
    """Tell all about one checkout: ID is that of an order, an attempt (tid), a user or an item.

    The order; each attempt with its verdict, who decided it and why; each party's leg, with its
    tries and when it is tried next; the accounts; and what the customer was told.

    \b
    recoup show 8f3c
    recoup show 8f3c.2
    recoup show 0 --account

    Exit status: 0 found, 1 something of it waits too long or doesn't add up, or nobody knows it,
    3 can't tell (a store is unreachable).
    """
    from recoup.cli import telling
    from recoup.operate.story import story

    try:
        found = story(clients(), id_, account)
    except ValueError as error:
        give_up(str(error), "recoup pending", Status.USAGE)
    if json_:
        as_json(telling.document(found))
    else:
        telling.tell(found)
    for name, problem in found.away.items():
        advise(f"{name} can't be asked: {problem}. What it knows is missing.", "recoup status")
    if found.away:
        sys.exit(Status.CANNOT_TELL)
    if not found.found:
        advise(f"Nobody knows {id_}.", "recoup pending")
    fine = found.found and not telling.troubled(found)
    sys.exit(Status.FINE if fine else Status.FOUND)
