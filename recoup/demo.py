"""`recoup demo`: buys something on a running instance, kills processes in the middle, and shows
how the books agree afterwards.

It talks to the system as any client does, over HTTP; only for the killing it asks the supervisor
who is who. It stops at the first thing that isn't as it says.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from proto import ledger_pb2 as pb
from proto.ledger_pb2_grpc import LedgerStub
from recoup.errors import RecoupError
from recoup.rpc import ask, open_channel
from recoup.settings import Settings
from recoup.supervisor import Supervisor

PRICE = 5
PATIENCE_S = 40.0
POLL_S = 0.1

BOOKS = ("credit", "credit_held", "spent", "mugs", "mugs_held", "sold")

out = Console(highlight=False)

acts: list[dict[str, Any]] = []
"""What was told: each act's title, and its books at some moments."""


class Unexpected(Exception):
    """Something isn't as the demo says; its text says what."""


def run(settings: Settings, as_json: bool = False) -> int:
    """Plays all acts. Returns 0; 1 if something wasn't as told; 3 if nothing answers.

    `as_json`: what it tells goes to standard error, and in the end one object to standard output.
    """
    out.stderr = as_json
    status, problem = play(Demo(settings))
    if as_json:
        print(json.dumps({"fine": status == 0, "problem": problem, "acts": acts}))
    return status


def play(demo: Demo) -> tuple[int, str]:
    """All acts: the exit status, and what is wrong."""
    try:
        demo.supervisor.states()
        demo.get("/healthz")
    except OSError:
        problem = f"Nothing answers on port {demo.settings.port}."
        out.print(f"{problem} Start it in another terminal: make run")
        return 3, problem
    try:
        demo.buy()
        demo.kill_payment()
        demo.kill_gateway()
    except Unexpected as error:
        out.print(f"[red]Not as expected:[/] {error}\nNext: recoup audit")
        return 1, str(error)
    out.print("\n[bold green]Every credit and every mug is accounted for.[/]")
    return 0, ""


class Demo:
    """One user, one item, and three orders."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.supervisor = Supervisor(settings.data_dir.resolve())
        self.user_id = self.item_id = ""
        self.ordered = 0

    # --- the acts ---

    def buy(self) -> None:
        """A user with 100 credits buys two of ten mugs."""
        act("1. A checkout")
        self.user_id = self.post("/payment/create_user")["user_id"]
        self.post(f"/payment/add_funds/{self.user_id}/100")
        self.item_id = self.post(f"/stock/item/create/{PRICE}")["item_id"]
        self.post(f"/stock/add/{self.item_id}/10")
        say(f"A user with 100 credits, and 10 mugs at {PRICE} credits each.")
        before = self.books()
        order_id = self.order(2)
        answer = self.check_out(order_id).result()
        expect(answer == 200, f"the checkout answered {answer}")
        say("An order of 2 mugs, checked out: [green]200[/].")
        self.settled()
        show(("before", before), ("after", self.books()))
        self.balanced()

    def kill_payment(self) -> None:
        """payment is killed while a checkout waits for it."""
        act("2. payment is killed in the middle of a checkout")
        order_id = self.order(1)
        with stopped(self.supervisor.pid("payment")) as payment:
            checkout = self.check_out(order_id)
            say("A checkout of 1 mug has begun. stock holds the mug; payment stands still:")
            self.wait_for("the mug to be held", lambda: self.item()["held"] == 1)
            show_stock(self.item())
            os.kill(payment, signal.SIGKILL)
            say(f"[red]kill -9 {payment}[/] (payment). The supervisor starts it again; meanwhile …")
        answer = checkout.result()
        expect(answer == 200, f"the checkout answered {answer}")
        say("… the checkout has waited: [green]200[/].")
        self.settled()
        show(("now", self.books()))
        self.balanced()

    def kill_gateway(self) -> None:
        """The gateway is killed when both have voted and nobody has decided."""
        act("3. The gateway is killed after the votes, before the verdict")
        order_id = self.order(3)
        with stopped(self.supervisor.pid("payment")) as payment:
            checkout = self.check_out(order_id)
            self.wait_for("the mugs to be held", lambda: self.item()["held"] == 3)
            gateway = self.holder_of(checkout)
            with stopped(gateway):
                os.kill(payment, signal.SIGCONT)
                tid = self.get(f"/orders/find/{order_id}")["tid"]
                self.wait_for("both votes", lambda: self.legs(tid) == {"held"})
                os.kill(gateway, signal.SIGKILL)
        say(f"[red]kill -9 {gateway}[/] (the gateway's worker process that had asked both).")
        answer = checkout.result()
        expect(answer is None, f"the dead gateway answered {answer}")
        say(f"The client got [red]no answer[/]. Both hold their leg of {tid}; nobody decided:")
        show(("held", self.books()))
        say(
            "The parties wait until the checkout's deadline has passed, ask each other, and decide."
        )
        began_s = time.monotonic()
        self.settled()
        say(f"Healed after {time.monotonic() - began_s:.1f} s:")
        show(("healed", self.books()))
        order = self.get(f"/orders/find/{order_id}")
        say(f"The order is [bold]{order['state']}[/]. The client asks again:")
        answer = self.check_out(order_id).result()
        expect(answer == 200, f"the repeated checkout answered {answer}")
        self.settled()
        say("[green]200[/], and charged once:")
        show(("at the end", self.books()))
        self.balanced()

    # --- what they need ---

    def order(self, mugs: int) -> str:
        """An order of so many mugs."""
        order_id: str = self.post(f"/orders/create/{self.user_id}")["order_id"]
        self.post(f"/orders/addItem/{order_id}/{self.item_id}/{mugs}")
        self.ordered += mugs
        return order_id

    def check_out(self, order_id: str) -> Checkout:
        """Begins a checkout, on a connection of its own."""
        return Checkout(self.settings, order_id)

    def holder_of(self, checkout: Checkout) -> int:
        """The gateway's worker process at the other end of the checkout's connection."""
        for worker in psutil.Process(self.supervisor.pid("gateway")).children():
            for connection in worker.net_connections("tcp"):
                if connection.raddr and connection.raddr.port == checkout.port:
                    return worker.pid
        raise Unexpected("no worker process of the gateway has the checkout's connection")

    def legs(self, tid: str) -> set[str]:
        """The states of the parties' legs of a tid, as each party says."""
        states = set()
        for party in self.settings.parties:
            stub = LedgerStub(open_channel(self.settings.address(party)))
            (leg,) = ask(stub.Status, pb.StatusRequest(tids=[tid]), timeout_s=1.0).legs
            states.add(pb.Leg.State.Name(leg.state).lower())
        return states

    def settled(self) -> None:
        """Waits until nothing is held."""
        self.wait_for("everything to settle", lambda: not any(self.books()[i] for i in (1, 4)))

    def balanced(self) -> None:
        """Nothing was lost, nothing was charged twice."""
        credit, held, spent, stock, held_stock, sold = self.books()
        expect(sold == self.ordered, f"{sold} mugs are sold, {self.ordered} were ordered")
        expect(spent == PRICE * sold, f"{spent} credits are spent for {sold} mugs")
        expect(credit + held + spent == 100, f"credit doesn't add up: {credit}+{held}+{spent}")
        expect(stock + held_stock + sold == 10, f"mugs don't add up: {stock}+{held_stock}+{sold}")

    def books(self) -> tuple[int, int, int, int, int, int]:
        """Credit, held, spent; stock, held, sold."""
        user, item = self.user(), self.item()
        user_books = user["credit"], user["held"], user["spent"]
        return (*user_books, item["stock"], item["held"], item["sold"])

    def user(self) -> Any:
        """The user as the API shows him."""
        return self.get(f"/payment/find_user/{self.user_id}")

    def item(self) -> Any:
        """The mugs as the API shows them."""
        return self.get(f"/stock/find/{self.item_id}")

    def wait_for(self, what: str, holds: Callable[[], bool]) -> None:
        """Returns once it holds; while a process comes back, an answer may be missing."""
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            with contextlib.suppress(OSError, http.client.HTTPException, RecoupError, Unexpected):
                if holds():
                    return
            time.sleep(POLL_S)
        raise Unexpected(f"waited {PATIENCE_S:.0f} s for {what}")

    def post(self, path: str) -> Any:
        """Does something that has to succeed."""
        return self._ask("POST", path)

    def get(self, path: str) -> Any:
        """Looks at something that has to be there."""
        return self._ask("GET", path)

    def _ask(self, method: str, path: str) -> Any:
        # A new connection each time: one that is kept may lead to a process that stands still.
        connection = connect(self.settings)
        with contextlib.closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            said = answer.read().decode()
        expect(answer.status == 200, f"{method} {path}: {answer.status} {said}")
        return json.loads(said)


class Checkout:
    """A checkout under way."""

    def __init__(self, settings: Settings, order_id: str) -> None:
        self._connection = connect(settings)
        self._connection.connect()
        self._path = f"/orders/checkout/{order_id}"
        self._status: int | None = None
        self.port: int = self._connection.sock.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        lost = contextlib.suppress(OSError, http.client.HTTPException)
        with contextlib.closing(self._connection), lost:
            self._connection.request("POST", self._path)
            self._status = self._connection.getresponse().status

    def result(self) -> int | None:
        """Waits for the answer: its status, or None if there was none."""
        self._thread.join(PATIENCE_S)
        return self._status


def connect(settings: Settings) -> http.client.HTTPConnection:
    """A connection to the gateway, which no proxy in the environment can take."""
    return http.client.HTTPConnection(settings.host, settings.port, timeout=PATIENCE_S)


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[int]:
    """A process that stands still meanwhile; it may also be killed."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def expect(holds: bool, otherwise: str) -> None:
    """Stops the demo with a sentence unless something holds."""
    if not holds:
        raise Unexpected(otherwise)


def act(title: str) -> None:
    """Begins an act."""
    acts.append({"title": title, "books": {}})
    out.print(f"\n[bold]{title}[/]")


def say(sentence: str) -> None:
    """Tells what happens."""
    out.print(f"  {sentence}", soft_wrap=True)


def show(*moments: tuple[str, tuple[int, int, int, int, int, int]]) -> None:
    """The books at some moments."""
    table = Table(pad_edge=False, box=None, padding=(0, 2))
    for column in ("", "credit", "held", "spent", "mugs", "held", "sold"):
        table.add_column(column, justify="right")
    for name, books in moments:
        acts[-1]["books"][name] = dict(zip(BOOKS, books, strict=True))
        table.add_row(name, *map(str, books))
    out.print(table)


def show_stock(item: dict[str, int]) -> None:
    """The mugs alone: payment can't be asked."""
    say(f"  mugs {item['stock']}, held {item['held']}, sold {item['sold']}")
