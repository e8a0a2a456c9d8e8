"""`recoup up` while an instance runs: it knows what is its own, and leaves others alone."""

from __future__ import annotations

from tests.e2e.client import Shop
from tests.e2e.stack import STOP_LIMIT_S, Stack


def test_data_that_another_instance_uses(stack: Stack) -> None:
    # given an instance that runs, when a second one is started on its data
    second = Stack(stack.data_dir)
    process = second.begin()
    said, _ = process.communicate(timeout=STOP_LIMIT_S)
    # then it is refused, and the first one is left alone
    assert process.returncode == 1
    assert f"another instance (process {stack.process and stack.process.pid}) runs on" in said
    with Shop(stack.url) as shop:
        assert shop.get("/readyz").json["all_ok"]


def test_everything_that_was_started_can_be_found(stack: Stack) -> None:
    # given a running instance, then all that the supervisor has started is known as its own
    pids = {state.pid for state in stack.supervisor.states().values()}
    assert pids <= {process.pid for process in stack.left()}
