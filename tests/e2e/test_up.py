"""`recoup up`: starts everything or nothing, keeps the data, and leaves no process behind."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path

import psutil
import pytest

from recoup import preflight
from recoup.errors import WrongSetup
from recoup.processes import database_server
from recoup.settings import Settings
from tests.e2e.client import Shop, eventually
from tests.e2e.stack import STOP_LIMIT_S, Stack


def refusal(stack: Stack) -> str:
    """What an instance says that can't start; nothing of it runs then."""
    process = stack.begin()
    said, _ = process.communicate(timeout=STOP_LIMIT_S)
    assert process.returncode == 1, said
    if (stack.data_dir / "run" / "stack-id").exists():
        assert stack.left() == []
    (sentence,) = (line for line in said.splitlines() if line.startswith("recoup:"))
    return sentence


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    # given somebody on the port of payment
    stack = Stack(tmp_path)
    with socket.create_server(("127.0.0.1", stack.settings.port_of("payment"))) as taken:
        # when an instance is started, then it says which, whose it is, and what to do
        sentence = refusal(stack)
        assert f"port {taken.getsockname()[1]}, which payment needs, is taken" in sentence
        assert f"(process {os.getpid()})" in sentence
        assert "set PORT to another" in sentence


def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert "can't be written: Not a directory. Set DATA to another" in refusal(
        Stack(tmp_path / "file" / "data")
    )


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a disk with less room than the databases need
    monkeypatch.setattr(preflight, "FREE_LEAST_BYTES", 2**62)
    # when an instance is prepared on it, then it is refused with what to do
    with pytest.raises(WrongSetup, match=r"only \d+ MB are free .* Make room, or set DATA"):
        preflight.prepare_data(tmp_path, [])


def test_a_database_that_does_not_come_up(tmp_path: Path) -> None:
    # given a server of the right version that ends at once
    server = tmp_path / "broken server"
    server.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "Valkey server v=9.1.2" && exit\n'
        'echo "Fatal: the disk is on fire"\nexit 1\n'
    )
    server.chmod(0o755)
    # when an instance is started with it
    sentence = refusal(Stack(tmp_path / "data", RECOUP_REDIS_SERVER=str(server)))
    # then it says what doesn't start, and why
    assert "doesn't start. Its last words: Fatal: the disk is on fire" in sentence


def test_a_database_that_may_forget_is_not_served(tmp_path: Path) -> None:
    # given a server that forgets what it has acknowledged, whatever it is told
    forgetful = tmp_path / "forgetful"
    server = database_server(Settings().redis_server)
    forgetful.write_text(f'#!/bin/sh\nexec "{server}" "$@" --appendfsync no\n')
    forgetful.chmod(0o755)
    # when an instance is started with it, then no service serves on it
    sentence = refusal(Stack(tmp_path / "data", RECOUP_REDIS_SERVER=str(forgetful)))
    assert re.search("(orders|stock|payment): doesn't start", sentence)
    assert "Set appendfsync to always" in sentence


def test_data_survive_and_what_was_left_is_ended(tmp_path: Path) -> None:
    # given an instance with an order
    stack = Stack(tmp_path / "with a space")
    stack.start()
    with Shop(stack.url) as shop:
        order_id = shop.new_order(shop.new_user(5), (shop.new_item(2, 3), 2))
        before = shop.order(order_id)
    # when it is told to stop
    stack.stop()  # and leaves no process
    # and another one is started on its data, and killed together with its supervisor
    stack.start()
    assert stack.process is not None
    supervisord = psutil.Process(stack.process.pid).children()
    stack.process.send_signal(signal.SIGSTOP)  # so that it can't clean up after its supervisor
    for process in supervisord:
        process.kill()
    stack.process.kill()
    stack.process.communicate()
    # so that even its databases run on, with nobody to look after them
    assert {"valkey-server", "redis-server"} & {process.name() for process in stack.left()}
    # then the next one ends what was left, and has every order there
    stack.start()
    assert any("that an earlier run had left" in line for line in stack.lines)
    with Shop(stack.url) as shop:
        assert shop.order(order_id) == before
        assert shop.check_out(order_id).status == 200
    stack.stop()


def test_told_to_stop_before_it_is_ready_it_leaves_nothing(tmp_path: Path) -> None:
    # given an instance that is starting
    stack = Stack(tmp_path)
    process = stack.begin()
    eventually(lambda: (tmp_path / "run" / "stack-id").exists() and stack.left() != [])
    # when it is told to stop
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=STOP_LIMIT_S)
    # then it does, and nothing is left
    assert process.returncode == 0
    assert stack.left() == []
