"""Each target is reached, missed, or can't be told; none is reached for want of a measurement."""

from __future__ import annotations

import pytest

from loadtest.bench.figures import Figures, Run
from loadtest.bench.generator import Tally
from loadtest.bench.plan import BARE, CHECKOUT, FEW, HOT, MILLION, REFUSED_90
from loadtest.bench.targets import Target, targets

IDLE_CORES = 0.02


def run(scenario: str, connections: int, per_s: float, **changes: float) -> Run:
    """A load whose figures are just within the targets, but for what is changed."""
    even_ms = connections / per_s * 1000
    p50_ms = changes.get("p50_ms", even_ms)
    refused = changes.get("refused_per_s", 0.0)
    tally = Tally(
        answers={"200": int(per_s), "400": int(refused)},
        in_time={"200": int(per_s), "400": int(refused)},
        window_s=1.0,
        took_ms={"p50": p50_ms, "p99": changes.get("p99_ms", 2 * p50_ms)},
        failed={"reset": int(changes.get("failed", 0))},
    )
    run = Run(0, scenario, connections, tally, cpu_ms={"all": changes.get("cpu_ms", 1.0)})
    run.settled_s = changes.get("settled_s", 0.1)
    return run


FINE = {
    (BARE, 4): run(BARE, 4, 4_000),
    (CHECKOUT, 4): run(CHECKOUT, 4, 500),
    (CHECKOUT, 64): run(CHECKOUT, 64, 900),
    (BARE, 256): run(BARE, 256, 3_000, cpu_ms=0.3),
    (CHECKOUT, 256): run(CHECKOUT, 256, 1_000),
    (CHECKOUT, 5000): run(CHECKOUT, 5000, 900),
    (HOT, 256): run(HOT, 256, 900),
    (REFUSED_90, 256): run(REFUSED_90, 256, 100, refused_per_s=800),
    (FEW, 256): run(FEW, 256, 1_000),
    (MILLION, 256): run(MILLION, 256, 950),
}


def judged(*changed: Run, idle_cores: float = IDLE_CORES) -> list[Target]:
    runs = FINE | {(each.scenario, each.connections): each for each in changed}
    return targets(Figures(runs.values()), idle_cores, 1_000_000)


def test_all_are_reached() -> None:
    assert [target.name for target in judged() if not target.reached] == []
    assert len(judged()) == 14


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        (run(BARE, 256, 4_000, cpu_ms=0.3), ["new checkouts a second at 256, of the bare"]),
        (run(CHECKOUT, 4, 500, settled_s=2.1), ["settled"]),
        (run(CHECKOUT, 4, 90), ["p50 at 4"]),
        (run(CHECKOUT, 64, 900, p99_ms=300), ["p99 at 64"]),
        (run(CHECKOUT, 64, 900, p50_ms=90), ["p50 at 64"]),
        (run(CHECKOUT, 256, 1_000, p99_ms=1_100), ["p99 at 256"]),
        (run(CHECKOUT, 256, 1_000, p50_ms=320), ["p50 at 256"]),
        (run(CHECKOUT, 5000, 900, failed=1), ["connections refused"]),
        (run(CHECKOUT, 5000, 700), ["new checkouts a second at 5,000"]),
        (run(CHECKOUT, 256, 1_000, cpu_ms=1.3), ["CPU of a checkout"]),
        (run(MILLION, 256, 800), ["with 1,000,000 orders"]),
        (run(HOT, 256, 700), ["all on one hot item"]),
        (run(REFUSED_90, 256, 100, refused_per_s=600), ["final answers with 90 % refused"]),
    ],
)
def test_what_is_too_slow_or_too_dear_misses_its_target(changed: Run, missed: list[str]) -> None:
    found = [target.name for target in judged(changed) if target.reached is False]
    assert len(found) == len(missed)
    assert found[0].startswith(missed[0])


def test_an_idle_system_that_is_busy_misses_its_target() -> None:
    found = [target for target in judged(idle_cores=0.06) if target.reached is False]
    assert [target.name for target in found] == ["cores used when idle, all processes"]


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    found = targets(Figures([]), None, 1_000_000)
    assert {target.reached for target in found} == {None}
