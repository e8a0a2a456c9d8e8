"""Where people look: the addresses of the console's and of Flower's pages.

The console's are on the gateway. Both are named as a browser finds them: on this machine, unless
`RECOUP_CONSOLE_URL` or `RECOUP_FLOWER_URL` says otherwise.
"""

from __future__ import annotations

from urllib.parse import quote

from recoup.settings import Settings


def console(settings: Settings) -> str:
    """The console's first page."""
    return (settings.console_url or f"http://{settings.host}:{settings.port}/console").rstrip("/")


def checkout(settings: Settings, tid: str) -> str:
    """The console's page of one checkout."""
    return f"{console(settings)}/checkouts/{quote(tid, safe='')}"


def flower(settings: Settings) -> str:
    """Flower's first page."""
    return (settings.flower_url or f"http://{settings.host}:{settings.flower_port}").rstrip("/")


def compensation(settings: Settings, tid: str, party: str) -> str:
    """Flower's page of the task that settles a party's leg; there is none unless it resisted."""
    return f"{flower(settings)}/task/{quote(f'{tid}:{party}', safe=':')}"
