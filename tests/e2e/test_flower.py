"""What operators see in Flower, and that it outlives Flower."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3

from recoup import pages
from tests.e2e.client import Shop, eventually
from tests.e2e.stack import Stack

DATATABLE = "/tasks/datatable?draw=1&start=0&length=1&order[0][column]=0&search[value]={}"


def get(stack: Stack, path: str) -> urllib3.BaseHTTPResponse:
    """One of Flower's pages."""
    return urllib3.request("GET", stack.flower_url + path, retries=False, timeout=10)


def row(stack: Stack, task_id: str) -> dict[str, Any]:
    """What the table of tasks shows of one; empty if it isn't there."""
    rows = get(stack, DATATABLE.format(task_id)).json()["data"]
    return dict(rows[0]) if rows else {}


def serves(stack: Stack) -> bool:
    """Whether Flower answers."""
    try:
        return get(stack, "/healthcheck").status == 200
    except urllib3.exceptions.HTTPError:
        return False


def start_flower(stack: Stack) -> None:
    """Starts it, and waits until it answers."""
    stack.supervisor.start("flower")
    eventually(lambda: serves(stack))


@dataclass(frozen=True)
class Seen:
    """A compensation that waited for `orders`, as Flower showed it then."""

    tid: str
    task_id: str
    row: dict[str, Any]
    page: str


@pytest.fixture(scope="module")
def seen(stack: Stack) -> Iterator[Seen]:
    with Shop(stack.url) as shop:
        order_id = shop.new_order(shop.new_user(5), (shop.new_item(5, 1), 1))
        stack.supervisor.stop("orders")
        try:
            assert shop.check_out(order_id).ok
            tid = shop.order(order_id)["tid"]
            task_id = f"{tid}:stock"
            eventually(lambda: row(stack, task_id).get("state") == "RETRY")
            waits = row(stack, task_id)
            page = get(stack, f"/task/{task_id}").data.decode()
        finally:
            stack.supervisor.start("orders")
        eventually(lambda: shop.user(shop.order(order_id)["user_id"])["held"] == 0)
        yield Seen(tid, task_id, waits, page)


def test_a_row_says_whose_it_is_and_why_it_waits(seen: Seen) -> None:
    assert seen.row["args"] == f"{seen.tid} of stock"
    assert seen.row["result"].startswith("waits: orders can't be reached")


def test_its_page_leads_to_the_checkout_in_the_console(stack: Stack, seen: Seen) -> None:
    assert f'href="{pages.checkout(stack.settings, seen.tid)}"' in seen.page
    assert f'href="{pages.console(stack.settings)}"' in get(stack, "/workers").data.decode()


def test_the_console_finds_its_page(stack: Stack, seen: Seen) -> None:
    url = pages.compensation(stack.settings, seen.tid, "stock")
    assert urllib3.request("GET", url, retries=False).status == 200


def test_it_is_a_window_and_no_door(stack: Stack) -> None:
    for door in ("worker/shutdown/stock-worker", "task/revoke/a.1:stock", "task/send-task/x"):
        url = f"{stack.flower_url}/api/{door}"
        assert urllib3.request("POST", url, body=b"{}", retries=False).status == 403


def test_rows_outlive_a_restart_and_nothing_else_rests_on_them(stack: Stack, seen: Seen) -> None:
    # given a Flower that is restarted
    stack.supervisor.stop("flower")
    start_flower(stack)
    # then it shows what it has shown before
    assert row(stack, seen.task_id)["args"] == f"{seen.tid} of stock"
    # and when what it has kept can't be read
    stack.supervisor.stop("flower")
    kept = list((stack.data_dir / "flower").iterdir())
    assert kept
    for file in kept:
        file.write_bytes(b"\0spoilt")
    # then it says so, and begins anew
    start_flower(stack)
    assert "Failed to load state" in (stack.data_dir / "logs" / "flower.log").read_text()
    assert row(stack, seen.task_id) == {}
