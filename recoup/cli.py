"""The command line. stdout is data, stderr is progress and advice.

Exit statuses: 0 fine · 1 found something · 2 wrong usage · 3 can't tell.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import click

from recoup.processes import ROOT
from recoup.settings import settings


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Settings are environment variables RECOUP_<NAME>; see recoup/settings.py.",
)
def main() -> None:
    """A checkout that always balances.

    \b
    recoup up            start everything on this machine
    recoup demo          buy something, kill a process, watch the books heal
    recoup consistency   1,000 checkouts of 100 pieces at once, and verify
    recoup chaos         break an instance of its own under load, and verify
    recoup bench         how fast checkouts are, and what one costs
    recoup soak          load an instance of its own, and see whether anything grows
    recoup pending       what waits to be settled, and why
    recoup retry TID     have it tried now
    recoup audit         check that every credit, item and order is accounted for

    RECOUP_PORT and RECOUP_DATA_DIR choose the instance.
    """


@main.command()
def up() -> None:
    """Start everything, and stop it all on Ctrl-C.

    \b
    recoup up
    RECOUP_PORT=9000 RECOUP_FLOWER_PORT=9500 RECOUP_DATA_DIR=/tmp/other recoup up
    """
    from recoup.stack import up

    sys.exit(up(settings()))


@main.command()
def demo() -> None:
    """Buy something, kill processes in the middle, and watch the books heal.

    Needs a running instance (recoup up). Takes less than a minute.
    """
    from recoup.demo import run

    sys.exit(run(settings()))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def pending(as_json: bool) -> None:
    """List what waits to be settled, and what is parked, with the reason.

    \b
    recoup pending
    recoup pending --json | jq '.legs[] | select(.parked) | .tid'

    Exit status: 0 all is on its way, 1 something is parked or overdue, 3 a party can't be asked.
    """
    from recoup.pending import pending

    sys.exit(pending(settings(), as_json))


@main.command()
@click.argument("tid")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of sentences.")
def retry(tid: str, as_json: bool) -> None:
    """Have every party try a tid now, whether it waits or is parked.

    \b
    recoup retry 7f3k.2

    It does what would happen later anyhow, by the same rules: only the verdict settles a leg.
    Exit status: 0 settled, 1 it still waits or is parked again, 3 a party can't be asked.
    """
    from recoup.pending import retry

    sys.exit(retry(settings(), tid, as_json))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--wait", is_flag=True, help="Wait first until nothing is held, at most a minute.")
def audit(as_json: bool, wait: bool) -> None:
    """Check the books: every credit, item and order, also while the system runs.

    Reads the three databases and changes nothing. Exit status: 0 all agrees, 1 something differs,
    3 can't tell (a database doesn't answer).

    \b
    recoup audit
    recoup audit --wait --json | jq .unaccounted
    """
    from recoup.audit.command import audit

    sys.exit(audit(settings(), as_json, wait))


@main.command()
@click.option("--seed", type=int, help="Draw the same buyers as an earlier run.")
def consistency(seed: int | None) -> None:
    """Sell 100 pieces to 1,000 customers at once, and verify stock, credit and orders.

    \b
    recoup consistency
    recoup consistency --seed 42
    """
    url = f"http://{settings().host}:{settings().port}"
    command = [sys.executable, "-m", "loadtest.consistency", "--url", url]
    # A process of its own: its 1,000 clients need gevent from the very first import on.
    sys.exit(
        subprocess.call(command + (["--seed", str(seed)] if seed is not None else []), cwd=ROOT)
    )


@main.command()
@click.option("--minutes", type=float, default=10.0, show_default=True, help="How long in all.")
@click.option("--seed", type=int, help="The same faults, in the same order, as an earlier run.")
def chaos(minutes: float, seed: int | None) -> None:
    """Break an instance of its own in every way we know, and verify the books after each.

    Its ports and data are its own; report and picture are in RECOUP_DATA_DIR/chaos/<time>.

    \b
    recoup chaos --minutes 10 --seed 7
    """
    seeded = [] if seed is None else ["--seed", str(seed)]
    become("loadtest.chaos", "--minutes", str(minutes), "--data", own_folder("chaos"), *seeded)


@main.command()
@click.option("--minutes", type=float, default=10.0, show_default=True, help="How long in all.")
def soak(minutes: float) -> None:
    """Load an instance of its own steadily, and see whether memory, keys or latency grow.

    Its ports and data are its own; report and picture are in RECOUP_DATA_DIR/soak/<time>.
    """
    become("loadtest.soak", "--minutes", str(minutes), "--data", own_folder("soak"))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def bench(options: tuple[str, ...]) -> None:
    """Measure how fast checkouts are and what one costs, on instances of its own.

    Its ports and data are its own; report and picture are in RECOUP_DATA_DIR/bench/<time>.

    \b
    recoup bench
    recoup bench --quick
    recoup bench --against var/bench/2026-11-25T09-00-00/bench.json
    recoup bench --parts load --connections 4,256 --rounds 3

    Exit status: 0 measured, 1 it doesn't balance, 3 can't tell.
    """
    become("loadtest.bench", "--data", own_folder("bench"), *options)


def own_folder(command: str) -> str:
    """Where a command that runs now leaves what it finds."""
    return str(settings().data_dir.resolve() / command / time.strftime("%Y-%m-%dT%H-%M-%S"))


def become(module: str, *arguments: str) -> None:
    """Goes on as this program of ours. Not as its parent: Ctrl-C is for it to answer, and a
    parent that is interrupted would kill it before it has cleaned up."""
    os.chdir(ROOT)
    os.execv(sys.executable, (sys.executable, "-m", module, *arguments))
