"""The operator's guide names nothing that there isn't."""

from __future__ import annotations

import re

import pytest

from reconcile import flowerconfig
from recoup import cli
from recoup.processes import ROOT
from recoup.settings import Settings

GUIDE = (ROOT / "docs" / "operating.md").read_text()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`recoup ([a-z]+)", GUIDE))))
def test_each_command_is_one(name: str) -> None:
    assert name in cli.main.commands


@pytest.mark.parametrize("name", sorted(set(re.findall(r"RECOUP_([A-Z_]+)", GUIDE))))
def test_each_setting_is_one_and_has_that_value(name: str) -> None:
    value = Settings.model_fields[name.lower()].default
    assert f"`RECOUP_{name}` ({value})" in GUIDE


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(recoup_[a-z_]+)", GUIDE))))
def test_each_metric_is_exported(name: str) -> None:
    sources = (ROOT / "workers" / "ledger").rglob("*.py")
    assert any(f'"{name}"' in source.read_text() for source in sources)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z]+/[a-z_/]+\.py)`", GUIDE))))
def test_each_file_is_there(path: str) -> None:
    assert (ROOT / path).is_file()


def test_flower_keeps_as_many_rows_as_it_says() -> None:
    assert f"the latest {flowerconfig.max_tasks:,}" in GUIDE
