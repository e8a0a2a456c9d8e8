"""Links through proxies are links that the settings know, and nobody waits for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

from loadtest.chaos import world as worlds
from loadtest.chaos.faults import faults_of
from loadtest.chaos.world import Link, World, links, wait_until_one_died
from recoup.settings import PARTIES, Settings, port_offsets

ALL = (*PARTIES, "shipping")


@pytest.mark.parametrize("link", links(ALL), ids=lambda link: link.name)
def test_a_link_is_told_by_a_setting_of_its_asker(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given the asker's environment, in which the link leads to a port of a proxy
    place = link.form.format(host="127.0.0.1", port=4711)
    monkeypatch.setenv(link.variable, place)
    # then its settings lead there, and nowhere else
    settings = Settings(parties=ALL)
    store = link.asked.removesuffix("-db")
    told = settings.address(store) if store == link.asked else settings.database_url(store)
    if link.asked == "broker":
        told = settings.database_url("broker")
    assert told == place
    assert link.asked in port_offsets(ALL)


def test_every_disturbed_link_has_a_proxy() -> None:
    disturbed = {target for fault in faults_of(ALL) for target in fault.targets if "->" in target}
    assert disturbed == {link.name for link in links(ALL)}


@pytest.mark.parametrize("pids", [[], [os.getpid()]])
def test_who_waits_for_a_death_does_not_wait_for_ever(
    pids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given nobody, or somebody who lives: it was another one that died
    monkeypatch.setattr(worlds, "DIES_LIMIT_S", 0.05)
    # then waiting has an end
    wait_until_one_died(pids)


def test_a_process_that_is_killed_is_waited_for() -> None:
    with subprocess.Popen((sys.executable, "-c", "import time; time.sleep(60)")) as process:
        process.kill()
        wait_until_one_died([os.getpid(), process.pid])
        assert not worlds.lives(process.pid)


def test_a_paused_process_stands_still_with_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a process with a child
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen((sys.executable, "-c", code), stdin=subprocess.PIPE) as parent:
        family = psutil.Process(parent.pid)
        while not family.children():
            assert parent.poll() is None
        world = object.__new__(World)
        monkeypatch.setattr(world, "_find", lambda name: parent.pid)
        # when it is paused, then both are, and go on afterwards
        with world.paused("gateway"):
            assert wait_for({psutil.STATUS_STOPPED}, family, *family.children())
        assert not wait_for({psutil.STATUS_STOPPED}, family, *family.children(), limit_s=0)
        parent.communicate(b"\n")


def wait_for(statuses: set[str], *processes: psutil.Process, limit_s: float = 10.0) -> bool:
    """Whether all of them come to one of these: a signal is sent before it acts."""
    give_up_s = time.monotonic() + limit_s
    while not all(process.status() in statuses for process in processes):
        if time.monotonic() >= give_up_s:
            return False
    return True
