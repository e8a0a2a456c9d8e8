"""What all commands share: how they end, what they say where, and the options that recur."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from recoup.errors import RecoupError

if TYPE_CHECKING:
    from rich.console import Console

    from recoup.operate.clients import Clients

WIDE = 140
"""A table in a file or a pipe isn't squeezed into what a terminal would have."""

F = TypeVar("F", bound=Callable[..., Any])


class Status(IntEnum):
    """How a command ends, as its exit status."""

    FINE = 0
    FOUND = 1
    """Something waits too long, is parked, differs, or was refused."""
    USAGE = 2
    CANNOT_TELL = 3
    """A store that would know can't be reached."""


class Main(click.Group):
    """Ends with a sentence and the next command to try, whatever comes."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command. (click's hook)"""
        try:
            return super().invoke(ctx)
        except RecoupError as error:
            give_up(str(error), "recoup status", Status.CANNOT_TELL)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Nothing: the help's text lists them in the order in which one needs them. (click's
        hook)"""


@functools.cache
def out() -> Console:
    """For data."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


@functools.cache
def say() -> Console:
    """For progress and advice."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def clients() -> Clients:
    """Clients of the instance that the environment names."""
    from recoup.operate.clients import Clients
    from recoup.settings import settings

    return Clients(settings())


def give_up(sentence: str, next_command: str, status: Status) -> NoReturn:
    """Ends with a sentence about what is wrong, and what to try next."""
    advise(f"recoup: {sentence}", next_command)
    sys.exit(status)


def advise(sentence: str, next_command: str = "") -> None:
    """Says something beside the data."""
    say().print(sentence, soft_wrap=True, markup=False)
    if next_command:
        say().print(f"Next: {next_command}", soft_wrap=True, markup=False)


def as_text(line: str = "") -> None:
    """Prints a line of data for people."""
    out().print(line, soft_wrap=True, markup=False)


def as_json(document: Any) -> None:
    """Prints one object on one line."""
    print(json.dumps(document, default=_plain), flush=True)


def _plain(thing: Any) -> Any:
    if is_dataclass(thing) and not isinstance(thing, type):
        return asdict(thing)
    return str(thing)


json_option = click.option("--json", "json_", is_flag=True, help="Print JSON instead of text.")


UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Duration(click.ParamType[int]):
    """`30s`, `5m`, `2h`; a number alone is seconds. Becomes ms."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Raises click's usage error if it is none. (click's hook)"""
        if isinstance(value, int):
            return value
        number = value.rstrip("smhd")
        try:
            return int(float(number) * UNITS_MS[value[len(number) :] or "s"])
        except (ValueError, KeyError):
            self.fail(f"{value!r} is no duration; 30s, 5m or 2h is one", param, ctx)


def filter_options(command: F) -> F:
    """The options that choose legs; the command gets them as one `chosen`."""

    @functools.wraps(command)
    def with_filter(
        party: str,
        cause: str,
        older_than: int,
        order_id: str,
        user_id: str,
        item_id: str,
        parked: bool | None,
        **others: Any,
    ) -> Any:
        from recoup.operate.waiting import Filter
        from recoup.settings import settings

        if party and party not in settings().parties:
            known = ", ".join(settings().parties)
            raise click.BadParameter(f"there is no party {party!r}; there are {known}")
        chosen = Filter(party, cause, older_than, order_id, user_id, item_id, parked)
        return command(chosen=chosen, **others)

    for option in reversed(
        (
            click.option("--party", default="", help="Of this party: stock, payment, …"),
            click.option("--cause", default="", help="Whose cause has this in it."),
            click.option("--older-than", type=Duration(), default=0, help="Held for at least: 5m."),
            click.option("--order", "order_id", default="", help="Of this order."),
            click.option("--user", "user_id", default="", help="Which hold this user's credit."),
            click.option("--item", "item_id", default="", help="Which hold pieces of this item."),
            click.option(
                "--parked/--not-parked", default=None, help="Only parked ones, or only others."
            ),
        )
    ):
        with_filter = option(with_filter)
    return with_filter  # type: ignore[return-value]


def operator_options(command: F) -> F:
    """Who acts, and why; the command gets `operator` and `yes`."""

    @functools.wraps(command)
    def with_operator(who: str, reason: str, **others: Any) -> Any:
        from recoup.operate.actions import Operator

        return command(operator=Operator(who or login_name(), reason), **others)

    for option in reversed(
        (
            click.option("--reason", default="", help="Why: it stands in the actions log."),
            click.option("--as", "who", default="", help="Who acts, if not who is logged in."),
            click.option("--yes", is_flag=True, help="Don't ask; needed where nobody can answer."),
        )
    ):
        with_operator = option(with_operator)
    return with_operator  # type: ignore[return-value]


def login_name() -> str:
    """Who is logged in; or that it isn't known, in a container without names."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def confirm(question: str, yes: bool) -> None:
    """Goes on if that is wanted; ends the command if not, or if nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Nobody can answer that here: give --yes.")
    if not click.confirm(question, err=True):
        advise("Nothing was done.")
        sys.exit(Status.FINE)
