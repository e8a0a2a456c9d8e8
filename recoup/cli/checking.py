"""The commands that check the books, and those that load or break a system and then check them."""

from __future__ import annotations

import os
import sys
import time

import click

from recoup.cli.command import json_option


@click.command()
@json_option
@click.option("--wait", is_flag=True, help="Wait first until nothing is held, at most a minute.")
def audit(json_: bool, wait: bool) -> None:
    """Check the books: every credit, item and order, also while the system runs.

    Reads the databases and changes nothing. docs/audit.md says what each difference means.

    \b
    recoup audit
    recoup audit --wait --json | jq .unaccounted

    Exit status: 0 all agrees, 1 something differs, 3 can't tell (a database doesn't answer).
    """
    from recoup.audit.command import audit
    from recoup.settings import settings

    sys.exit(audit(settings(), json_, wait))


@click.command()
@json_option
@click.option("--seed", type=int, help="Draw the same buyers as an earlier run.")
def consistency(json_: bool, seed: int | None) -> None:
    """Sell 100 pieces to 1,000 customers at once, and verify stock, credit and orders.

    Needs a running instance, which may be in use: item and users are its own.

    \b
    recoup consistency
    recoup consistency --seed 42
    recoup consistency --json | jq .discrepancies

    Exit status: 0 all agrees, 1 it doesn't, 3 can't tell.
    """
    from recoup.settings import settings

    url = f"http://{settings().host}:{settings().port}"
    # A process of its own: its 1,000 clients need gevent from the very first import on.
    become("loadtest.consistency", "--url", url, *option("--seed", seed), *flag("--json", json_))


@click.command()
@json_option
@click.option("--minutes", type=float, default=10.0, show_default=True, help="How long in all.")
@click.option("--seed", type=int, help="The same faults, in the same order, as an earlier run.")
def chaos(json_: bool, minutes: float, seed: int | None) -> None:
    """Break an instance of its own in every way we know, and verify the books after each.

    Its ports and data are its own; report and picture are in RECOUP_DATA_DIR/chaos/<time>.

    \b
    recoup chaos
    recoup chaos --minutes 10 --seed 7
    recoup chaos --json | jq '.results[] | select(.fine | not) | .name'

    Exit status: 0 all agrees, 1 it doesn't or never converged, 3 can't tell.
    """
    chosen = (*option("--minutes", minutes), *option("--seed", seed), *flag("--json", json_))
    become("loadtest.chaos", "--data", own_folder("chaos"), *chosen)


@click.command()
@json_option
@click.option("--minutes", type=float, default=10.0, show_default=True, help="How long in all.")
def soak(json_: bool, minutes: float) -> None:
    """Load an instance of its own steadily, and see whether memory, keys or latency grow.

    Its ports and data are its own; report and picture are in RECOUP_DATA_DIR/soak/<time>.

    \b
    recoup soak --minutes 30
    recoup soak --json | jq .wrong

    Exit status: 0 nothing grows, 1 something does, 3 can't tell.
    """
    chosen = (*option("--minutes", minutes), *flag("--json", json_))
    become("loadtest.soak", "--data", own_folder("soak"), *chosen)


@click.command()
@json_option
@click.option("--quick", is_flag=True, help="Two minutes: too short to be quoted.")
@click.option("--against", type=click.Path(), help="An earlier bench.json to compare with.")
@click.option("--rounds", type=int, help="Of all loads (5).")
@click.option("--seconds", type=float, help="That each load lasts (3).")
@click.option("--connections", help="With commas between them (4,64,256,1000,5000).")
@click.option("--parts", help="What to measure (load,mix,instances).")
@click.option("--many-orders", type=int, help="Orders in place of 1,000 (1000000).")
def bench(json_: bool, quick: bool, **chosen: str | float | None) -> None:
    """Measure how fast checkouts are and what one costs, on instances of its own.

    Its ports and data are its own; report and picture are in RECOUP_DATA_DIR/bench/<time>.

    \b
    recoup bench
    recoup bench --quick --json
    recoup bench --against var/bench/2026-11-25T09-00-00/bench.json
    recoup bench --parts load --connections 4,256 --rounds 3

    Exit status: 0 measured, 1 it doesn't balance, 3 can't tell.
    """
    words: list[str] = [*flag("--quick", quick), *flag("--json", json_)]
    for name, value in chosen.items():
        words += option("--" + name.replace("_", "-"), value)
    become("loadtest.bench", "--data", own_folder("bench"), *words)


def option(name: str, value: str | float | None) -> list[str]:
    """An option to pass on, if it was given."""
    return [] if value is None else [name, str(value)]


def flag(name: str, given: bool) -> list[str]:
    """A flag to pass on, if it was given."""
    return [name] if given else []


def own_folder(command: str) -> str:
    """Where a command that runs now leaves what it finds."""
    from recoup.settings import settings

    return str(settings().data_dir.resolve() / command / time.strftime("%Y-%m-%dT%H-%M-%S"))


def become(module: str, *arguments: str) -> None:
    """Goes on as this program of ours. Not as its parent: Ctrl-C is for it to answer, and a
    parent that is interrupted would kill it before it has cleaned up."""
    from recoup.processes import ROOT

    os.chdir(ROOT)
    os.execv(sys.executable, (sys.executable, "-m", module, *arguments))
