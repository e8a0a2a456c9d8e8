"""What supervisord is told of a process."""

from __future__ import annotations

import configparser
from pathlib import Path

from supervisor.datatypes import dict_of_key_value_pairs

from recoup.processes import Process, Stage
from recoup.supervisor import write_configuration


def told(data_dir: Path, *processes: Process) -> configparser.RawConfigParser:
    for name in ("run", "logs"):
        (data_dir / name).mkdir()
    config = configparser.RawConfigParser()
    config.read(write_configuration(processes, data_dir))
    return config


def test_a_process_finds_what_is_meant_for_it_alone(tmp_path: Path) -> None:
    # given two processes, of which one has an environment of its own
    own = (("RECOUP_STOCK_DB_URL", "redis://127.0.0.1:7/0"), ("RECOUP_HOST", "here,there=100%"))
    config = told(
        tmp_path,
        Process("stock", ("true",), Stage.SERVICE, environment=own),
        Process("payment", ("true",), Stage.SERVICE),
    )
    # then supervisord reads exactly that (it expands a doubled % to one)
    environment = config["program:stock"]["environment"].replace("%%", "%")
    assert dict_of_key_value_pairs(environment) == dict(own)
    assert dict_of_key_value_pairs(config["program:payment"]["environment"]) == {}
