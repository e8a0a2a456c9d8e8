"""What the order store's service counts for Prometheus. Every series is there from the start."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

from recoup import reasons
from recoup.settings import settings

OTHER: Final = "other"
"""Whoever, and whatever, isn't in the lists: labels stay few, whatever a request says."""

VERBS: Final = ("retry", "abort", OTHER)
RESULTS: Final = {"begun": "begun", "broke off": "broke_off", "refused": "refused"}
"""How the result of an action begins, and what it is called here; any other one is `done`."""

WORKERS: Final = {reasons.who("worker", party) for party in settings().parties}
SWEEPS: Final = {reasons.who("sweep", party) for party in settings().parties}

_verdicts = Counter(
    "recoup_verdicts",
    "Proposals, by who made them and the verdict that each came to",
    ["verdict", "by"],
)
VERDICTS: Final = {
    (verdict, by): _verdicts.labels(verdict, by)
    for verdict in ("commit", "abort")
    for by in ("worker", "sweep", "operator", OTHER)
}

_actions = Counter(
    "recoup_operator_actions", "What operators have done, as it is logged", ["verb", "result"]
)
ACTIONS: Final = {
    (verb, result): _actions.labels(verb, result)
    for verb in VERBS
    for result in (*RESULTS.values(), "done")
}


def count_verdict(verdict: str, by: str) -> None:
    """Counts a proposal that `by` has made, and what it came to."""
    kind = OTHER
    if by in WORKERS:
        kind = "worker"
    elif by in SWEEPS:
        kind = "sweep"
    elif by.startswith(reasons.operator("")):
        kind = "operator"
    VERDICTS[verdict, kind].inc()


def count_action(verb: str, result: str) -> None:
    """Counts an entry of the actions log."""
    said = (name for begins, name in RESULTS.items() if result.startswith(begins))
    ACTIONS[verb if verb in VERBS else OTHER, next(said, "done")].inc()
