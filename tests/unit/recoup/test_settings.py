"""One number moves a whole instance, and a wrong setting is told by its name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

import recoup
from recoup.settings import PARTIES, PORT_OFFSETS, Settings, port_offsets

UNITS = {"ms", "s", "port", "legs", "items", "tries", "workers", "checkouts", "tasks"}

NUMBERS = [name for name, field in Settings.model_fields.items() if field.annotation is int]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("RECOUP_"):
            monkeypatch.delenv(name)


def started(**variables: str) -> subprocess.CompletedProcess[str]:
    """What becomes of a process with these variables in its environment."""
    return subprocess.run(
        [sys.executable, "-c", "from recoup.settings import settings; settings()"],
        cwd=Path(recoup.__file__).parent.parent,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


# --- where things are ----------------------------------------------------------------------------


def test_addresses_follow_from_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOUP_PORT", "9000")
    settings = Settings()
    assert settings.address("orders") == "127.0.0.1:9001"
    assert settings.address("stock") == "127.0.0.1:9002"
    assert settings.address("payment") == "127.0.0.1:9003"
    assert settings.database_url("orders") == "redis://127.0.0.1:9004/0"
    assert settings.database_url("stock") == "redis://127.0.0.1:9005/0"
    assert settings.database_url("payment") == "redis://127.0.0.1:9006/0"
    assert settings.database_url("broker") == "redis://127.0.0.1:9007/0"
    assert settings.port_of("gateway") == 9000


def test_flower_has_a_port_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOUP_PORT", "9000")
    monkeypatch.setenv("RECOUP_FLOWER_PORT", "5000")
    assert Settings().port_of("flower") == 5000


def test_what_is_set_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a machine for each
    monkeypatch.setenv("RECOUP_STOCK_ADDRESS", "stock.example:443")
    monkeypatch.setenv("RECOUP_STOCK_DB_URL", "redis://stock-db.example/1")
    monkeypatch.setenv("RECOUP_BROKER_URL", "redis://broker.example/2")
    settings = Settings()
    # then they are found there, and the others where they always are
    assert settings.address("stock") == "stock.example:443"
    assert settings.database_url("stock") == "redis://stock-db.example/1"
    assert settings.database_url("broker") == "redis://broker.example/2"
    assert settings.address("payment") == "127.0.0.1:8003"


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOUP_PORT", "")
    assert Settings().port == Settings.model_fields["port"].default


def test_no_two_processes_share_a_port_and_the_last_one_has_one() -> None:
    assert len(set(PORT_OFFSETS.values())) == len(PORT_OFFSETS)
    with pytest.raises(ValidationError):
        Settings(port=65_536 - max(PORT_OFFSETS.values()))


def test_stock_is_asked_first() -> None:
    assert PARTIES == ("stock", "payment")
    assert Settings().parties == PARTIES


# --- further parties -----------------------------------------------------------------------------


def test_further_parties_are_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    # given an instance with two more parties, one of which is elsewhere
    monkeypatch.setenv("RECOUP_PORT", "9000")
    monkeypatch.setenv("RECOUP_PARTIES", "stock, payment,shipping,gifts")
    monkeypatch.setenv("RECOUP_GIFTS_ADDRESS", "gifts.example:443")
    monkeypatch.setenv("RECOUP_GIFTS_DB_URL", "redis://gifts-db.example/1")
    settings = Settings()
    # then they take part, in this order
    assert settings.parties == ("stock", "payment", "shipping", "gifts")
    # and each is found where it was said to be, or on a port of its own behind all others
    first = 9000 + max(PORT_OFFSETS.values()) + 1
    assert settings.address("shipping") == f"127.0.0.1:{first}"
    assert settings.database_url("shipping") == f"redis://127.0.0.1:{first + 1}/0"
    assert settings.port_of("shipping-metrics") == first + 2
    assert settings.port_of("shipping-worker-metrics") == first + 3
    assert settings.address("gifts") == "gifts.example:443"
    assert settings.database_url("gifts") == "redis://gifts-db.example/1"
    # and nobody else has moved
    assert settings.address("payment") == "127.0.0.1:9003"


def test_no_port_of_a_further_party_is_beyond_the_last_one() -> None:
    offsets = port_offsets((*PARTIES, *(f"p{number}" for number in range(6))))
    assert len(set(offsets.values())) == len(offsets)
    assert Settings.model_fields["port"].metadata[1].le + max(offsets.values()) < 65_536


@pytest.mark.parametrize(
    ("parties", "sentence"),
    [
        ("stock", "Input should name stock and payment, and perhaps others"),
        ("stock,payment,stock", "Input should name each party once"),
        ("stock,payment,orders", "that no other process has"),
        ("stock,payment,Shipping", "Input should be names like"),
        ("stock,payment,", "Input should be names like"),
        (",".join(["stock", "payment", *(f"p{number}" for number in range(7))]), "at most 8"),
    ],
)
def test_parties_that_can_not_be_stop_the_process(parties: str, sentence: str) -> None:
    process = started(RECOUP_PARTIES=parties)
    assert process.returncode == 2
    assert process.stderr.startswith("recoup: RECOUP_PARTIES: Input should")
    assert sentence in process.stderr


def test_a_further_party_has_faults_too() -> None:
    fault = "shipping-worker.after_claim:exit"
    assert Settings(parties=(*PARTIES, "shipping"), fault=fault).fault == fault
    with pytest.raises(ValidationError, match="Input should name a process of"):
        Settings(fault=fault)


# --- what is wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("RECOUP_PORT", "http", "RECOUP_PORT: Input should be a valid integer"),
        ("RECOUP_PORT", "70000", "RECOUP_PORT: Input should be less than or equal to 65490"),
        ("RECOUP_DEADLINE_MS", "5", "RECOUP_DEADLINE_MS: Input should be greater than or equal"),
    ],
)
def test_a_wrong_value_stops_the_process_with_a_sentence(
    variable: str, value: str, sentence: str
) -> None:
    process = started(**{variable: value})
    assert process.returncode == 2
    assert process.stderr.startswith(f"recoup: {sentence}")
    assert process.stderr.endswith(f", not {value!r}\n")
    assert process.stderr.count("\n") == 1


def test_every_wrong_value_is_told_at_once() -> None:
    process = started(RECOUP_PORT="http", RECOUP_RETRY_TRIES="0")
    assert [line.split(":")[1] for line in process.stderr.splitlines()] == [
        " RECOUP_PORT",
        " RECOUP_RETRY_TRIES",
    ]


@pytest.mark.parametrize("name", NUMBERS)
def test_no_number_may_be_below_zero(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"RECOUP_{name.upper()}", "-1")
    with pytest.raises(ValidationError):
        Settings()


def test_a_settled_leg_is_kept_for_longer_than_a_deduction_of_it_may_be_late() -> None:
    with pytest.raises(ValidationError):
        Settings(deadline_ms=60_000, leg_kept_s=60)


def test_who_moves_the_deadline_alone_is_told_what_else_to_move() -> None:
    told = started(RECOUP_DEADLINE_MS="200000").stderr
    sentence = "Input should be at least 4 deadlines, 800 s, not 600"
    assert told == f"recoup: RECOUP_LEG_KEPT_S: {sentence}\n"


def test_a_log_level_that_there_is_not_is_told() -> None:
    with pytest.raises(ValidationError):
        Settings(log_level="chatty")


# --- how they are named --------------------------------------------------------------------------


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_says_of_what_and_says_it_last(name: str) -> None:
    words = name.split("_")
    assert words[-1] in UNITS
    assert not UNITS & set(words[:-1])


def test_a_worker_has_at_the_most_no_fewer_tasks_than_at_the_least() -> None:
    assert Settings(worker_least_tasks=3, worker_most_tasks=3).worker_most_tasks == 3
    told = started(RECOUP_WORKER_LEAST_TASKS="65").stderr
    sentence = "Input should be at least RECOUP_WORKER_LEAST_TASKS, 65, not 64"
    assert told == f"recoup: RECOUP_WORKER_MOST_TASKS: {sentence}\n"


def test_nobody_changes_a_setting_of_a_running_process() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]
