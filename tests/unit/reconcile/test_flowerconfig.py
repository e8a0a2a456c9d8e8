"""What Flower shows of a task, and where its pages lead."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from celery.events.state import Task
from flower.options import options

from reconcile import flowerconfig
from recoup.settings import settings

WHY = "orders can't be reached (deadline exceeded: Deadline Exceeded)"


def shown(**fields: object) -> Task:
    """A task with these fields, as Flower shows it."""
    return flowerconfig.format_task(Task(**{"uuid": "7f3k.3:stock", **fields}))


def test_a_row_says_whose_it_is() -> None:
    assert shown(args="('7f3k.3', 1795616331288)").args == "7f3k.3 of stock"


@pytest.mark.parametrize(
    "exception",
    [
        f'Retry(Retry(...), StillWaiting("{WHY}"), 0.061)',
        f'StillWaiting("{WHY}")',
        f"StillWaiting({WHY!r})",
    ],
)
def test_a_row_that_waits_says_why_and_until_when(exception: str) -> None:
    task = shown(state="RETRY", exception=exception, eta="2026-11-25T14:19:05.512811+00:00")
    assert task.result == f"waits: {WHY}"
    assert task.eta == "14:19:05"


def test_a_row_that_waits_for_another_reason_says_that() -> None:
    assert shown(state="RETRY", exception="Boom()").result == "Boom()"
    assert shown(state="RETRY").result is None


def test_a_row_that_is_done_says_what_came_of_it() -> None:
    for said in ("settled: commit", "parked: the account's gone"):
        assert shown(state="SUCCESS", result=repr(said)).result == said


def test_what_is_no_compensation_is_left_as_it_is() -> None:
    task = shown(uuid="c4894c73-756a-4f81-bcd4-d9955d39f089", args="()", result="3")
    assert (task.args, task.result) == ("()", "3")


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        (["7f3k.3:stock"], "/console/checkouts/7f3k.3"),
        (["c4894c73-756a-4f81-bcd4-d9955d39f089"], "/console"),
        (['"><script>:stock'], "/console"),
        ([], "/console"),
        (None, "/console"),
    ],
)
def test_each_page_leads_to_the_console(path: list[str] | None, leads_to: str) -> None:
    url, _ = flowerconfig.console(SimpleNamespace(path_args=path))
    assert url == f"http://127.0.0.1:{settings().port}{leads_to}"


def test_flower_knows_each_option() -> None:
    kept = {"persistent", "db", "state_save_interval", "max_tasks"}
    named = kept | {"read_only", "tasks_columns", "format_task"}
    assert {name for name in vars(flowerconfig) if name in options} == named
