"""The links that lead through proxies are links that the settings know."""

from __future__ import annotations

import pytest

from loadtest.chaos.faults import FAULTS
from loadtest.chaos.world import LINKS, Link
from recoup.settings import PORT_OFFSETS, Settings


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
def test_a_link_is_told_by_a_setting_of_its_asker(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given the asker's environment, in which the link leads to a port of a proxy
    place = link.form.format(host="127.0.0.1", port=4711)
    monkeypatch.setenv(link.variable, place)
    # then its settings lead there, and nowhere else
    assert place in Settings().model_dump().values()
    assert link.asked in PORT_OFFSETS


def test_every_disturbed_link_has_a_proxy() -> None:
    links = {target for fault in FAULTS for target in fault.targets if "->" in target}
    assert links == {link.name for link in LINKS}
