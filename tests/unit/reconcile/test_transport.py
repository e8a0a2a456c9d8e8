"""A message that nobody understands is dropped; a broker that is away is not mistaken for one."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from kombu import Connection
from kombu.transport import virtual

from reconcile import app, transport


class Line:
    """A connection to the broker, on which one message has come."""

    def __init__(self, item: bytes | Exception) -> None:
        self.connection = self
        self._item = item

    def parse_response(self, *_: Any, **__: Any) -> tuple[bytes, bytes]:
        if isinstance(self._item, Exception):
            raise self._item
        return b"stock", self._item

    def disconnect(self) -> None:
        pass


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A transport with one channel that connects to nobody; what reaches its consumer."""

    def open_with(item: bytes | Exception) -> tuple[Any, list[Any]]:
        monkeypatch.setattr(transport.Channel, "__init__", lambda *_, **__: None)
        channel = object.__new__(transport.Channel)
        line = transport.Transport(Connection("redis://"))
        arrived: list[Any] = []
        line._callbacks["stock"] = lambda raw: arrived.append(virtual.Message(raw, channel=channel))
        monkeypatch.setattr(channel, "connection", line, raising=False)
        monkeypatch.setattr(transport.Channel, "client", Line(item))
        monkeypatch.setattr(channel, "_queue_cycle", _Cycle(), raising=False)
        monkeypatch.setattr(channel, "_in_poll", None, raising=False)
        monkeypatch.setattr(channel, "connection_errors", line.connection_errors, raising=False)
        return channel, arrived

    return open_with


class _Cycle:
    def rotate(self, _: str) -> None:
        pass


GOOD = json.dumps({"body": "", "properties": {"delivery_tag": "t"}, "headers": {"task": "x"}})


@pytest.mark.parametrize(
    "garbage",
    [
        b"not json",
        b"\xff\xfe",
        b"",
        b"[" * 100_000,
        b"7",
        b"[]",
        b"{}",
        b'"text"',
        b'{"properties": 7}',
        b'{"properties": {}}',
        b'{"properties": {"delivery_tag": "t", "body_encoding": "rot13"}, "body": "x"}',
    ],
    ids=lambda garbage: garbage[:40].decode("latin-1"),
)
def test_what_is_no_message_is_dropped(
    opened: Any, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    channel, arrived = opened(garbage)
    assert channel._brpop_read()
    assert arrived == []
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_what_fails_half_way_is_given_up(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a consumer that fails with a message that it already counts as under way
    channel, _ = opened(GOOD.encode())
    given_up: list[tuple[str, bool]] = []

    def fail(_: Any) -> None:
        monkeypatch.setattr(channel, "_qos", SimpleNamespace(_delivered={"t": 1}), raising=False)
        raise ValueError("a time that is none")

    channel.connection.channels = [channel]
    channel.connection._callbacks["stock"] = fail
    monkeypatch.setattr(
        channel, "basic_reject", lambda tag, requeue: given_up.append((tag, requeue)), raising=False
    )
    # when it comes, then it isn't under way any more, and doesn't come back
    assert channel._brpop_read()
    assert given_up == [("t", False)]


def test_what_is_one_arrives(opened: Any) -> None:
    channel, arrived = opened(GOOD.encode())
    assert channel._brpop_read()
    assert [message.headers for message in arrived] == [{"task": "x"}]


def test_a_broker_that_goes_away_is_noticed(opened: Any) -> None:
    channel, _ = opened(redis.exceptions.ConnectionError("gone"))
    with pytest.raises(redis.exceptions.ConnectionError):
        channel._brpop_read()


def test_everyone_who_connects_uses_it() -> None:
    with app.app.connection() as connection:
        assert isinstance(connection.transport, transport.Transport)
