"""How Flower runs and what it shows: it reads this file as its settings (`--conf`).

What it shows is kept over a restart, on disk; the oldest tasks are forgotten. It is a window on
what workers did lately, so a link leads from it to the console, which knows what waits, and why.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flower.urls import settings as application
from tornado.template import DictLoader

from recoup import pages
from recoup.bounds import is_tid
from recoup.settings import settings as ours

if TYPE_CHECKING:
    from celery.events.state import Task

# --- Flower's options ----------------------------------------------------------------------------

persistent = True
db = str(ours().data_dir / "flower" / "state")
"""A file that can't be read is put aside by Flower, which says so and begins anew."""

read_only = True
"""Nobody logs in to it, and what an operator does belongs into the log of actions: the console and
`recoup` write it there."""

state_save_interval = 60_000
"""In ms: what a Flower that is killed forgets. Saving 5,000 tasks takes it 0.1 s."""

max_tasks = 5_000
"""More rows than anyone reads. What waits beyond them, the console has."""

tasks_columns = "uuid,name,state,result,retries,eta,received"

CAUSE = re.compile(r"StillWaiting\((?P<quote>['\"])(?P<cause>.*)(?P=quote)\)", re.DOTALL)
"""In what a retry was told, by which Celery tells of it."""


def format_task(task: Task) -> Task:
    """A task as its row and its page show it: why it waits and when its next try comes, in words.

    Its name stays: Flower's own links search for it. Its id says which tid, and whose.
    """
    tid, _, party = task.uuid.rpartition(":")
    if is_tid(tid):
        task.args = f"{tid} of {party}"
    if task.eta:
        task.eta = datetime.fromisoformat(task.eta).strftime("%H:%M:%S")
    if task.state == "RETRY":
        found = CAUSE.search(task.exception or "")
        task.result = f"waits: {found['cause']}" if found else task.exception
    elif task.result:
        task.result = task.result.strip("'\"")
    return task


# --- its pages -----------------------------------------------------------------------------------


def console(handler: Any) -> tuple[str, str]:
    """Where a page's link to the console leads, and what it says."""
    tid = (handler.path_args or [""])[0].rpartition(":")[0]
    if is_tid(tid):
        return pages.checkout(ours(), tid), f"Checkout {tid} in the console"
    return pages.console(ours()), "The console"


templates = {path.name: path.read_text() for path in Path(application["template_path"]).glob("*")}
templates["flower_navbar.html"] = templates["navbar.html"]
templates["navbar.html"] = Path(__file__).with_name("navbar.html").read_text()
application["template_loader"] = DictLoader(templates)
application["ui_methods"] = {"console": console}
