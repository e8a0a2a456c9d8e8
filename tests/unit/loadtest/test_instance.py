"""An instance of one's own knows what its processes were told."""

from __future__ import annotations

from pathlib import Path

from loadtest.instance import Instance


def test_what_its_processes_are_told_it_knows_itself(tmp_path: Path) -> None:
    instance = Instance(tmp_path, RECOUP_GATEWAY_WORKERS="1")
    assert instance.environment["RECOUP_GATEWAY_WORKERS"] == "1"
    assert instance.settings.gateway_workers == 1
    # and its place is its own in any case
    assert instance.settings.data_dir == tmp_path
    assert instance.environment["RECOUP_PORT"] == str(instance.settings.port)
