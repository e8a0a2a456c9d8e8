"""How every process logs: one line an event, with its fields, to standard error.

    log = logs.logger(__name__)
    log.warning("did not answer in time", tid=tid, party=name)

For people (`RECOUP_LOG_FORMAT=text`) and for machines (`json`); see docs/logs-and-traces.md. What
other libraries log comes out in the same form. A tid is a field wherever there is one: the lines
of all processes that have it are the whole story of one checkout.

(This is the standard library, and not structlog on top of it: importing that takes as long as all
else that a party needs to start, and checkouts wait for a party that restarts.)
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from recoup.settings import settings

OURS = ("gateway", "loadtest", "reconcile", "recoup", "workers")
"""The packages whose level is RECOUP_LOG_LEVEL; of the others only warnings are worth a line."""

PLAIN = re.compile(r'[^\s"=]+')
"""What stands in a line as it is, without quotes: most values, and so every tid."""

Fields = Callable[[], Mapping[str, object]]
"""What is known where a line is logged, beside its own fields."""


class Log(logging.LoggerAdapter[logging.Logger]):
    """A logger whose calls take fields by their names, beside what is usual."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Puts the fields where the handler finds them. (logging's hook)"""
        usual = {name: kwargs.pop(name) for name in USUAL & kwargs.keys()}
        return msg, {**usual, "extra": {"fields": kwargs}}


USUAL = {"exc_info", "stack_info", "stacklevel"}


def logger(name: str) -> Log:
    """The logger of a module."""
    return Log(logging.getLogger(name), {})


def configure(process: str, context: Fields = dict) -> None:
    """Sets up logging for this process. The supervisor keeps the lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(FORMS[settings().log_format](process, context))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for package in OURS:
        logging.getLogger(package).setLevel(settings().log_level)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda it: _uncaught(it.exc_type, it.exc_value, it.exc_traceback)
    threading.excepthook = lambda found: _uncaught(*found[:3])
    if "gevent" in sys.modules:  # what a greenlet doesn't catch gets no further than its hub
        sys.modules["gevent"].get_hub().print_exception = lambda _, *error: _uncaught(*error)


def _uncaught(kind: Any, error: Any, trace: Any) -> None:
    if issubclass(kind, Exception):  # the others are ways to end, and no errors
        found = (kind, error, trace)
        logging.getLogger("recoup").critical("an error that nothing has caught", exc_info=found)


# --- the two forms -------------------------------------------------------------------------------


class Form(logging.Formatter):
    """An event in parts: when, how grave, who, what, and its fields."""

    def __init__(self, process: str, context: Fields) -> None:
        super().__init__()
        self._process = process
        self._context = context

    def parts(self, record: logging.LogRecord) -> dict[str, Any]:
        """The event. No field takes the place of what every event has."""
        began = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        every = {
            "time": f"{began}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "event": record.getMessage(),
        }
        return every | {**getattr(record, "fields", {}), **self._context()} | every

    def traceback(self, record: logging.LogRecord) -> str:
        """Of the error that the event is about; empty if it is about none."""
        return self.formatException(record.exc_info) if record.exc_info else ""


class Json(Form):
    """An event as one JSON object, its traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. (logging's hook)"""
        traceback = self.traceback(record)
        parts = self.parts(record) | ({"traceback": traceback} if traceback else {})
        return json.dumps(parts, default=str, ensure_ascii=False)


class Text(Form):
    """An event as a line to read; its traceback stands below it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. (logging's hook)"""
        parts = self.parts(record)
        when, level, process, name, event = (parts.pop(part) for part in EVERY)
        # What is empty is worth no room to people.
        known = ((name, _shown(value)) for name, value in parts.items() if value not in ("", None))
        fields = "".join(f" {name}={value}" for name, value in known)
        line = f"{when} {level.upper()} {process} {name}: {_one_line(event)}{fields}"
        return "\n".join(filter(None, (line, self.traceback(record))))


EVERY = ("time", "level", "process", "logger", "event")
FORMS = {"json": Json, "text": Text}


def _one_line(text: str) -> str:
    """Nobody who may choose a part of a text writes a line of the log with it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _shown(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    if text.isprintable() and PLAIN.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())
