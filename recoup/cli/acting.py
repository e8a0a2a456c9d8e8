"""The commands that act: retry, abort; and log, which tells who has."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from recoup.cli.command import (
    Status,
    advise,
    as_json,
    as_text,
    clients,
    confirm,
    filter_options,
    give_up,
    json_option,
    operator_options,
    out,
    say,
)

if TYPE_CHECKING:
    from recoup.operate.actions import Operator
    from recoup.operate.bulk import Chosen, Progress
    from recoup.operate.waiting import Filter


@click.command()
@click.argument("tid", required=False)
@json_option
@filter_options
@click.option("--all", "everything", is_flag=True, help="Whatever waits or is parked.")
@click.option("--rate", default=50.0, show_default=True, help="Legs in a second.")
@operator_options
def retry(
    tid: str | None,
    json_: bool,
    chosen: Filter,
    everything: bool,
    rate: float,
    operator: Operator,
    yes: bool,
) -> None:
    """Have one checkout tried now, or all that a filter chooses, whether they wait or are parked.

    It does what would happen later anyhow, by the same rules: only the verdict settles a leg. Of
    many it does exactly those that it has counted and shown, at a pace; Ctrl-C stops it, and it
    stops by itself when too many fail again.

    \b
    recoup retry 7f3k.2
    recoup retry --party payment --cause "can't be reached" --reason "payment is back"
    recoup retry --parked --rate 10 --yes --json

    Exit status: 0 settled, 1 something still waits or is parked again, 3 a party can't be asked.
    """
    from recoup.operate.waiting import EVERYTHING

    if bool(tid) + (chosen != EVERYTHING) + everything != 1:
        raise click.UsageError("Give a TID, or what chooses some (see --help), or --all.")
    if rate <= 0:
        raise click.BadParameter("--rate is above 0")
    sys.exit(
        _retry_one(tid, operator, json_) if tid else _retry_many(chosen, operator, rate, yes, json_)
    )


def _retry_one(tid: str, operator: Operator, json_: bool) -> Status:
    from recoup.operate.actions import retry

    try:
        result = retry(clients(), operator, tid)
    except ValueError as error:
        give_up(str(error), "recoup pending", Status.USAGE)
    if json_:
        as_json({"tid": tid, "outcomes": result.outcomes, "away": list(result.away)})
    elif not result.outcomes and not result.away:
        as_text(f"nothing of {tid} waits: it is settled, or nobody knows it")
    for party, outcome in result.outcomes.items() if not json_ else ():
        as_text(f"{party}: {outcome}")
    for party, problem in result.away.items():
        advise(f"{party} can't be asked: {problem}. Try again when it is back.", "recoup status")
    if result.away:
        return Status.CANNOT_TELL
    if not result.settled:
        advise("See why.", f"recoup show {tid}")
    return Status.FINE if result.settled else Status.FOUND


def _retry_many(chosen: Filter, operator: Operator, rate: float, yes: bool, json_: bool) -> Status:
    from recoup.operate.bulk import choose, retry_all

    asked = clients()
    found = choose(asked, chosen)
    for party, problem in found.away.items():
        advise(f"{party} can't be asked: {problem}. What waits there is left out.", "recoup status")
    if not found.legs:
        if json_:
            as_json({"chosen": 0, "away": list(found.away)})
        else:
            as_text("nothing that fits waits" + (" where anybody answers" if found.away else ""))
        return Status.CANNOT_TELL if found.away else Status.FINE
    confirm(f"{intention(found, rate)} Continue?", yes)
    with interruptible() as stopped, shown(len(found.legs)) as progress:
        result = retry_all(asked, operator, found, rate, progress, stopped.is_set)
    if json_:
        as_json({**vars_of(result), "left_out": found.left_out, "away": list(found.away)})
    else:
        as_text(str(result))
    if result.stopped:
        advise("See why they wait.", "recoup pending --by cause")
    if found.away:
        return Status.CANNOT_TELL
    done = not (result.failed or result.unseen or result.stopped or found.left_out)
    return Status.FINE if done else Status.FOUND


def intention(found: Chosen, rate: float) -> str:
    """What would be done, before it is."""
    from recoup.operate.wording import clock, count, duration

    legs, takes = len(found.legs), duration(len(found.legs) / rate * 1000)
    more = f" ({found.left_out:,} more fit: run it again for those)" if found.left_out else ""
    as_of = clock(found.as_of_s * 1000)
    return f"Will retry {count(legs, 'leg')} (as of {as_of}), {rate:g}/s, about {takes}{more}."


def vars_of(progress: Progress) -> dict[str, object]:
    """A progress as a document."""
    from dataclasses import asdict

    return {**asdict(progress), "unseen": progress.unseen}


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Ctrl-C sets the event meanwhile, so that what was begun is noted in the actions log."""
    stopped = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def shown(legs: int) -> Iterator[Callable[[Progress], None]]:
    """A bar that shows how far a retry of many is."""
    from rich import progress as bars

    columns = (bars.BarColumn(), bars.MofNCompleteColumn(), bars.TextColumn("{task.description}"))
    with bars.Progress(*columns, console=say()) as bar:
        task = bar.add_task("", total=legs)

        def show(progress: Progress) -> None:
            bar.update(task, completed=progress.due + progress.gone, description=str(progress))

        yield show


@click.command()
@click.argument("tid")
@json_option
@operator_options
def abort(tid: str, json_: bool, operator: Operator, yes: bool) -> None:
    """Abort a checkout that nobody has decided, and give back what it holds.

    It says first what goes back to whom. What is decided can't be aborted, and nothing overrides a
    verdict. A customer who still waits for the answer may be served by the next attempt.

    \b
    recoup abort 8f3c.1 --reason "customer asked"

    Exit status: 0 aborted, 1 refused, or something isn't given back yet, 3 can't tell.
    """
    from recoup.operate.abort import abort, plan_abort

    asked = clients()
    if not operator.reason:
        raise click.UsageError("Say why: --reason TEXT. It stands in the actions log.")
    try:
        plan = plan_abort(asked, tid)
    except ValueError as error:
        give_up(str(error), "recoup pending", Status.USAGE)
    if not plan.refusal:
        for phrase in plan.gives_back:
            advise(f"gives back by {phrase}")
        for party, problem in plan.away.items():
            advise(f"{party} can't be asked ({problem}): what it holds goes back when it answers")
        confirm(f"Abort {tid}?", yes)
    result = abort(asked, operator, tid)
    retried = result.retried
    if json_:
        outcomes, away = (retried.outcomes, list(retried.away)) if retried else ({}, [])
        told = {"tid": tid, "aborted": not result.refusal, "refusal": result.refusal}
        as_json({**told, "gives_back": plan.gives_back, "outcomes": outcomes, "away": away})
    elif result.refusal:
        as_text(f"refused: {result.refusal}")
    else:
        as_text(f"aborted {tid}: {retried}")
    if result.refusal:
        advise("See what became of it.", f"recoup show {tid}")
    sys.exit(Status.FINE if retried and retried.settled else Status.FOUND)


@click.command()
@json_option
@click.option("-n", "--limit", default=50, show_default=True, help="The latest so many.")
def log(json_: bool, limit: int) -> None:
    """List what operators have done, the latest last: who, when, what, why, and what came of it.

    \b
    recoup log
    recoup log -n 500 --json | jq -r 'select(.verb == "abort") | .target'

    Exit status: 0, or 3 when the order store can't be asked.
    """
    from recoup.bounds import ITEMS_MOST
    from recoup.cli.tables import actions
    from recoup.operate.actions import log

    if not 1 <= limit <= ITEMS_MOST:
        raise click.BadParameter(f"--limit is from 1 to {ITEMS_MOST}")
    done = list(reversed(log(clients(), limit)))
    if json_:
        for each in done:
            as_json(each)
    elif done:
        out().print(actions(done))
    else:
        advise("Nobody has done anything yet.", "recoup pending")
