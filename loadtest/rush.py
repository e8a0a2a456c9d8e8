"""The rush itself: fill a shop, check everything out at once, wait until it is quiet, judge.

Written with plain threads. Where `gevent` has patched them they are green, and thousands are fine.
"""

from __future__ import annotations

import json
import random
import resource
import secrets
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, track
from rich.table import Table

from loadtest.books import Books, Discrepancy, Outcome, Verdict, judge, outcome
from loadtest.client import CannotTell, Client
from loadtest.shop import CALLERS, Shop, Size, console, fill, read

# Files that a process needs besides its connections.
OTHER_FILES = 256
POLL_S = 0.05
DISCREPANCIES_SHOWN = 20


def check(
    base_url: str,
    seed: int | None,
    size: Size,
    convergence_limit_s: float,
    as_json: bool = False,
) -> Verdict:
    """Runs the whole check, tells what it finds, and returns its verdict.

    `as_json`: what it tells goes to standard error, and one object to standard output.
    """
    console.stderr = as_json
    seed = secrets.randbelow(2**32) if seed is None else seed
    console.print(f"{base_url}: a rush, seed {seed} (--seed {seed} draws the same buyers again)")
    allow_open_files(size.orders + CALLERS + OTHER_FILES)
    client = Client(base_url, CALLERS)
    try:
        shop = fill(client, size, random.Random(seed))
        answers, answered_in_s = check_out_all(base_url, list(shop.buyers))
        if not {Outcome.PAID, Outcome.REFUSED} & {outcome(status) for status in answers.values()}:
            raise CannotTell("not one checkout was answered")
        converged_in_s = converge(client, shop, convergence_limit_s)
        books = read(client, shop)
    except CannotTell as error:
        console.print(f"[bold yellow]CAN'T TELL[/] {error}", highlight=False, soft_wrap=True)
        if as_json:
            print(json.dumps({"verdict": Verdict.CANNOT_TELL, "problem": str(error)}))
        return Verdict.CANNOT_TELL
    finally:
        client.close()
    discrepancies = judge(answers, books, shop.could_sell())
    report(shop, answers, books, answered_in_s, converged_in_s)
    found = verdict(discrepancies, seed)
    if as_json:
        told = {"verdict": found, "seed": seed, "discrepancies": list(map(str, discrepancies))}
        times = {"answered_in_s": answered_in_s, "converged_in_s": converged_in_s}
        print(json.dumps(told | times | document(shop, answers, books)))
    return found


def allow_open_files(files: int) -> None:
    """Raises this process's own limit of open files, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < files:
        allowed = files if hard == resource.RLIM_INFINITY else min(files, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        if allowed < files:
            console.print(f"Only {allowed} files may be open: raise the hard limit (ulimit -Hn)")


def check_out_all(base_url: str, order_ids: list[str]) -> tuple[dict[str, int | None], float]:
    """Checks all orders out at the same moment, each once and over a connection of its own."""
    client = Client(base_url, len(order_ids))
    gate = threading.Event()

    def check_out(order_id: str) -> tuple[str, int | None]:
        gate.wait()
        return order_id, client.status("POST", f"/orders/checkout/{order_id}")

    with ThreadPoolExecutor(len(order_ids)) as pool:
        waiting = [pool.submit(check_out, order_id) for order_id in order_ids]
        began = time.monotonic()
        gate.set()
        done = track(as_completed(waiting), "Checking out", len(waiting), console=console)
        answers = dict(future.result() for future in done)
        took_s = time.monotonic() - began
    client.close()
    return answers, took_s


def converge(client: Client, shop: Shop, limit_s: float) -> float:
    """Waits until nothing is held any more, or the limit has passed, and tells how long it took.

    That is when the last account was first seen without a held unit, so reading counts too.
    """
    began = time.monotonic()
    waiting = [f"/stock/find/{shop.item_id}"]
    waiting += [f"/payment/find_user/{user_id}" for user_id in set(shop.buyers.values())]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[held]} held"),
    )
    most_held = 0
    with Progress(*columns, console=console) as progress, ThreadPoolExecutor(CALLERS) as pool:
        bar = progress.add_task("Settling held units", total=None, held="?")
        while True:
            units = dict(zip(waiting, pool.map(client.held, waiting), strict=True))
            waiting = [path for path in waiting if units[path] > 0]
            held = sum(units.values())
            most_held = max(most_held, held, 1)
            progress.update(bar, total=most_held, completed=most_held - held, held=held)
            waited_s = time.monotonic() - began
            if not waiting or waited_s > limit_s:
                return waited_s
            time.sleep(POLL_S)


def report(
    shop: Shop,
    answers: dict[str, int | None],
    books: Books,
    answered_in_s: float,
    converged_in_s: float,
) -> None:
    """One table: what was answered, and what the books say."""
    counts = counted(answers)
    item = books.items[shop.item_id]
    table = Table("", "count", title=f"{len(answers)} checkouts at once, {shop.stock} pieces")
    table.columns[1].justify = "right"
    for answer in Outcome:
        table.add_row(f"answered: {answer}", str(counts[answer]))
    table.add_section()
    table.add_row("users who ordered", str(len(set(shop.buyers.values()))))
    table.add_row("orders that could be paid", str(shop.could_sell()))
    table.add_row("orders paid", str(sum(1 for _ in books.paid())))
    table.add_row("pieces sold", str(item.used) if item else "?")
    table.add_row("pieces left", str(item.available) if item else "?")
    table.add_row("credit spent", str(sum(user.used for user in books.users.values() if user)))
    table.add_row("units still held", str(books.held()))
    table.add_section()
    table.add_row("all answered after", f"{answered_in_s:.2f} s")
    settled = "still not settled" if books.held() else "all settled"
    table.add_row(f"{settled} that long after the last answer", f"{converged_in_s:.2f} s")
    console.print(table)


def document(shop: Shop, answers: dict[str, int | None], books: Books) -> dict[str, Any]:
    """The numbers of the report, for programs."""
    item = books.items[shop.item_id]
    return {
        "answers": {kind.name.lower(): count for kind, count in counted(answers).items()},
        "could_be_paid": shop.could_sell(),
        "paid": sum(1 for _ in books.paid()),
        "sold": item.used if item else None,
        "left": item.available if item else None,
        "spent": sum(user.used for user in books.users.values() if user),
        "held": books.held(),
        "unaccounted": {
            "items": books.unexplained_items(),
            "credits": books.unexplained_credits(),
        },
    }


def counted(answers: dict[str, int | None]) -> Counter[Outcome]:
    """How many checkouts were answered how."""
    return Counter(outcome(status) for status in answers.values())


def verdict(discrepancies: list[Discrepancy], seed: int) -> Verdict:
    """Tells the discrepancies, if any, and closes with one line."""
    for discrepancy in discrepancies[:DISCREPANCIES_SHOWN]:
        console.print(f"  {discrepancy}", highlight=False, soft_wrap=True)
    if len(discrepancies) > DISCREPANCIES_SHOWN:
        console.print(f"  and {len(discrepancies) - DISCREPANCIES_SHOWN} more")
    if discrepancies:
        console.print(f"[bold red]INCONSISTENT[/] {len(discrepancies)} discrepancies, seed {seed}")
        return Verdict.INCONSISTENT
    console.print("[bold green]CONSISTENT[/] stock, credit, orders and answers agree")
    return Verdict.CONSISTENT
