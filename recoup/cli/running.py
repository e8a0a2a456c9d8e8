"""`recoup up` and `recoup demo`."""

from __future__ import annotations

import sys

import click

from recoup.cli.command import json_option


@click.command()
@json_option
def up(json_: bool) -> None:
    """Start everything, and stop it all on Ctrl-C.

    It prints one line when all is ready: where the gateway, its documentation and Flower are.

    \b
    recoup up
    RECOUP_PORT=9000 RECOUP_FLOWER_PORT=9500 RECOUP_DATA_DIR=/tmp/other recoup up

    Exit status: 0 stopped as told, 1 it could not start.
    """
    from recoup.settings import settings
    from recoup.stack import up

    sys.exit(up(settings(), as_json=json_))


@click.command()
@json_option
def demo(json_: bool) -> None:
    """Buy something, kill processes in the middle, and watch the books heal.

    Needs a running instance (recoup up). Takes less than a minute.

    \b
    recoup demo
    recoup demo --json | jq .acts[].books

    Exit status: 0 every credit and mug is accounted for, 1 something wasn't as told, 3 nothing
    answers.
    """
    from recoup.demo import run
    from recoup.settings import settings

    sys.exit(run(settings(), json_))
