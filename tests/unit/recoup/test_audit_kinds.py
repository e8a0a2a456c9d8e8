"""The kinds of differences: a closed list, each explained, and each in the documentation."""

from __future__ import annotations

import re

import pytest

from recoup.audit.kinds import KINDS
from recoup.processes import ROOT


@pytest.mark.parametrize("slug", KINDS)
def test_each_kind_says_what_it_means_and_what_to_do(slug: str) -> None:
    kind = KINDS[slug]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", slug)
    for text in (kind.means, kind.do):
        assert text.endswith(".")


def test_the_documentation_explains_exactly_these() -> None:
    text = (ROOT / "docs" / "audit.md").read_text()
    headings = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert {slug for heading in headings for slug in heading.split(", ")} == set(KINDS)
