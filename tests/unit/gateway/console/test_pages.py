"""Each page says what the stores say; who can't be asked is told as such, and never as 0."""

from __future__ import annotations

import re

import pytest
import redis

from gateway.console import blueprint, guard
from gateway.console.figures import Hour
from gateway.console.sight import Kept
from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.operate.overview import GatewayView
from tests.unit.gateway.console.conftest import Console

PAGES = ("", "/waiting", "/checkouts", "/checkouts/o1", "/books", "/actions")
AGO_MS = 60_000
SILENT = "payment can't be reached: no answer in time"


def hold(console: Console, order: str = "o1", **others: object) -> None:
    """An order of which stock holds a leg that waits for payment."""
    console.orders.order(order, "u1", "i1")
    told = {"cause": SILENT, "tries": 2} | others
    console.stock.hold(f"{order}.1", "i1", 2, AGO_MS, **told)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_what_a_reader_needs(console: Console, page: str) -> None:
    text = console.text(page)
    assert '<html lang="en">' in text
    assert len(re.findall("<h1", text)) == 1
    assert len(re.findall("<main", text)) == 1
    assert 'role="status"' in text
    assert "All is well" in text
    # and nothing is written into it that a browser would have to trust
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|\sstyle=|javascript:", text)
    assert not re.search(r"(src|href)=\"(https?:)?//(?!127\.0\.0\.1:5678)", text)


@pytest.mark.parametrize("page", [*PAGES, "/static/console.css", "/actions/retry?tid=o.1"])
def test_every_answer_is_kept_apart_from_other_sites(console: Console, page: str) -> None:
    headers = console.get(page).headers
    assert guard.HEADERS.items() <= dict(headers).items()
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_the_front_door_leads_to_the_overview(console: Console) -> None:
    assert console.browser.get("/").headers["Location"] == "/console"
    assert console.get("/").status_code == 200


# --- the overview ----------------------------------------------------------------------------


def test_the_overview_says_what_waits_and_that_the_books_agree(console: Console) -> None:
    hold(console)
    console.stock.hold("p.1", "i2", 1, AGO_MS, parked="an account is gone", due_ms=0)
    console.surroundings.workers = ("stock-worker",)
    text = console.text()
    assert "1 leg waiting, 1 parked" in text
    assert '3<span class="unit">in 2 legs' in text
    assert re.search(r"<dt>stock</dt> <dd class=\"tone fine\">0</dd>", text)
    assert 'stock-worker <span class="tone">ok' in text
    assert 'payment-worker <span class="tone">not at work' in text


def test_books_that_differ_are_the_first_line(console: Console) -> None:
    console.stock.unaccounted = -3
    text = console.text()
    assert "Money is wrong, stop and read" in text
    assert '<dd class="tone wrong">\N{MINUS SIGN}3</dd>' in text


def test_figures_of_who_is_away_are_old_and_never_zero(console: Console) -> None:
    # given payment, that has never said anything
    console.payment.away = True
    assert "payment is unreachable, and hasn't said anything yet" in console.text("/books")
    assert "not known" in console.text()
    # when it has answered once, and is away again
    console.payment.away = False
    console.payment.account("u1")
    console.text()
    console.payment.away = True
    # then its figures are those of then
    books = console.text("/books")
    assert re.search(r"payment's figures are from <time>[\d:]+</time> \(unreachable\)", books)
    assert re.search(r'data-label="put in" class="number old">100<', books)
    assert 'payment <span class="tone">unreachable' in console.text()


def test_a_gateway_that_turns_checkouts_away_says_until_when(console: Console) -> None:
    console.surroundings.gateway = GatewayView(True, {}, ("payment",))
    assert "turns checkouts away</span> <small>until payment answers" in console.text()


def test_a_broker_that_is_away_is_no_zero_of_workers(console: Console) -> None:
    console.surroundings.broker_away = True
    text = console.text()
    assert 'stock-worker <span class="tone">not known' in text
    assert 'broker <span class="tone">down' in text


def test_without_the_record_the_rest_is_there(console: Console) -> None:
    # given an order database that doesn't answer, or a mistake
    for error in (redis.exceptions.ConnectionError("refused"), ZeroDivisionError()):

        def fail(error: Exception = error) -> Hour:
            raise error

        console.sight._hour = Kept(fail, 0)
        # when the overview is asked for, then it says what is missing, and shows the rest
        text = console.text()
        assert "The last hour can't be shown" in text
        assert "Books" in text
        assert "refused" in text or "its incident" in text


# --- what waits ---------------------------------------------------------------------------------


def test_many_legs_of_one_cause_are_one_row_that_opens(console: Console) -> None:
    # given many that wait for one reason, and one that is parked
    for number in range(25):
        hold(console, f"o{number}")
    console.stock.hold("p.1", "i2", 1, AGO_MS, parked="an account is gone", due_ms=0)
    # when the page is opened, then each cause is a row
    text = console.text("/waiting")
    assert "26 legs by cause" in text
    assert "o3.1" not in text
    # and one that is opened shows its legs
    (opens,) = re.findall(r'href="/console(/waiting\?party=stock&amp;cause=payment[^"]*)"', text)
    opened = console.text(opens.replace("&amp;", "&"))
    assert "o3.1" in opened
    assert "p.1" not in opened


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("party=stock", True),
        ("party=payment", False),
        ("cause=no+answer", True),
        ("cause=refused", False),
        ("older=30", True),
        ("older=90", False),
        ("order=o1", True),
        ("order=o", False),
        ("item=i1", True),
        ("user=i1", False),
        ("parked=no", True),
        ("parked=yes", False),
    ],
)
def test_legs_are_chosen_by_what_the_address_says(
    console: Console, query: str, found: bool
) -> None:
    hold(console)
    text = console.text(f"/waiting?{query}")
    assert ("o1.1" in text) is found
    assert ("Nothing waits that fits this filter" in text) is not found


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("party=nobody", "there is no party “nobody”"),
        ("older=-3", "“-3” is no number of seconds"),
        ("order=a.b", "“a.b” can't be the id of an order"),
        ("user=<script>", "“&lt;script&gt;” can't be the id of a user"),
    ],
)
def test_a_filter_that_makes_no_sense_is_told(console: Console, query: str, says: str) -> None:
    text = console.text(f"/waiting?{query}")
    assert says.replace("'", "&#39;") in text
    assert "Nothing waits" not in text


def test_what_waits_at_who_is_away_is_not_nothing(console: Console) -> None:
    console.payment.away = console.stock.away = True
    text = console.text("/waiting")
    assert "What waits at payment isn't known" in text
    assert "Nothing waits" not in text


# --- one checkout -------------------------------------------------------------------------------


def test_whatever_id_is_at_hand_leads_to_its_page(console: Console) -> None:
    hold(console)
    console.payment.account("u1")
    for id in ("o1", "o1.1", "i1", "u1"):
        answer = console.get(f"/checkouts?id=+{id}")
        assert answer.headers["Location"] == f"/console/checkouts/{id}"
        assert id in console.text(f"/checkouts/{id}")


def test_what_can_not_be_an_id_is_said_where_it_was_asked(console: Console) -> None:
    assert "“a b” can&#39;t be an id" in console.text("/checkouts?id=a+b")
    assert console.get("/checkouts/a%20b").headers["Location"] == "/console/checkouts?id=a+b"


def test_a_checkout_that_waits_says_why_and_what_comes_next(console: Console) -> None:
    # given a leg of an aborted checkout whose tries have failed
    tries = [pb.Try(at_ms=0, cause=SILENT), pb.Try(at_ms=1, cause=SILENT)]
    hold(console, recent_tries=tries)
    console.orders.decide("o1.1", orders_pb2.ABORT, "gateway", "payment didn't answer", AGO_MS)
    # when its page is opened
    text = console.text("/checkouts/o1.1")
    # then it says what holds it, who decided what, and that nothing is missing
    assert "o1.1 waits: stock holds it; it is to be given back: the verdict is abort." in text
    assert "proposed by gateway: payment didn&#39;t answer" in text
    assert "<summary>2 tries</summary>" in text
    assert "in 100 = available 98 + held 2 + sold 0" in text
    assert "The customer was told: 503" in text
    # and leads to Flower, and to a retry; what is decided can't be aborted
    assert 'href="http://127.0.0.1:5678/task/o1.1:stock"' in text
    assert "/console/actions/retry?tid=o1.1" in text
    assert "/console/actions/abort" not in text


def test_what_was_done_to_a_checkout_stands_on_its_page(console: Console) -> None:
    hold(console)
    console.orders.log.append(
        orders_pb2.Action(who="anna", verb="retry", target="o1.1", reason="why not", result="done")
    )
    text = console.text("/checkouts/o1")
    assert re.search(r"Last action: retry by anna at .*\(“why not”\): done", text)


@pytest.mark.parametrize(
    ("verdict", "says"),
    [
        (orders_pb2.COMMIT, "o1.1 is paid"),
        (orders_pb2.ABORT, "o1.1 was aborted"),
        (orders_pb2.UNDECIDED, "o1.1 is open"),
    ],
)
def test_nothing_is_held_is_said_only_of_those_who_answer(
    console: Console, verdict: orders_pb2.Verdict.ValueType, says: str
) -> None:
    # given an attempt of which stock has nothing any more
    console.orders.order("o1", "u1", "i1")
    if verdict:
        console.orders.decide("o1.1", verdict, "gateway", "why")
    assert f"{says}, and nothing of it is held." in console.text("/checkouts/o1.1")
    # when payment can't be asked, then that isn't said of it
    console.payment.away = True
    text = console.text("/checkouts/o1.1")
    assert f"{says}; what payment holds of it isn&#39;t known." in text
    assert "nothing of it is held" not in text
    assert 'payment <span class="state unknown">not known' in text


def test_an_account_that_does_not_add_up_is_marked(console: Console) -> None:
    hold(console)
    console.stock.accounts["i1"].available += 5
    assert "differs by \N{MINUS SIGN}5" in console.text("/checkouts/o1")


def test_nobody_knows_it_is_said_only_by_those_who_were_asked(console: Console) -> None:
    assert "Nobody knows nonesuch" in console.text("/checkouts/nonesuch")
    console.payment.away = True
    text = console.text("/checkouts/nonesuch")
    assert "Nobody who answers knows nonesuch" in text
    assert "payment can't be reached, so what it knows is missing here" in text


def test_without_the_order_store_the_legs_are_there(console: Console) -> None:
    hold(console)
    console.orders.away = True
    text = console.text("/checkouts/o1.1")
    assert "orders can't be reached" in text
    assert "the order store can&#39;t be asked for the verdict" in text
    assert "2 pieces of item" in text
    assert "in 100 = available 98 + held 2 + sold 0" in text


# --- the log --------------------------------------------------------------------------------------


def test_the_log_shows_who_did_what_and_why(console: Console) -> None:
    assert "Nobody has done anything yet" in console.text("/actions")
    console.orders.log.append(
        orders_pb2.Action(
            who="anna",
            verb="retry",
            target="--party stock",
            count=9,
            reason="r",
            result="9 settled",
        )
    )
    text = console.text("/actions")
    for said in ("anna", "retry", "--party stock", ">9<", "9 settled"):
        assert said in text


def test_a_log_that_can_not_be_read_is_not_an_empty_one(console: Console) -> None:
    console.orders.away = True
    text = console.text("/actions")
    assert "The log can't be shown" in text
    assert "Nobody has done anything" not in text


# --- who looks ------------------------------------------------------------------------------------


def test_no_more_look_at_once_than_checkouts_can_bear(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a console that has room for nobody
    monkeypatch.setattr(blueprint, "PAGES_AT_ONCE", 0)
    monkeypatch.setattr(blueprint, "TURN_LIMIT_S", 0.01)
    console = Console()
    # when a page is asked for, then it is turned away, and told when to come back
    answer = console.get()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    # and what costs nothing is there all the same
    assert console.get("/static/console.css").status_code == 200


def test_who_has_looked_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blueprint, "PAGES_AT_ONCE", 1)
    monkeypatch.setattr(blueprint, "TURN_LIMIT_S", 0.01)
    console = Console()
    for path in ("", "/actions/retry?tid=nothing.1", "/checkouts?id=a", ""):
        assert console.get(path).status_code != 503
