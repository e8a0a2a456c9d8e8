"""The dashboard plots what is exported, and Grafana can read it."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
import yaml

from recoup.processes import ROOT
from tests.documented import documented
from tests.unit.compose.queries import labels, names, parsed

FOLDER = ROOT / "compose" / "grafana"
DASHBOARD = json.loads((FOLDER / "dashboards" / "recoup.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
PLOTS = [panel for panel in PANELS if panel["type"] != "row"]


def title(panel: dict[str, Any]) -> str:
    return str(panel["title"])


@pytest.mark.parametrize("panel", PLOTS, ids=title)
def test_a_panel_plots_what_is_exported(panel: dict[str, Any]) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        given = labels(parsed(target["expr"]))
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= given
    references = [target["refId"] for target in panel["targets"]]
    assert len(set(references)) == len(references)


def test_what_is_exported_is_plotted() -> None:
    plotted = set().union(
        *(names(parsed(target["expr"])) for panel in PLOTS for target in panel["targets"])
    )
    assert [each.name for each in documented() if not plotted & each.series().keys()] == []


@pytest.mark.parametrize("panel", PLOTS, ids=title)
def test_a_panel_has_a_unit_and_asks_the_chosen_prometheus(panel: dict[str, Any]) -> None:
    assert panel["fieldConfig"]["defaults"]["unit"]
    for each in (panel, *panel["targets"]):
        assert each["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_the_prometheus_can_be_chosen() -> None:
    (variable,) = DASHBOARD["templating"]["list"]
    assert (variable["name"], variable["type"]) == ("datasource", "datasource")
    assert variable["query"] == "prometheus"


def test_panels_have_ids_and_places_of_their_own() -> None:
    ids = [panel["id"] for panel in PANELS]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        columns = range(place["x"], place["x"] + place["w"])
        cells = set(itertools.product(columns, range(place["y"], place["y"] + place["h"])))
        assert not cells & taken, f"{panel['title']} lies on another panel"
        taken |= cells


def test_grafana_is_told_where_everything_is() -> None:
    places = FOLDER / "provisioning"
    sources = yaml.safe_load((places / "datasources" / "prometheus.yml").read_text())
    assert [each["type"] for each in sources["datasources"]] == ["prometheus"]
    dashboards = yaml.safe_load((places / "dashboards" / "recoup.yml").read_text())
    assert [each["type"] for each in dashboards["providers"]] == ["file"]
