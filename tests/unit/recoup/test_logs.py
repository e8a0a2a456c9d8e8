"""Two forms of the same event; and nobody writes a line of the log but who logs."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from recoup import logs

Lines = Callable[[type[logs.Form]], list[str]]


@pytest.fixture
def log() -> logs.Log:
    return logs.logger("gateway.checkout")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """What was logged, in a form, by a process `gateway` that serves a request r1."""

    def read(form: type[logs.Form]) -> list[str]:
        formatter = form("gateway", lambda: {"request_id": "r1"})
        return [formatter.format(record) for record in caplog.records]

    return read


def test_an_event_for_people_is_one_line_with_its_fields(log: logs.Log, lines: Lines) -> None:
    log.warning("%s did not answer", "payment", tid="7f3k.3", party="payment", tids=["a.1", "b.2"])
    (line,) = lines(logs.Text)
    when, rest = line.split(" ", 1)
    assert len(when) == len("2026-11-25T14:00:00.123Z")
    assert rest == (
        "WARNING gateway gateway.checkout: payment did not answer "
        "tid=7f3k.3 party=payment tids=a.1,b.2 request_id=r1"
    )


def test_an_event_for_machines_is_one_object(log: logs.Log, lines: Lines) -> None:
    log.warning("did not answer", tid="7f3k.3", tries=2, cause="late", tids=["a.1"])
    event = json.loads(lines(logs.Json)[0])
    assert event.pop("time")
    assert event == {
        "level": "warning",
        "process": "gateway",
        "logger": "gateway.checkout",
        "event": "did not answer",
        "tid": "7f3k.3",
        "tries": 2,
        "cause": "late",
        "tids": ["a.1"],
        "request_id": "r1",
    }


def test_the_library_of_others_has_the_same_form(lines: Lines) -> None:
    logging.getLogger("kombu").error("gone: %s", OSError("reset"))
    event = json.loads(lines(logs.Json)[0])
    assert (event["logger"], event["event"]) == ("kombu", "gone: reset")
    assert lines(logs.Text)[0].endswith("ERROR gateway kombu: gone: reset request_id=r1")


def test_an_error_brings_its_traceback_in_the_same_event(log: logs.Log, lines: Lines) -> None:
    try:
        raise ZeroDivisionError("by nought")
    except ZeroDivisionError:
        log.exception("failed", tid="o.1")
    (line,) = lines(logs.Json)
    assert "\n" not in line
    assert json.loads(line)["traceback"].splitlines()[-1] == "ZeroDivisionError: by nought"
    text = lines(logs.Text)[0].splitlines()
    assert text[0].endswith("failed tid=o.1 request_id=r1")
    assert text[-1] == "ZeroDivisionError: by nought"


def test_no_text_from_outside_makes_a_line_of_its_own(log: logs.Log, lines: Lines) -> None:
    log.warning("no answer: %s", "x\n2026 ERROR forged", path="/a\nb", cause='says "no" = 1')
    (line,) = lines(logs.Text)
    assert "\n" not in line
    assert r"x\n2026 ERROR forged" in line
    assert r'path="/a\nb"' in line
    assert r'cause="says \"no\" = 1"' in line


def test_no_field_takes_the_place_of_what_every_event_has(log: logs.Log, lines: Lines) -> None:
    log.warning("mine", process="forged", event="forged")
    event: dict[str, Any] = json.loads(lines(logs.Json)[0])
    assert (event["process"], event["event"]) == ("gateway", "mine")


@pytest.mark.parametrize("where", ["main", "thread", "greenlet"])
def test_what_nothing_catches_is_one_event(where: str) -> None:
    # given a process that logs for machines
    body = f"""
import gevent, logging, threading, warnings
from recoup import logs
logs.configure("gateway")
logging.getLogger("kombu").info("not worth a line")
warnings.warn("old")
def fail(): raise ValueError("unseen")
if {where!r} == "main": fail()
if {where!r} == "thread": threading.Thread(target=fail).start()
if {where!r} == "greenlet": gevent.spawn(fail).join()
"""
    # when something in it fails
    ended = subprocess.run(
        (sys.executable, "-c", body),
        env={"RECOUP_LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    # then there are the warning's line, and its own
    warning, error = map(json.loads, ended.stderr.splitlines())
    assert warning["logger"] == "py.warnings"
    assert (error["level"], error["logger"]) == ("critical", "recoup")
    assert error["traceback"].splitlines()[-1] == "ValueError: unseen"
