"""Named places at which a process can be made to die, stand still or fail: for tests.

    RECOUP_FAULT=stock.after_deduct:exit,gateway.after_votes:pause:3

sets faults for the processes of an instance: `<process>.<point>:<action>`, with a comma between
them. An action may happen several times (`exit:2`); unless told, it happens once. That is
remembered in a file of the data folder (`run/faults/<process>.<point>.1`, …), made by whoever fires
and by nobody else after it. So all worker processes of the gateway fire a fault once together,
and a process that its supervisor starts again, with the same environment, isn't killed again.
`recoup up` forgets what has fired before; removing a file sets its fault again, at any time.

Faults are refused outside of development (`RECOUP_ENVIRONMENT`). A point costs a call and one
comparison where none is set.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

POINTS: Final = {
    "gateway.after_read": "The order was read; nobody has been asked for anything.",
    "gateway.after_votes": "The parties have voted, or were given up; there is no verdict yet.",
    "gateway.after_verdict": "The order store has decided; nobody else has been told.",
    "gateway.after_give_back": "An aborted try was given back; the customer has no answer yet.",
    "gateway.before_hand_over": "A group of finished tids was taken for the workers; it is gone.",
    "orders.after_propose": "Verdicts were written for a worker or a sweep, which isn't told.",
    "party.before_deduct": "A batch with deductions has arrived; nothing of it is done.",
    "party.after_deduct": "The batch's scripts have run; the gateway isn't told.",
    "party.before_settle": "A batch with settlements has arrived; nothing of it is done.",
    "party.after_settle": "The batch's scripts have run; whoever asked isn't told.",
    "party.after_take_due": "The sweep has taken legs that are due; nobody else has them.",
    "worker.after_verdicts": "The order store has said which verdicts there are.",
    "worker.before_settle": "The verdicts are known; the party isn't told.",
    "worker.after_settle": "The party has settled; the message isn't acknowledged.",
    "worker.before_claim": "A compensation begins a try; the leg doesn't say so.",
    "worker.after_claim": "The leg is this try's; nothing is done about it.",
    "worker.before_park": "The leg doesn't heal by itself; it isn't put aside yet.",
}
"""Every point, by what its process is, and what has happened when it is reached."""

FORM = re.compile(
    r"(?P<process>[^.:]+)\.(?P<point>[^.:]+):"
    r"(?P<action>exit|raise|pause:(?P<seconds>\d+(\.\d+)?))(:(?P<times>[1-9]\d*))?"
)
WRITTEN = "<process>.<point>:<action>, with an action of exit, raise, pause:<seconds>"


class Fired(Exception):
    """A fault of action `raise`: what nobody has expected."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What shall happen at a point of a process, and how often."""

    process: str
    place: str
    """A key of `POINTS`."""
    action: str
    seconds: float
    times: int

    @property
    def name(self) -> str:
        """`<process>.<point>`."""
        return f"{self.process}.{self.place.partition('.')[2]}"


_armed: dict[str, Fault] = {}
"""This process's faults, by their place."""

_folder = Path()
"""Where it is remembered what has fired."""


def point(place: str) -> None:
    """Marks a place; does there whatever is set for it, and usually nothing."""
    if _armed:
        _reach(place)


def arm(process: str, text: str, data_dir: Path) -> None:
    """Sets what `text` says of this process. To be called once, when it starts."""
    global _folder
    _folder = folder(data_dir)
    _armed.clear()
    for fault in _read(text):
        if fault.process == process:
            _armed[fault.place] = fault
            log.warning("a fault is set: %s:%s", fault.name, fault.action)
    if _armed:
        _folder.mkdir(parents=True, exist_ok=True)


def folder(data_dir: Path) -> Path:
    """Where an instance remembers which faults have fired."""
    return data_dir / "run" / "faults"


def forget(data_dir: Path) -> None:
    """Forgets what has fired: for a new run."""
    shutil.rmtree(folder(data_dir), ignore_errors=True)


# --- what is set ---------------------------------------------------------------------------------


def check(text: str, parties: Sequence[str]) -> None:
    """Raises ValueError, which says what `text` should be, unless all of it can be set."""
    points = points_by_process(parties)
    seen = set()
    for fault in _read(text):
        if fault.process not in points:
            raise ValueError(f"Input should name a process of {', '.join(points)}")
        if fault.name not in points[fault.process]:
            raise ValueError(f"Input should name a point of {', '.join(points[fault.process])}")
        if fault.name in seen:
            raise ValueError(f"Input should name {fault.name} once")
        seen.add(fault.name)


def points_by_process(parties: Sequence[str]) -> dict[str, list[str]]:
    """The names (`<process>.<point>`) of the points of every process that has any."""
    processes = ["gateway", "orders", *parties, *(f"{party}-worker" for party in parties)]
    return {
        process: [
            f"{process}.{name}"
            for kind, _, name in (place.partition(".") for place in POINTS)
            if kind == _kind(process)
        ]
        for process in processes
    }


def _read(text: str) -> list[Fault]:
    return [_fault(each.strip()) for each in text.split(",") if each.strip()]


def _fault(text: str) -> Fault:
    match = FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"Input should be {WRITTEN} (and perhaps :<times>)")
    process, point = match["process"], match["point"]
    action, seconds = match["action"].partition(":")[0], float(match["seconds"] or 0)
    return Fault(process, f"{_kind(process)}.{point}", action, seconds, int(match["times"] or 1))


def _kind(process: str) -> str:
    if process in ("gateway", "orders"):
        return process
    return "worker" if process.endswith("-worker") else "party"


# --- what happens --------------------------------------------------------------------------------


def _reach(place: str) -> None:
    fault = _armed.get(place)
    if fault is None or not _first(fault):
        return
    log.critical("the fault %s fires: %s", fault.name, fault.action)
    if fault.action == "exit":
        os.kill(os.getpid(), signal.SIGKILL)
    elif fault.action == "pause":
        _stand_still(fault.seconds)
    else:
        raise Fired(fault.name)


def _first(fault: Fault) -> bool:
    """Whether this process, and no other, shall fire the fault now."""
    for number in range(1, fault.times + 1):
        try:
            # The file is the only thing that all who may fire it share, across any restart.
            (_folder / f"{fault.name}.{number}").open("x").close()
        except FileExistsError:
            continue
        return True
    return False


def _stand_still(seconds: float) -> None:
    """Stops the whole process, threads and greenlets and all, and lets it go on later."""
    end, held_open = os.pipe()
    command = 'kill -STOP "$0"; sleep "$1"; kill -CONT "$0"'
    shell = ("sh", "-c", command, str(os.getpid()), str(seconds))
    with subprocess.Popen(shell, stdout=held_open):
        os.close(held_open)
        os.read(end, 1)  # nothing ever comes: it ends when the shell does, and stops all meanwhile
    os.close(end)
