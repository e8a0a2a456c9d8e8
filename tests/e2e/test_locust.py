"""Locust's users against a running system: each does all that it is for, without a failure.
How fast is not the point."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from loadtest.customers.visit import SCARCE_PIECES
from loadtest.instance import free_ports
from recoup.processes import ROOT
from recoup.settings import PARTIES
from tests.e2e.client import Shop, eventually
from tests.e2e.stack import Stack

LIMIT_S = 60
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
USERS = 6
CREATE_USER = "POST /payment/create_user"
ADD_FUNDS = "POST /payment/add_funds/[user_id]/[amount]"
CHECKOUT = "POST /orders/checkout/[order_id]"
SIZES = ("--users-count", "50", "--items-count", "50", "--orders-count", "200")
# Visitors in a hurry, whose purses are soon empty, and who want the same few things.
PACE = ("--think-time-s", "0.02", "--purse", "5", "--scarce-percent", "30")
CHOICES = [option.removeprefix("--").replace("-", "_") for option in (*SIZES, *PACE)[::2]]
STRESS = {CHECKOUT, f"{CHECKOUT} (already paid)"}
MIX = STRESS | {
    "GET /stock/find/[item_id]",
    "GET /payment/find_user/[user_id]",
    CREATE_USER,
    ADD_FUNDS,
    "POST /orders/create/[user_id]",
    "POST /orders/addItem/[order_id]/[item_id]/[quantity]",
    "GET /orders/find/[order_id]",
    f"{CHECKOUT} (refused)",
}


@contextmanager
def locust(stack: Stack, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Locust, pointed at this instance; in the end none of its processes is left."""
    command = (sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--host", stack.url)
    with subprocess.Popen(
        (*command, *SIZES, *PACE, *options),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):  # all have ended, as they should
                os.killpg(process.pid, signal.SIGKILL)


def headless(stack: Stack, folder: Path, *options: str) -> dict[str, int]:
    """How many requests it counts within a few seconds, by name, without a failure."""
    users = ("-u", str(USERS), "-r", str(USERS), "-t", "3s", "--json-file", str(folder / "counted"))
    with locust(stack, "--headless", *users, *options) as process:
        said, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    return requests(json.loads((folder / "counted.json").read_text()))


def requests(entries: list[dict[str, Any]]) -> dict[str, int]:
    """How often each name was asked for; none of it may have failed."""
    assert [entry for entry in entries if entry["num_failures"]] == []
    return {
        f"{entry['method']} {entry['name']}": entry["num_requests"]
        for entry in entries
        if entry["name"] != "Aggregated"
    }


def balanced(stack: Stack) -> bool:
    """Whether the books agree, once nothing is held."""
    done = stack.recoup("audit", "--wait", "--json")
    return done.returncode == 0 and bool(json.loads(done.stdout)["balanced"])


def test_shoppers_come_unless_others_are_named(stack: Stack, tmp_path: Path) -> None:
    counted = headless(stack, tmp_path)
    assert counted.keys() <= STRESS
    assert counted[CHECKOUT] > 0
    assert balanced(stack)


def test_who_is_named_comes_from_several_processes(stack: Stack, tmp_path: Path) -> None:
    port = str(free_ports(PARTIES)[0])
    ports = ("--master-bind-port", port, "--master-port", port)
    counted = headless(stack, tmp_path, "--processes", "2", *ports, "Visitor")
    assert CREATE_USER in counted
    assert counted.keys() <= MIX
    assert balanced(stack)


def test_visitors_picked_on_the_web_page_do_all_that_visitors_do(stack: Stack) -> None:
    with web_page(stack) as page:
        # when visitors are picked
        swarm(page, "Visitor")
        # then each of their steps happens, some are refused, and none fails
        eventually(lambda: counted_on(page).keys() >= MIX)
        # and who has too little adds credit again
        eventually(lambda: counted_on(page)[ADD_FUNDS] > USERS)
        counted = counted_on(page)
    assert counted.keys() == MIX
    assert counted[CREATE_USER] <= USERS
    # and there were only a few pieces of what is scarce
    with Shop(stack.url) as shop:
        scarce, plenty = shop.item("0"), shop.item("49")
    assert scarce["stock"] + scarce["held"] + scarce["sold"] == SCARCE_PIECES
    assert plenty["stock"] > SCARCE_PIECES
    # and the books agree
    assert balanced(stack)


def test_shoppers_can_be_picked_as_well(stack: Stack) -> None:
    with web_page(stack) as page:
        swarm(page, "Shopper")
        eventually(lambda: CHECKOUT in counted_on(page))
        assert counted_on(page).keys() <= STRESS


@contextmanager
def web_page(stack: Stack) -> Iterator[str]:
    """The page of a locust with a worker, which ends without a failure when told to."""
    web, master = map(str, free_ports(PARTIES))
    page = f"http://127.0.0.1:{web}"
    picker = ("--class-picker", "--web-host", "127.0.0.1", "--web-port", web)
    workers = ("--processes", "1", "--master-bind-port", master, "--master-port", master)
    with locust(stack, *picker, *workers) as process:
        eventually(lambda: bool(told_by(page).get("workers")))
        yield page
        process.terminate()
        said, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, said


def swarm(page: str, picked: str) -> None:
    """Has users of this class come, from a page that offers them, and the sizes of the shop."""
    shown = urllib3.request("GET", page).data.decode()
    assert all(f'"{choice}"' in shown for choice in (picked, *CHOICES)), shown
    form = {"user_count": str(USERS), "spawn_rate": str(USERS), "user_classes": picked}
    answer = urllib3.request("POST", f"{page}/swarm", body=urlencode(form), headers=FORM)
    assert answer.json()["success"], answer.data


def told_by(page: str) -> dict[str, Any]:
    """What the page shows; nothing while it isn't there yet."""
    try:
        told = urllib3.request("GET", f"{page}/stats/requests", retries=False, timeout=10).json()
    except urllib3.exceptions.HTTPError:
        return {}
    assert isinstance(told, dict)
    return told


def counted_on(page: str) -> dict[str, int]:
    """How often each name was asked for until now."""
    return requests(told_by(page).get("stats", []))
