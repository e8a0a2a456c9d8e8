"""One checkout's whole story, found by its tid: in the logs of all processes, and as one trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import urllib3
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from recoup.spans import first_span
from tests.e2e.client import Shop, eventually
from tests.e2e.collector import Collector
from tests.e2e.stack import Stack

SECRET_KEY = "never-in-a-log-1"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GOODBYE = "worker: Warm shutdown (MainProcess)"
"""What Celery writes past every log when it is told to stop."""

OWN = ("gateway", "orders", "stock", "payment", "stock-worker", "payment-worker", "beat", "flower")


@dataclass
class Told:
    """What an instance has logged and traced, after it has stopped; and the two checkouts."""

    logs: dict[str, list[str]] = field(default_factory=dict)
    spans: list[tuple[str, Span]] = field(default_factory=list)
    undone_tid: str = ""
    request_id: str = ""
    paid_tid: str = ""

    def story(self, tid: str) -> list[dict[str, Any]]:
        """The events that have this tid, in order: what `grep` and `sort` make of the logs."""
        events = [json.loads(line) for lines in self.logs.values() for line in lines if tid in line]
        return sorted(events, key=lambda event: str(event["time"]))

    def trace(self, tid: str) -> list[tuple[str, Span]]:
        """The spans of a tid's trace."""
        trace_id = first_span(tid).trace_id.to_bytes(16, "big")
        return [each for each in self.spans if each[1].trace_id == trace_id]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """An instance that logs for machines and sends spans; payment dies in its first deduction."""
    collector = Collector()
    stack = Stack(
        tmp_path_factory.mktemp("traced"),
        RECOUP_LOG_FORMAT="json",
        RECOUP_TRACE_URL=collector.url,
        RECOUP_DEADLINE_MS="2000",
        RECOUP_FAULT="payment.after_deduct:pause:60",
    )
    told = Told()
    stack.start()
    try:
        with Shop(stack.url) as shop:
            see_one_fail(stack, shop, told)
            see_one_paid(stack, shop, told)
    finally:
        stack.stop()
    told.logs = {
        name: (stack.data_dir / "logs" / f"{name}.log").read_text().splitlines() for name in OWN
    }
    told.spans = collector.spans
    yield told
    collector.close()


def see_one_fail(stack: Stack, shop: Shop, told: Told) -> None:
    """A checkout whose payment dies with the money in its hands, and stays away for a while."""
    item_id, user_id = shop.new_item(price=1, stock=5), shop.new_user(credit=5)
    order_id = shop.new_order(user_id, (item_id, 1))
    told.undone_tid = shop.order(order_id)["tid"]
    undone = shop.check_out(order_id)  # payment holds its leg, and stands still
    assert undone.status == 503
    stack.supervisor.stop("payment")  # it can't hear that it shall end, so it is killed
    told.request_id = undone.headers["X-Request-Id"]
    retried = f'"tid": "{told.undone_tid}", "party": "payment", "tries": 2'
    log = stack.data_dir / "logs" / "payment-worker.log"
    eventually(lambda: retried in log.read_text())
    stack.supervisor.start("payment")
    eventually(lambda: "settled: abort" in log.read_text())
    stack.heals()


def see_one_paid(stack: Stack, shop: Shop, told: Told) -> None:
    """A checkout that is paid, of a client that has a trace; the last thing before the end."""
    item_id = shop.done("/stock/item/create/1")["item_id"]
    shop.post(f"/stock/add/{item_id}/5", key=SECRET_KEY)
    order_id = shop.new_order(shop.new_user(credit=5), (item_id, 1))
    told.paid_tid = shop.order(order_id)["tid"]

    def paid() -> bool:  # the breaker may still be open in one of the gateway's processes
        answer = urllib3.request(
            "POST",
            f"{stack.url}/orders/checkout/{order_id}",
            headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"},
            retries=False,
        )
        assert answer.headers["X-Request-Id"] == TRACE
        return answer.status == 200

    eventually(paid)
    eventually(lambda: shop.item(item_id)["sold"] == 1)


def test_one_tid_tells_the_story_from_the_request_to_the_last_retry(told: Told) -> None:
    story = told.story(told.undone_tid)
    said = [(event["process"], event["event"]) for event in story]
    silent = said.index(("gateway", "payment did not answer in time"))
    undone = said.index(("gateway", "checkout undone: answered 503"))
    retried = next(i for i, (who, what) in enumerate(said) if what.startswith("not settled yet"))
    tried = said.index(("payment", "is tried by a worker"))
    settled = next(i for i, (who, what) in enumerate(said) if what.startswith("settled: abort"))
    assert silent < undone
    assert silent < retried < settled
    assert tried < settled
    assert said[settled][0] == "payment-worker"
    # and of the request, what joins the two
    assert story[undone]["request_id"] == told.request_id
    assert story[retried]["party"] == "payment"
    assert "can't be reached" in story[retried]["cause"]


def test_every_line_of_every_process_has_the_form(told: Told) -> None:
    for process, lines in told.logs.items():
        for line in filter(None, lines):
            if line == GOODBYE:
                continue
            event = json.loads(line)
            assert list(event)[:5] == ["time", "level", "process", "logger", "event"]
            assert event["process"] == process


def test_a_checkout_that_goes_well_is_worth_no_line(told: Told) -> None:
    assert told.story(told.paid_tid) == []


def test_no_idempotency_key_is_logged(told: Told) -> None:
    assert not any(SECRET_KEY in line for lines in told.logs.values() for line in lines)


@pytest.mark.parametrize("which", ["undone_tid", "paid_tid"])
def test_the_spans_of_one_tid_are_one_tree(told: Told, which: str) -> None:
    tid = getattr(told, which)
    spans = told.trace(tid)
    names = {(process, span.name) for process, span in spans}
    assert {
        ("gateway", "checkout"),
        ("gateway", "deduct"),
        ("gateway", "ask payment"),
        ("gateway", "ask stock"),
        ("gateway", "decide"),
        ("stock", "scripts"),
    } <= names
    # and one of them is above all the others
    ids = {span.span_id for _, span in spans}
    (first,) = [span for _, span in spans if not span.parent_span_id]
    assert first.name == "checkout"
    assert {span.parent_span_id for _, span in spans if span is not first} <= ids


def test_each_retry_has_a_span_down_to_the_settling(told: Told) -> None:
    spans = told.trace(told.undone_tid)
    tries = [span for who, span in spans if span.name == "compensate payment"]
    assert len(tries) >= 3
    last = max(tries, key=lambda span: span.end_time_unix_nano)
    below = {last.span_id}
    for _ in range(3):  # settle, its call, the script
        below |= {span.span_id for _, span in spans if span.parent_span_id in below}
    assert ("payment", "scripts") in {
        (who, span.name) for who, span in spans if span.span_id in below
    }


def test_a_request_and_its_tid_have_links_to_each_other(told: Told) -> None:
    (request,) = [
        span
        for _, span in told.spans
        if span.trace_id.hex() == TRACE and any(link.span_id for link in span.links)
    ]
    assert request.name == "POST /orders/checkout/<order_id>"
    (first,) = [span for _, span in told.trace(told.paid_tid) if span.name == "checkout"]
    assert first.span_id in {link.span_id for link in request.links}
    assert request.span_id in {link.span_id for link in first.links}


def test_a_batch_and_its_tids_have_links_to_each_other(told: Told) -> None:
    (asked,) = [span for _, span in told.trace(told.paid_tid) if span.name == "ask stock"]
    (link,) = asked.links
    (batch,) = [span for _, span in told.spans if span.span_id == link.span_id]
    assert batch.name == "ask stock"
    assert first_span(told.paid_tid).span_id.to_bytes(8, "big") in {
        link.span_id for link in batch.links
    }
    # and the party's end of the call is in the batch's trace
    ends = {who for who, span in told.spans if span.trace_id == batch.trace_id}
    assert ends == {"gateway", "stock"}


def test_what_ends_last_is_sent_before_the_process_ends(told: Told) -> None:
    assert ("stock-worker", "settle stock") in {
        (who, span.name) for who, span in told.trace(told.paid_tid)
    }
