"""What is broken: an instance, the links between its processes, and what both can be made to do.

Each way to break something is a context: broken inside, and left to heal after it. Whoever finds
that it can't be broken now (it is broken already) raises Missed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import xmlrpc.client
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import redis

from loadtest.chaos.proxy import Mode, Proxies, Proxy
from loadtest.instance import GATEWAY_WORKER, Instance, Overrides, lives
from recoup import faults
from recoup.settings import PARTIES, settings

FIND_LIMIT_S = 3.0
"""A process that isn't there may just be starting again; that takes about a second."""

PASSES_LIMIT_S = 5.0
"""Under load a process passes each of its lines in this time, or won't."""

DIES_LIMIT_S = 1.0
"""A thousand times what a signal needs to act."""

LOOK_LIMIT_S = 0.3
"""Who looks twice a second doesn't wait for a store that stands still."""

POLL_S = 0.05


class Missed(Exception):
    """Nothing was broken; why."""


@dataclass(frozen=True, slots=True)
class Link:
    """Who asks whom. `variable` tells the asker where; `form` is what it is told."""

    asker: str
    asked: str
    variable: str
    form: str = "{host}:{port}"

    @property
    def name(self) -> str:
        """As it stands in reports."""
        return f"{self.asker}->{self.asked}"


REDIS = "redis://{host}:{port}/0"

LINKS: Final = (
    Link("gateway", "stock", "RECOUP_STOCK_ADDRESS"),
    Link("gateway", "orders-db", "RECOUP_ORDERS_DB_URL", REDIS),
    Link("stock-worker", "payment", "RECOUP_PAYMENT_ADDRESS"),
    Link("payment-worker", "broker", "RECOUP_BROKER_URL", REDIS),
    Link("stock", "stock-db", "RECOUP_STOCK_DB_URL", REDIS),
)
"""Those that lead through a proxy. Each other process takes the direct way."""


def links(parties: Sequence[str]) -> list[Link]:
    """Those that lead through a proxy, in an instance with these parties."""
    further = [party for party in parties if party not in PARTIES]
    asking = (Link("gateway", party, f"RECOUP_{party.upper()}_ADDRESS") for party in further)
    asked = (
        Link(party, f"{party}-db", f"RECOUP_{party.upper()}_DB_URL", REDIS) for party in further
    )
    return [*LINKS, *asking, *asked]


class World:
    """One instance, its proxies, and the means to break both."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        parties = settings().parties
        points = [name for names in faults.points_by_process(parties).values() for name in names]
        every = ",".join(f"{point}:exit" for point in points)
        self.instance = Instance(data_dir, RECOUP_FAULT=every, **environment)
        fired = faults.folder(self.instance.settings.data_dir)
        self._marks = {point: fired / f"{point}.1" for point in points}
        self._proxies = Proxies()
        self._links: dict[str, Proxy] = {}
        self._legs = {party: self.instance.database(party, LOOK_LIMIT_S) for party in parties}

    def start(self) -> None:
        """Starts it. Raises CannotTell."""
        self.instance.start(self._route())
        for mark in self._marks.values():
            mark.touch()  # as if it had fired: whoever wants it to removes the mark

    def _route(self) -> Overrides:
        settings = self.instance.settings
        overrides: dict[str, dict[str, str]] = {}
        for link in links(settings.parties):
            proxy, port = self._proxies.open(settings.host, settings.port_of(link.asked))
            self._links[link.name] = proxy
            told = link.form.format(host=settings.host, port=port)
            overrides.setdefault(link.asker, {})[link.variable] = told
        return overrides

    def stop(self) -> None:
        """Stops all of it."""
        self.instance.stop()
        self._proxies.close()

    def legs_held(self) -> int | None:
        """How many legs wait for their end, parked ones too; None: a store doesn't answer."""
        held = 0
        for party, database in self._legs.items():
            try:
                pipeline = database.pipeline(transaction=False)
                pipeline.zcard(f"{{{party}}}:due")
                pipeline.zcard(f"{{{party}}}:parked")
                held += sum(pipeline.execute())
            except redis.exceptions.RedisError:
                return None
        return held

    # --- ways to break it ---

    @contextlib.contextmanager
    def killed(self, *names: str) -> Iterator[None]:
        """kill -9, all at the same moment. The supervisor starts them again."""
        pids = [self._find(name) for name in names]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in pids:
            wait_until_one_died([pid])
        yield

    @contextlib.contextmanager
    def dies_at(self, point: str) -> Iterator[None]:
        """A process dies at a named line (see `recoup/faults.py`), when it next comes by."""
        process = point.partition(".")[0]
        pids = self.instance.pids(GATEWAY_WORKER if process == "gateway" else process)
        self._marks[point].unlink(missing_ok=True)
        yield
        give_up = time.monotonic() + PASSES_LIMIT_S
        while not self._marks[point].exists():
            if time.monotonic() > give_up:
                self._marks[point].touch()
                raise Missed(f"nobody came by {point}")
            time.sleep(POLL_S)
        wait_until_one_died(pids)

    @contextlib.contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """SIGSTOP, with its children, and SIGCONT in the end: a process that is very slow, or a
        machine that slept."""
        process = psutil.Process(self._find(name))
        children = process.children(recursive=True)
        for each in (process, *children):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.suspend()
        try:
            yield
        finally:
            for each in (process, *children):
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.resume()

    @contextlib.contextmanager
    def restarted(self, name: str) -> Iterator[None]:
        """Stopped in an orderly way, and started again in the end."""
        try:
            self.instance.supervisor.stop(name)
        except xmlrpc.client.Fault as fault:
            raise Missed(f"{name} could not be stopped: {fault.faultString}") from fault
        try:
            yield
        finally:
            # Already started is as good.
            with contextlib.suppress(xmlrpc.client.Fault):
                self.instance.supervisor.start(name)

    @contextlib.contextmanager
    def disturbed(self, link: str, mode: Mode) -> Iterator[None]:
        """A link that doesn't carry as it should."""
        self._proxies.set_mode(self._links[link], mode)
        try:
            yield
        finally:
            self._proxies.set_mode(self._links[link], Mode.PASS)

    @contextlib.contextmanager
    def emptied(self, store: str) -> Iterator[None]:
        """A database that has lost everything: for the broker alone."""
        self._command(self.instance.database(store), "FLUSHALL")
        yield

    @contextlib.contextmanager
    def killed_while_rewriting(self, store: str) -> Iterator[None]:
        """kill -9 of a database that is writing its file anew."""
        pid = self._find(f"{store}-db")
        self._command(self.instance.database(store), "BGREWRITEAOF")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        wait_until_one_died([pid])
        yield

    @contextlib.contextmanager
    def ahead(self, store: str, by_s: float) -> Iterator[None]:
        """A store's clock is ahead. It never goes back, so this lasts until time has caught up."""
        database, key = self.instance.database(store), f"{{{store}}}:clock"
        seen_ms = max(int(self._command(database, "GET", key) or 0), time.time_ns() // 1_000_000)
        then_ms = seen_ms + int(by_s * 1000)
        self._command(database, "SET", key, then_ms)
        yield
        while time.time() * 1000 < then_ms:
            time.sleep(POLL_S)

    def _command(self, database: redis.Redis, *words: str | int) -> str:
        try:
            return database.execute_command(*words)  # type: ignore[no-any-return, no-untyped-call]
        except redis.exceptions.RedisError as error:
            raise Missed(f"the database doesn't answer {words[0]}: {error}") from error

    def _find(self, name: str) -> int:
        """The id of a process, once it is there."""
        give_up = time.monotonic() + FIND_LIMIT_S
        while not (pid := self.instance.pid(name)):
            if time.monotonic() > give_up:
                raise Missed(f"{name} is not there")
            time.sleep(POLL_S)
        return pid


def wait_until_one_died(pids: Sequence[int]) -> None:
    """A signal is sent before it acts: until then its process looks as well as ever. Returns in any
    case after a while, since it may be another one that died: one that has started since."""
    give_up = time.monotonic() + DIES_LIMIT_S
    while all(map(lives, pids)) and time.monotonic() < give_up:
        time.sleep(POLL_S / 10)
