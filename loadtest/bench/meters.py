"""What a load has cost: CPU of each process, Redis commands, gRPC calls, task messages.

Everything here counts up from a start; two readings and the difference between them are a cost.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import psutil
import urllib3

from loadtest.client import CannotTell
from loadtest.instance import GATEWAY_WORKER, Instance

METRICS_LIMIT_S = 10.0

OURS = {"info", "config|set"}
"""Commands that only the bench sends."""

POLL_S = 0.02
SETTLED_LIMIT_S = 60.0
WRITTEN_LIMIT_S = 120.0

Counts = Counter[str]


def cpu_s(pids: Mapping[str, int]) -> dict[str, float]:
    """The time that each of these processes has had a core, with all its children, of which
    those that have ended count too (a database writes its file anew in one)."""
    children = defaultdict(list)
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            children[process.ppid()].append(process.pid)

    def family(pid: int) -> Iterable[int]:
        yield pid
        for child in children[pid]:
            yield from family(child)

    return {name: sum(map(_used_s, family(pid))) for name, pid in pids.items()}


def _used_s(pid: int) -> float:
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


class Meters:
    """The counters of one instance."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._parties = instance.settings.parties
        self._services = ("orders", *self._parties)
        self._databases = {store: instance.database(store) for store in (*self._services, "broker")}
        self._polls = 0
        self.pids = {name: state.pid for name, state in instance.supervisor.states().items()}
        """Of each process that its supervisor runs."""
        self._gateway_workers = set(instance.pids(GATEWAY_WORKER))
        self._supervisors = psutil.Process(self.pids["gateway"]).parents()[:2]

    def cpu_s(self) -> dict[str, float]:
        """As the function of that name, for all processes."""
        own = (process.cpu_times() for process in self._supervisors)
        return cpu_s(self.pids) | {"supervisor": sum(each.user + each.system for each in own)}

    def wait_until_written(self) -> None:
        """Until no database writes its file anew: what was done before this must not cost what
        comes after. Raises CannotTell if that takes too long."""
        give_up_s = time.monotonic() + WRITTEN_LIMIT_S
        while any(
            client.info("persistence")[name]
            for client in self._databases.values()
            for name in ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
        ):
            if time.monotonic() > give_up_s:
                raise CannotTell("a database writes its file anew without end")
            time.sleep(POLL_S)

    def died(self) -> list[str]:
        """Processes that aren't those that ran at the beginning."""
        now = self._instance.supervisor.states()
        died = [name for name, pid in self.pids.items() if now[name].pid != pid]
        if set(self._instance.pids(GATEWAY_WORKER)) != self._gateway_workers:
            died.append(GATEWAY_WORKER)
        return died

    def counts(self) -> Counts:
        """Commands that the databases have run, as `redis <store> <command>`, those inside scripts
        too; messages, as `tasks`; and what the gateway and the services count of themselves."""
        counts: Counts = Counter()
        for store, client in self._databases.items():
            for name, each in client.info("commandstats").items():
                command = name.removeprefix("cmdstat_")
                if command not in OURS:
                    counts[f"redis {store} {command}"] = each["calls"]
            if store in self._parties:
                counts[f"redis {store} zcard"] -= 2 * self._polls
        counts["tasks"] = counts["redis broker lpush"]
        settings = self._instance.settings
        ports = [settings.port, *(settings.port_of(f"{name}-metrics") for name in self._services)]
        for port in ports:
            page = urllib3.request(
                "GET", f"http://{settings.host}:{port}/metrics", timeout=METRICS_LIMIT_S
            )
            counts.update(samples(page.data.decode()))
        return counts

    def settled_at_s(self) -> float | None:
        """Waits until no leg waits for its end, parked ones too; when that was seen, None if it
        never is. By the monotonic clock."""
        give_up_s = time.monotonic() + SETTLED_LIMIT_S
        while (now_s := time.monotonic()) < give_up_s:
            if not self._held():
                return now_s
            time.sleep(POLL_S)
        return None

    def _held(self) -> int:
        self._polls += 1
        held = 0
        for party in self._parties:
            pipeline = self._databases[party].pipeline(transaction=False)
            pipeline.zcard(f"{{{party}}}:due")
            pipeline.zcard(f"{{{party}}}:parked")
            held += sum(pipeline.execute())
        return held

    def set_fsync(self, policy: str) -> None:
        """Has all databases but the broker write so (`always`, `everysec`), while they run."""
        for store in self._services:
            self._databases[store].config_set("appendfsync", policy)


def samples(page: str) -> Counts:
    """The counters on a page of Prometheus metrics, by their full names."""
    counts: Counts = Counter()
    for line in page.splitlines():
        name, _, value = line.rpartition(" ")
        if name.partition("{")[0].endswith(("_total", "_count")) and not line.startswith("#"):
            counts[name] = int(float(value))
    return counts


def grpc_calls(counts: Mapping[str, int]) -> int:
    """Calls to the services, whoever made them."""
    return sum(count for name, count in counts.items() if name.startswith("recoup_rpcs_total"))


def redis_commands(counts: Mapping[str, int]) -> dict[str, int]:
    """Commands by store, all of them; and as `scripts` how many of them ran a script."""
    commands: Counter[str] = Counter()
    for name, count in counts.items():
        if name.startswith("redis "):
            _, store, command = name.split(" ")
            commands[store] += count
            commands["scripts"] += count if command == "evalsha" else 0
    return dict(commands)
