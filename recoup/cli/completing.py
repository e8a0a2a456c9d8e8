"""`recoup completion`: what makes a shell complete our commands and options."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from recoup.cli.command import Status, give_up

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.pass_context
def completion(context: click.Context, shell: str | None) -> None:
    """Print what makes a shell complete commands and options. Without SHELL: for yours.

    \b
    eval "$(recoup completion bash)"                           # now; for always, in ~/.bashrc
    eval "$(recoup completion zsh)"                            # in ~/.zshrc
    recoup completion fish > ~/.config/fish/completions/recoup.fish
    """
    shell = shell or Path(os.environ.get("SHELL", "")).name
    found = get_completion_class(shell) if shell in SHELLS else None
    if found is None:
        give_up(f"no completion for {shell!r}", "recoup completion bash", Status.USAGE)
    print(found(context.find_root().command, {}, "recoup", "_RECOUP_COMPLETE").source())
