"""What gunicorn logs comes out as everyone's lines do."""

from __future__ import annotations

import logging

import pytest
from gunicorn.config import Config

from gateway.gunicorn_log import Logger
from recoup import logs


def test_gunicorn_leaves_the_writing_to_us(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    configured: list[str] = []
    monkeypatch.setattr(logs, "configure", lambda process, context: configured.append(process))
    # given gunicorn's log, set up as by its command, twice (so it does when it is told to reload)
    settings = Config()
    log = Logger(settings)
    log.setup(settings)
    # when it says something, then that is passed on, and not written a second time
    log.error("no worker")
    assert caplog.messages == ["no worker"]
    assert logging.getLogger("gunicorn.error").handlers == []
    assert configured == ["gateway", "gateway"]
