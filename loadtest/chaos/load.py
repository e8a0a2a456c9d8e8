"""Clients that buy, as people do: they repeat, hang up, change their minds, and come twice."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import random
import socket
import struct
import threading
import time
import uuid
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import urllib3

from loadtest.books import outcome
from loadtest.chaos.answers import Addition, Stories, Story, Try
from loadtest.chaos.shop import Shop

CLIENTS = 16

PREPARED = 128
"""Orders that a crowd checks out at once in the beginning: a fault then meets many on the way."""

RUSH_LIMIT_S = 5.0

THINK_S = 0.02
"""Later, a pause after each order, on average: it leaves the machine room to heal."""

ANSWER_LIMIT_S = 15.0
"""Longer than any answer may take (a deadline, a budget of retries, giving back); a client whose
gateway stands still gives up then."""

KNOW_LIMIT_S = 20.0
"""As long a client repeats what makes an order, until it knows."""

HANG_UP_MOST_S = 0.05
"""A client that hangs up does so before a usual checkout is over, or just after."""

RECENT = 40
"""Orders that another client may meddle with."""


HUNG_UP = "hung up"
"""What became of a checkout whose client didn't wait for its answer."""


class Tally:
    """Counts checkouts, of all clients, by how each was answered (or HUNG_UP)."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, what: str) -> None:
        """One more."""
        with self._lock:
            self._counts[what] += 1

    def so_far(self) -> Counter[str]:
        """All until now."""
        with self._lock:
            return self._counts.copy()


class Load:
    """Clients in one shop, from `start` to `stop`."""

    def __init__(self, url: str, shop: Shop, tally: Tally, seed: int) -> None:
        self.stories = Stories()
        self._address = urlsplit(url).netloc
        self._url = url
        self._shop = shop
        self._tally = tally
        self._pool = urllib3.PoolManager(
            maxsize=CLIENTS, timeout=urllib3.Timeout(ANSWER_LIMIT_S), retries=False
        )
        self._seed = seed
        self._stopping = threading.Event()
        self._prepared: deque[tuple[str, Story]] = deque()
        self._recent: deque[tuple[str, Story]] = deque(maxlen=RECENT)
        self._threads = [
            threading.Thread(target=self._buy_on, args=(random.Random(f"{seed} {number}"),))
            for number in range(CLIENTS)
        ]

    def start(self) -> None:
        """Lets the clients in: a crowd, each with orders that are ready to be checked out. Returns
        when a third of those are: in the middle of it, if it goes on."""
        draws = [random.Random(f"{self._seed} order {number}") for number in range(CLIENTS)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(self._prepare, draws))
        rush = len(self._prepared) * 2 // 3
        for thread in self._threads:
            thread.start()
        give_up = time.monotonic() + RUSH_LIMIT_S
        while len(self._prepared) > rush and time.monotonic() < give_up:
            time.sleep(0.002)

    def stop(self) -> None:
        """Lets nobody begin anything new, and waits until each has finished what he began."""
        self._stopping.set()
        for thread in filter(threading.Thread.is_alive, self._threads):
            thread.join()
        self._pool.clear()

    # --- one client ---

    def _prepare(self, draw: random.Random) -> None:
        for _ in range(PREPARED // CLIENTS):
            if order := self._order(draw):
                self._prepared.append(order)

    def _buy_on(self, draw: random.Random) -> None:
        while not self._stopping.is_set():
            if self._prepared:
                with contextlib.suppress(IndexError):  # somebody else has taken the last one
                    self._buy(*self._prepared.popleft(), draw)
                continue  # a crowd at the door doesn't think
            if self._recent and draw.random() < 0.15:
                self._meddle(draw)
            elif order := self._order(draw):
                self._buy(*order, draw)
            self._stopping.wait(draw.uniform(0, 2 * THINK_S))

    def _order(self, draw: random.Random) -> tuple[str, Story] | None:
        """An order of one to three items, if it can be made."""
        shop = self._shop
        rich = draw.random() < 0.85
        user_id = draw.choice(shop.rich if rich else shop.poor)
        status, body = self._until_known(f"/orders/create/{user_id}")
        self.stories.answer("create an order", status, 200)
        if status != 200:
            return None
        order_id = str(body["order_id"])
        story = self.stories.begin(order_id, user_id, assured=rich)
        items = draw.sample(shop.plenty, draw.choice((1, 1, 2, 3)))
        if draw.random() < 0.15:
            items.append(draw.choice(shop.scarce))
        for item_id in items:
            if not self._add(order_id, story, item_id, draw.randint(1, 3)):
                return None
        return order_id, story

    def _buy(self, order_id: str, story: Story, draw: random.Random) -> None:
        """A checkout; perhaps hung up on, perhaps repeated."""
        self._recent.append((order_id, story))
        manner = draw.random()
        if manner < 0.1:
            self._hang_up(order_id, story, draw.uniform(0, HANG_UP_MOST_S))
            if draw.random() < 0.5:
                return
        answer = self._check_out(order_id, story)
        again = manner > 0.9 or (answer in (None, 503) and manner > 0.5)
        if again and not self._stopping.wait(draw.uniform(0, 0.5)):
            self._check_out(order_id, story)

    def _meddle(self, draw: random.Random) -> None:
        """Checks out someone's order once more, or puts something into it, perhaps meanwhile."""
        order_id, story = draw.choice(list(self._recent))
        if draw.random() < 0.6:
            self._check_out(order_id, story)
        else:
            self._add(order_id, story, draw.choice(self._shop.plenty), 1, paid_too=True)

    def _add(
        self, order_id: str, story: Story, item_id: str, quantity: int, paid_too: bool = False
    ) -> bool:
        """Puts pieces in. `paid_too`: the order may be paid by then, which is a 409."""
        if item_id in self._shop.scarce:
            story.assured = False
        addition = Addition(item_id, quantity)
        story.additions.append(addition)
        addition.status, _ = self._until_known(f"/orders/addItem/{order_id}/{item_id}/{quantity}")
        expected = (200, 409) if paid_too else (200,)
        self.stories.answer("add an item", addition.status, *expected)
        return addition.status == 200

    def _check_out(self, order_id: str, story: Story) -> int | None:
        this = Try(time.monotonic())
        story.tries.append(this)
        this.status, _ = self._ask(f"/orders/checkout/{order_id}", {})
        if this.status is not None:
            this.ended_s = time.monotonic()
        self._tally.count(outcome(this.status))
        return this.status

    def _hang_up(self, order_id: str, story: Story, after_s: float) -> None:
        """Asks for a checkout, and resets the connection instead of waiting for its answer."""
        story.tries.append(Try(time.monotonic()))
        self._tally.count(HUNG_UP)
        connection = http.client.HTTPConnection(self._address, timeout=ANSWER_LIMIT_S)
        try:
            connection.request("POST", f"/orders/checkout/{order_id}")
            time.sleep(after_s)
            no_linger = struct.pack("ii", 1, 0)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        except OSError:
            pass  # nobody there: then it has hung up on nobody
        finally:
            connection.close()

    def _until_known(self, path: str) -> tuple[int | None, dict[str, Any]]:
        """Repeats a call under one key until its answer tells what became of it."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        end_s = time.monotonic() + KNOW_LIMIT_S
        for tried in itertools.count():
            status, body = self._ask(path, headers)
            if status not in (None, 503) or time.monotonic() > end_s or self._stopping.is_set():
                return status, body
            self._stopping.wait(min(1.0, 0.1 * 2**tried))
        raise AssertionError("it counts for ever")

    def _ask(self, path: str, headers: dict[str, str]) -> tuple[int | None, dict[str, Any]]:
        try:
            answer = self._pool.request("POST", self._url + path, headers=headers)
            return answer.status, answer.json() if answer.status == 200 else {}
        except (urllib3.exceptions.HTTPError, ValueError):
            return None, {}
