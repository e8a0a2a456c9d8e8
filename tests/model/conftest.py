"""Counts what was explored, and says so when the tests are over."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pytest

from tests.model.explore import Explored


@dataclass
class Findings:
    """What the explorations of this run have found."""

    worlds: int = 0
    states: int = 0
    violations: int = 0
    mutants: int = 0
    caught: int = 0

    def world(self, explored: Explored) -> None:
        self.worlds += 1
        self.states += explored.states
        self.violations += bool(explored.violation)

    def mutant(self, explored: Explored) -> None:
        self.mutants += 1
        self.caught += bool(explored.violation)

    def add(self, others: Findings) -> None:
        self.worlds += others.worlds
        self.states += others.states
        self.violations += others.violations
        self.mutants += others.mutants
        self.caught += others.caught

    def __str__(self) -> str:
        return (
            f"model: {self.states:,} states in {self.worlds} worlds, "
            f"{self.violations or 'no'} violation{'s' * (self.violations > 1)}; "
            f"{self.caught} of {self.mutants} mutants caught"
        )


FINDINGS = pytest.StashKey[Findings]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FINDINGS] = Findings()


@pytest.fixture
def findings(pytestconfig: pytest.Config) -> Findings:
    return pytestconfig.stash.setdefault(FINDINGS, Findings())


# Processes that share the tests (`-n`) tell the one that reports what they have found.


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["findings"] = asdict(session.config.stash[FINDINGS])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    told = getattr(node, "workeroutput", {}).get("findings")  # none, if it has crashed
    if told:
        node.config.stash[FINDINGS].add(Findings(**told))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    findings = config.stash.get(FINDINGS, Findings())
    if findings != Findings():
        terminalreporter.write_line(str(findings))
