"""What the order store's service counts has few labels, whoever asks it for what."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from gateway.orders import metrics
from recoup import reasons


def value(series: str, **labels: str) -> float:
    found = REGISTRY.get_sample_value(series, labels)
    assert found is not None, "it isn't there from the start"
    return found


@pytest.mark.parametrize(
    ("by", "counted_as"),
    [
        (reasons.who("worker", "stock"), "worker"),
        (reasons.who("sweep", "payment"), "sweep"),
        (reasons.operator("ann"), "operator"),
        ("mallory", "other"),
        ("mallory-worker", "other"),
    ],
)
def test_a_proposal_is_counted_by_its_verdict_and_who_made_it(by: str, counted_as: str) -> None:
    before = value("recoup_verdicts_total", verdict="abort", by=counted_as)
    metrics.count_verdict("abort", by)
    assert value("recoup_verdicts_total", verdict="abort", by=counted_as) == before + 1


@pytest.mark.parametrize(
    ("verb", "result", "counted_as"),
    [
        ("retry", "begun", ("retry", "begun")),
        ("retry", "3 settled, 1 failed again", ("retry", "done")),
        ("abort", "refused: 8f3c.1 is committed", ("abort", "refused")),
        ("abort", "broke off: no answer", ("abort", "broke_off")),
        ("delete", "", ("other", "done")),
    ],
)
def test_an_action_is_counted(verb: str, result: str, counted_as: tuple[str, str]) -> None:
    labels = dict(zip(("verb", "result"), counted_as, strict=True))
    before = value("recoup_operator_actions_total", **labels)
    metrics.count_action(verb, result)
    assert value("recoup_operator_actions_total", **labels) == before + 1
