"""Steady load: the same orders again and again, at the same pace."""

from __future__ import annotations

import threading
import time
from collections import Counter

import urllib3

from loadtest.client import CannotTell, Client

CLIENTS = 8
ORDERS, ITEMS, USERS = 2_000, 200, 200
ANY = 1_000_000_000
INIT_LIMIT_S = 120.0


class Load:
    """Checks the same orders out, round after round, at `per_s` in all, until it is stopped.

    After each round the orders are written anew, so that there never are more of them; what else
    grows then is what should not.
    """

    def __init__(self, url: str, per_s: float) -> None:
        self._url = url
        self._period_s = CLIENTS / per_s
        self._init = Client(url, 1, answer_limit_s=INIT_LIMIT_S)
        self._pool = urllib3.PoolManager(maxsize=CLIENTS, timeout=30.0, retries=False)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._round_ends = threading.Barrier(CLIENTS, action=self._begin_round)
        self._took_ms: list[float] = []
        self.answers: Counter[str] = Counter()
        self.rounds = 1
        self._threads = [
            threading.Thread(target=self._check_out, args=(number,)) for number in range(CLIENTS)
        ]

    def prepare(self) -> None:
        """Fills the shop: credit and pieces without end."""
        self._init.post(f"/payment/batch_init/{USERS}/{ANY}")
        self._init.post(f"/stock/batch_init/{ITEMS}/{ANY}/1")
        self._write_orders()

    def start(self) -> None:
        """Begins."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends, when each client has his answer."""
        self._stopping.set()
        self._round_ends.abort()
        for thread in self._threads:
            thread.join()
        self._pool.clear()
        self._init.close()

    def take_ms(self) -> list[float]:
        """How long the checkouts since the last call of this took."""
        with self._lock:
            taken, self._took_ms = self._took_ms, []
            return taken

    def _write_orders(self) -> None:
        self._init.post(f"/orders/batch_init/{ORDERS}/{ITEMS}/{USERS}/1")

    def _begin_round(self) -> None:
        """Called by the last client who has finished a round, while the others wait."""
        try:
            self._write_orders()
            self.rounds += 1
        except CannotTell as error:
            self.answers[str(error)] += 1
            raise

    def _check_out(self, number: int) -> None:
        while not self._stopping.is_set():
            due_s = time.monotonic() + self._period_s * number / CLIENTS
            for order_id in range(number, ORDERS, CLIENTS):
                if self._stopping.wait(max(0.0, due_s - time.monotonic())):
                    return
                # By the clock, not by the last answer: who is slow isn't asked less for it. But
                # what was missed while it stood still isn't made up for.
                due_s = max(due_s + self._period_s, time.monotonic() - self._period_s)
                self._one(f"{self._url}/orders/checkout/{order_id}")
            try:
                self._round_ends.wait()
            except (threading.BrokenBarrierError, CannotTell):
                return

    def _one(self, url: str) -> None:
        began_s = time.monotonic()
        try:
            answer = str(self._pool.request("POST", url).status)
        except urllib3.exceptions.HTTPError:
            answer = "no answer"
        took_ms = (time.monotonic() - began_s) * 1000
        with self._lock:
            self.answers[answer] += 1
            self._took_ms.append(took_ms)
