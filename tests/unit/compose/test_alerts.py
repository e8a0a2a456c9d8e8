"""Every alert asks for what is exported, and tells whoever it wakes what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from recoup.cli import main
from recoup.processes import ROOT, processes
from recoup.settings import Settings
from tests.unit.compose.queries import absences, labels, names, parsed

FOLDER = ROOT / "compose" / "prometheus"

GROUPS = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in GROUPS for rule in group["rules"]
}
PAGES = {name: rule for name, rule in ALERTS.items() if rule["labels"]["severity"] == "page"}

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))
QUESTIONS = ("Means:", "Customers:", "Look:", "Do:", "Over:")


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_asks_for_what_is_exported(name: str) -> None:
    rule = ALERTS[name]
    given = labels(parsed(rule["expr"]))
    # and tells of no label that its answer doesn't have
    told = re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))
    assert set(told) <= given


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_to_do(name: str) -> None:
    annotations = ALERTS[name]["annotations"]
    assert set(annotations) == {"summary", "customers", "console", "command", "runbook"}
    assert annotations["console"].startswith("{{ $externalLabels.gateway }}/console")
    program, command, *options = annotations["command"].split()
    assert program == "recoup"
    known = {option for each in main.commands[command].params for option in each.opts}
    assert {option for option in options if option.startswith("--")} <= known
    assert annotations["runbook"] == f"docs/runbook.md#{name.lower()}"
    # and whoever follows it finds an answer to each question
    assert [word for word in QUESTIONS if f"**{word}**" not in SECTIONS[name]] == []


def test_the_runbook_has_no_section_that_nothing_leads_to() -> None:
    assert list(SECTIONS) == list(ALERTS)


@pytest.mark.parametrize("name", sorted(PAGES.keys() - {"Blind"}))
def test_when_what_a_page_rests_on_is_missing_somebody_is_told(name: str) -> None:
    assert names(parsed(PAGES[name]["expr"])) <= absences(parsed(ALERTS["Blind"]["expr"]))


def test_a_mistake_in_an_expression_is_found() -> None:
    for wrong in (
        "recoup_checkout_total",
        'recoup_checkouts_total{user="1"}',
        "sum by (party) (recoup_checkouts_total)",
        "recoup_legs_held and on (store) recoup_store_up",
        "recoup_checkout_duration_seconds",
    ):
        with pytest.raises(AssertionError):
            labels(parsed(wrong))


def test_every_alert_has_a_story_in_which_it_fires() -> None:
    cases = yaml.safe_load((FOLDER / "alerts.test.yml").read_text())["tests"]
    fired = {
        test["alertname"]
        for case in cases
        for test in case["alert_rule_test"]
        if test.get("exp_alerts")
    }
    assert fired == ALERTS.keys()


def test_every_process_that_tells_something_is_asked() -> None:
    targets = yaml.safe_load((FOLDER / "targets.yml").read_text())
    asked = {each["labels"]["process"]: each["targets"] for each in targets}
    listed = {each.name: each for each in processes(Settings())}
    ports = {name: each.metrics_port for name, each in listed.items() if each.metrics_port}
    ports["gateway"] = listed["gateway"].port
    assert asked == {name: [f"127.0.0.1:{port}"] for name, port in ports.items()}
