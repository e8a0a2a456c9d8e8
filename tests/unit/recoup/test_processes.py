"""The list of processes follows from the settings; whoever takes part has the same three."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from recoup.processes import ROOT, Process, Stage, processes
from recoup.readiness import checks
from recoup.settings import Settings

SHIPPING = {"shipping", "shipping-db", "shipping-worker"}


def listed(**settings: object) -> dict[str, Process]:
    return {each.name: each for each in processes(Settings(**settings))}  # type: ignore[arg-type]


@pytest.fixture
def three() -> dict[str, Process]:
    """The processes of an instance with a third party."""
    return listed(parties=("stock", "payment", "shipping"), data_dir=Path("/tmp/somewhere"))


def test_a_further_party_has_a_database_a_service_and_a_worker(three: dict[str, Process]) -> None:
    assert set(three) - set(listed()) == SHIPPING
    assert three["shipping-db"].stage == Stage.STORE
    assert three["shipping"].command[-2:] == ("workers.ledger", "shipping")


@pytest.mark.parametrize("part", ["", "-db", "-worker"])
def test_it_is_run_as_any_other(three: dict[str, Process], part: str) -> None:
    shipping, payment = three[f"shipping{part}"], three[f"payment{part}"]
    assert shipping.stage == payment.stage
    # and its data are written before they are acknowledged, as everyone's are
    for option in ("--appendonly", "--appendfsync"):
        assert (option in shipping.command) == (option in payment.command)


def test_no_two_processes_listen_on_one_port(three: dict[str, Process]) -> None:
    ports = [each.port for each in three.values() if each.port]
    ports += [each.metrics_port for each in three.values() if each.metrics_port]
    assert len(ports) == len(set(ports))


def test_each_python_process_of_ours_has_a_port_for_its_metrics(three: dict[str, Process]) -> None:
    # The gateway tells them where it serves everything else; Flower has its own.
    without = {name for name, each in three.items() if not each.metrics_port}
    assert without == {name for name in three if name.endswith("-db")} | {
        "broker",
        "flower",
        "gateway",
    }


def test_each_process_is_asked_whether_it_is_ready(three: dict[str, Process]) -> None:
    settings = Settings(parties=("stock", "payment", "shipping"))
    assert set(checks(settings)) == set(three) - {"beat"}


@pytest.mark.parametrize("names", [(), ("shipping",), ("stock", "payment")])
def test_a_party_that_there_is_not_does_not_start(names: tuple[str, ...]) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "workers.ledger", *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1
    assert process.stderr == "recoup: name one party of RECOUP_PARTIES: stock, payment\n"
