"""The demo and the start of an instance, as programs read them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recoup import demo
from recoup.settings import Settings
from recoup.stack import ready_json


def test_a_demo_without_an_instance_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo.out, "stderr", False)
    status = demo.run(Settings(data_dir=tmp_path, port=1), as_json=True)
    said = capsys.readouterr()
    assert status == 3
    assert json.loads(said.out) == {
        "fine": False,
        "problem": "Nothing answers on port 1.",
        "acts": [],
    }
    assert "Start it in another terminal" in said.err


def test_an_act_is_told_with_its_books(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "acts", [])
    demo.act("1. A checkout")
    demo.show(("before", (100, 0, 0, 10, 0, 0)), ("after", (90, 0, 10, 8, 0, 2)))
    (act,) = demo.acts
    assert act["title"] == "1. A checkout"
    assert act["books"]["after"] == {
        "credit": 90, "credit_held": 0, "spent": 10, "mugs": 8, "mugs_held": 0, "sold": 2,
    }  # fmt: skip
    assert "after" in capsys.readouterr().out


def test_where_an_instance_is_for_programs() -> None:
    told = json.loads(ready_json(Settings(port=9000, flower_port=9500)))
    assert told["ready"] is True
    assert told["gateway"] == "http://127.0.0.1:9000"
    assert told["flower"] == "http://127.0.0.1:9500"
