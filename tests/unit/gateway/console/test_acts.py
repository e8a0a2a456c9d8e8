"""A form says first what it will do; it does just that, once it is ours; a verdict is never
contradicted."""

from __future__ import annotations

import re
from collections.abc import Iterator

import gevent
import pytest

from gateway.console import retrying
from gateway.console.chosen import filter_of
from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.operate import bulk
from recoup.operate.actions import Operator
from tests.unit.gateway.console.conftest import ORIGIN, Console

CAUSE = "orders can't be reached (no answer in time)"
AGO_MS = 60_000


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pacing: there is nobody to spare."""
    monkeypatch.setattr(bulk, "WAVE_S", 0.02)
    monkeypatch.setattr(bulk, "POLL_S", 0.01)
    monkeypatch.setattr(bulk, "WATCH_S", 0.2)
    # As in the gateway, where gevent has patched it: whoever sleeps lets others work.
    monkeypatch.setattr(bulk.time, "sleep", gevent.sleep)


@pytest.fixture
def held(console: Console) -> Console:
    """An instance in which stock holds a leg of o1.1, which nobody has decided."""
    console.orders.order("o1", "u1", "i1")
    console.stock.hold("o1.1", "i1", 2, AGO_MS, cause=CAUSE, tries=1)
    return console


def done(console: Console) -> list[tuple[str, str, str]]:
    """Verb, target and result of what was noted, the oldest first."""
    return [(each.verb, each.target, each.result) for each in reversed(console.orders.log)]


# --- whose forms are taken ------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://evil.example"}, {"Origin": "null"}])
def test_a_form_from_elsewhere_does_nothing(held: Console, headers: dict[str, str]) -> None:
    held.get("/actions/retry?tid=o1.1")
    answer = held.send("/actions/retry", {"tid": "o1.1"}, headers)
    assert answer.status_code == 403
    assert "Nothing was done: it comes from another site" in answer.text
    assert done(held) == []


@pytest.mark.parametrize("token", ["", "x" * 32])
def test_a_form_without_our_token_does_nothing(held: Console, token: str) -> None:
    held.get("/actions/retry?tid=o1.1")
    answer = held.send("/actions/retry", {"tid": "o1.1", "token": token})
    assert answer.status_code == 403
    assert "its page is too old, or cookies are switched off" in answer.text
    assert done(held) == []


def test_a_token_is_no_ones_who_was_not_given_one(held: Console) -> None:
    # given a browser that was never given a token, and sends an empty one with an empty cookie
    held.browser.set_cookie("recoup_console", "", path="/console")
    answer = held.send("/actions/abort", {"tid": "o1.1", "token": ""})
    assert answer.status_code == 403
    assert done(held) == []


def test_the_token_is_for_the_console_alone(held: Console) -> None:
    cookie = held.get("/actions/retry?tid=o1.1").headers["Set-Cookie"]
    assert {"HttpOnly", "Path=/console", "SameSite=Strict"} <= set(cookie.split("; "))


@pytest.mark.parametrize("missing", ["who", "reason"])
def test_the_log_needs_a_name_and_a_reason(held: Console, missing: str) -> None:
    held.get("/actions/retry?tid=o1.1")
    answer = held.send("/actions/retry", {"tid": "o1.1", missing: " "})
    assert answer.status_code == 400
    assert "the log needs your name and a reason" in answer.text
    assert done(held) == []


# --- one ---------------------------------------------------------------------------------------


def test_a_retry_says_what_it_will_do_then_does_it(held: Console) -> None:
    # given the page that asks, which does nothing
    text = held.text("/actions/retry?tid=o1.1")
    assert re.search(r"stock holds 2 since 1 min", text)
    assert "Retry o1.1</button>" in text
    assert done(held) == []
    # when the form is sent
    answer = held.send("/actions/retry", {"tid": "o1.1"})
    # then it is done and noted, and its page is shown
    assert (answer.status_code, answer.headers["Location"]) == (303, "/console/checkouts/o1.1")
    assert held.stock.legs["o1.1"].state == pb.Leg.RETURNED
    assert done(held) == [("retry", "o1.1", "begun"), ("retry", "o1.1", "stock: returned")]
    assert held.orders.log[0].who == "anna"
    assert held.orders.log[0].reason == "payment is back"


def test_what_is_settled_is_not_retried(held: Console) -> None:
    held.stock.settle("o1.1", pb.Leg.RETURNED)
    answer = held.get("/actions/retry?tid=o1.1")
    assert answer.status_code == 409
    assert "Nothing of o1.1 waits" in answer.text
    assert "<button" not in answer.text.split("<main")[1]


def test_what_is_no_tid_is_said(held: Console) -> None:
    answer = held.get("/actions/abort?tid=<b>")
    assert answer.status_code == 400
    assert "“&lt;b&gt;” is no tid" in answer.text


def test_an_abort_says_what_goes_back_to_whom_then_does_it(held: Console) -> None:
    # given an undecided checkout
    text = held.text("/actions/abort?tid=o1.1")
    assert re.search("stock: 2 .* to item i1", text)
    # when it is aborted
    answer = held.send("/actions/abort", {"tid": "o1.1"})
    # then its verdict is abort, by whom and why, and what was held is back
    assert answer.headers["Location"] == "/console/checkouts/o1.1"
    (past,) = held.orders.past["o1"]
    assert (past.by, past.why) == ("operator anna", "payment is back")
    assert held.stock.legs["o1.1"].state == pb.Leg.RETURNED


def test_an_abort_that_contradicts_a_verdict_is_refused_with_a_sentence(held: Console) -> None:
    # given a page that was opened before somebody decided
    held.get("/actions/abort?tid=o1.1")
    held.orders.decide("o1.1", orders_pb2.COMMIT, "gateway", "all said yes")
    # when its form is sent, and when the page is asked for again
    for answer in (
        held.send("/actions/abort", {"tid": "o1.1"}),
        held.get("/actions/abort?tid=o1.1"),
    ):
        # then it is refused, and nothing has changed
        assert answer.status_code == 409
        assert re.search(r"Can&#39;t abort o1.1: its verdict is commit since \d", answer.text)
    assert held.stock.legs["o1.1"].state == pb.Leg.HELD


@pytest.mark.parametrize("path", ["retry?tid=o1.1", "abort?tid=o1.1", "retry-many"])
def test_without_an_answer_nothing_is_offered(held: Console, path: str) -> None:
    held.orders.away = held.stock.away = held.payment.away = True
    answer = held.get(f"/actions/{path}")
    assert answer.status_code == (200 if path.startswith("retry?") else 503)
    assert "can&#39;t be reached" in answer.text


def test_what_can_not_be_noted_is_not_done(held: Console) -> None:
    held.get("/actions/retry?tid=o1.1")
    held.orders.away = True
    answer = held.send("/actions/retry", {"tid": "o1.1"})
    assert answer.status_code == 503
    assert "It could not be done" in answer.text
    assert held.stock.legs["o1.1"].state == pb.Leg.HELD


# --- many --------------------------------------------------------------------------------------


@pytest.fixture
def many(console: Console) -> Console:
    """An instance in which 30 legs wait for one reason, and 3 for another."""
    for number in range(33):
        cause = CAUSE if number < 30 else "something else"
        console.stock.hold(f"o{number}.1", "i1", 1, AGO_MS, cause=cause, tries=1)
    return console


def fields_of(text: str) -> dict[str, str]:
    """What a form carries unseen."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', text)
    return dict(found)


def test_exactly_those_that_were_counted_are_tried(many: Console) -> None:
    # given a page that has counted 30 legs of one cause
    asked = many.get("/actions/retry-many?cause=orders").text
    assert "Retry these 30 legs</button>" in asked
    # when one more begins to wait before the form is sent
    many.stock.hold("late.1", "i1", 1, AGO_MS, cause=CAUSE, tries=1)
    answer = many.send("/actions/retry-many?cause=orders", fields_of(asked))
    # then those thirty are tried, and it is told how far that is
    assert "<strong>30</strong> of 30 have had their turn: 30 settled" in answer.text
    assert "It has ended" in answer.text
    waits = {tid for tid, leg in many.stock.legs.items() if leg.state == pb.Leg.HELD}
    assert waits == {"late.1", "o30.1", "o31.1", "o32.1"}
    assert done(many)[-1] == ("retry", "--cause orders (30 legs)", "30 settled")


def test_a_retry_of_many_that_fails_stops_by_itself(many: Console) -> None:
    many.stock.settles = False
    asked = many.get("/actions/retry-many?cause=orders").text
    answer = many.send("/actions/retry-many?cause=orders", fields_of(asked))
    assert "Stopped:" in answer.text
    assert any(leg.tries == 1 for leg in many.stock.legs.values())


def test_whoever_leaves_the_page_stops_it(many: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a retry that tries one leg at a time
    monkeypatch.setattr(bulk, "PER_S", 50)
    chosen = bulk.choose(many.clients, filter_of({"cause": "orders"}, ("stock",))[0])
    run: Iterator[object] = iter(retrying.Run(many.clients, Operator("anna", "r"), chosen))
    # when whoever reads how far it is goes away after the first
    next(run)
    run.close()  # type: ignore[attr-defined]
    # then it ends, and says so in the log
    gevent.sleep(0.1)
    held = [leg for leg in many.stock.legs.values() if leg.state == pb.Leg.HELD]
    assert len(held) > 20
    assert "stopped: as told" in done(many)[-1][2]


@pytest.mark.parametrize(
    "legs", ["", "stock", "stock x", "nobody o1.1", "stock o1.1\n" * (retrying.MANY_MOST + 1)]
)
def test_a_list_that_was_never_shown_is_refused(many: Console, legs: str) -> None:
    many.get("/actions/retry-many")
    answer = many.send("/actions/retry-many", {"legs": legs})
    assert answer.status_code == 400
    assert done(many) == []


def test_nothing_that_fits_is_said(many: Console) -> None:
    answer = many.get("/actions/retry-many?cause=nonesuch")
    assert answer.status_code == 409
    assert "Nothing waits that fits this filter" in answer.text


def test_a_form_of_the_longest_list_is_taken(console: Console) -> None:
    # given as many legs as a form may list, with the longest names
    for number in range(retrying.MANY_MOST):
        console.stock.hold(f"{number:064d}.{10**14}", "i1", 0, AGO_MS, cause=CAUSE)
    asked = console.get("/actions/retry-many").text
    many = retrying.MANY_MOST // 2  # of each party and kind
    assert f"Retry these {many} legs</button>" in asked
    assert f"{retrying.MANY_MOST - many} more fit the filter" in asked
    console.stock.legs.clear()
    # when it is sent, then it isn't too large
    longest = "\r\n".join(f"payment {number:064d}.{10**14}" for number in range(retrying.MANY_MOST))
    answer = console.send("/actions/retry-many", {"legs": longest}, ORIGIN)
    assert answer.status_code == 200
