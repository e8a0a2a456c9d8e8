"""The console in a browser, against a whole instance: what people see and do, with and without
JavaScript."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from proto import ledger_pb2 as pb
from proto.ledger_pb2_grpc import LedgerStub
from recoup.rpc import ask, open_channel
from tests.e2e.client import PATIENCE_S, Shop
from tests.e2e.stack import Stack

PAGES = ("", "/waiting", "/checkouts", "/books", "/actions")
PHONE = {"width": 360, "height": 740}
MANY = 12

expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser, without a window."""
    program = shutil.which("chromium")
    assert program, (
        "the console is tested in a browser, and there is none: apt-get install chromium"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page of the console in a browser, and what went wrong there."""

    page: Page
    url: str
    wrongs: list[str] = field(default_factory=list)
    """What the browser complains of, and requests that leave for elsewhere."""

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.url}/console{path}")
        return self.page


@pytest.fixture
def visits(stack: Stack, chromium: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens a browser; at the end nothing may have gone wrong in it."""
    opened: list[tuple[BrowserContext, Visit]] = []

    def visit(**options: object) -> Visit:
        context = chromium.new_context(**options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_S * 1000)
        made = Visit(context.new_page(), stack.url)
        opened.append((context, made))

        def requested(request: Request) -> None:
            if not request.url.startswith(stack.url):
                made.wrongs.append(f"it asks elsewhere: {request.url}")

        made.page.on("request", requested)
        made.page.on("pageerror", lambda error: made.wrongs.append(str(error)))
        made.page.on(
            "console",
            lambda said: (
                made.wrongs.append(said.text) if said.type in ("error", "warning") else None
            ),
        )
        return made

    yield visit
    for context, made in opened:
        context.close()
        assert made.wrongs == []


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Shop]:
    with Shop(stack.url) as shop:
        yield shop


@pytest.fixture(scope="module")
def paid(shop: Shop) -> str:
    """An order that was paid; another one was refused."""
    item_id = shop.new_item(5, 10)
    assert shop.check_out(shop.new_order(shop.new_user(0), (item_id, 1))).refused
    order_id = shop.new_order(shop.new_user(100), (item_id, 2))
    assert shop.check_out(order_id).ok
    return order_id


# --- what every page has -------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read(visits: Callable[..., Visit], paid: str, scheme: str) -> None:
    # given a phone, when any page is opened
    visit = visits(viewport=PHONE, color_scheme=scheme)
    for path in (*PAGES, f"/checkouts/{paid}"):
        page = visit.open(path)
        # then it is no wider than the phone, its words stand out, and all of it has a name
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        assert page.evaluate(PALE) == [], path
        assert page.evaluate(NAMELESS) == [], path
        assert page.locator("h1").count() == 1
        assert page.get_by_role("main").count() == 1


PALE = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = numbers(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const pale = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    const style = getComputedStyle(node);
    if (!texts.currentNode.data.trim() || style.color.startsWith("color(")) continue;
    if (!node.checkVisibility() || node.closest(".unseen, .skip, .chart")) continue;
    const [one, other] = [light(numbers(style.color)), light(behind(node))].sort((a, b) => b - a);
    if ((one + 0.05) / (other + 0.05) < 4.5) pale.push(texts.currentNode.data.trim());
  }
  return pale;
}"""
"""Texts with less contrast than 4.5 : 1."""

NAMELESS = """() => [
  ...[...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
    .filter((field) => !field.labels.length && !field.getAttribute("aria-label")),
  ...[...document.querySelectorAll("a[href], button")]
    .filter((node) => !node.textContent.trim() && !node.getAttribute("aria-label")),
  ...[...document.querySelectorAll("table")].filter((table) => !table.caption),
  ...[...document.querySelectorAll("th")].filter((head) => !head.scope),
].map((node) => node.outerHTML)"""
"""Fields, links and buttons without a name; tables without a caption; heads of nothing."""


def test_the_keyboard_reaches_everything(visits: Callable[..., Visit]) -> None:
    # given the overview, when one goes through it with the tab key
    page = visits().open("")
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim()"))
        # then one always sees where one is
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    # and the first step leads past the navigation
    assert reached[0] == "Skip to the content"
    assert {"Overview", "Waiting", "Checkout", "Books", "Actions", "Find"} <= set(reached)
    page.goto(page.url)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_without_javascript_every_page_is_complete(visits: Callable[..., Visit], paid: str) -> None:
    visit = visits(java_script_enabled=False)
    page = visit.open("")
    expect(page.get_by_role("status")).to_contain_text("No")
    expect(page.locator("main")).to_contain_text("p50 and p99")
    page.get_by_text("Five minutes a row", exact=True).click()
    expect(page.get_by_role("cell").first).to_be_visible()
    for path in PAGES[1:]:
        visit.open(path)
        expect(page.get_by_role("main")).to_be_visible()
    # and what is looked for is found
    page.get_by_role("searchbox").first.fill(paid)
    page.get_by_role("button", name="Find").first.click()
    expect(page.locator("h1")).to_contain_text(paid)
    expect(page.locator("main")).to_contain_text("is paid")


def test_from_an_order_to_its_tid_are_two_clicks(visits: Callable[..., Visit], paid: str) -> None:
    page = visits().open("")
    page.get_by_role("searchbox").fill(paid)
    page.get_by_role("button", name="Find").click()
    attempts = page.get_by_role("region", name="Attempts")
    attempts.get_by_role("link", name=re.compile(re.escape(paid) + r"\.\d+")).first.click()
    expect(page.locator("h1")).to_contain_text("Checkout " + paid + ".")
    # and there it says what happened, and that nothing is missing
    timeline = page.get_by_role("region", name="Timeline")
    for said in ("order read", "stock said yes", "payment said yes", "verdict commit"):
        expect(timeline).to_contain_text(said)
    expect(timeline).to_contain_text("proposed by gateway")
    expect(page.locator("main")).to_contain_text("in 10 = available 8 + held 0 + sold 2")
    expect(page.locator("main")).to_contain_text("in 100 = available 90 + held 0 + spent 10")


def test_an_id_can_be_copied(visits: Callable[..., Visit], paid: str) -> None:
    visit = visits(permissions=["clipboard-read", "clipboard-write"])
    page = visit.open(f"/checkouts/{paid}")
    page.get_by_role("button", name=f"Copy {paid}", exact=True).first.click()
    assert page.evaluate("navigator.clipboard.readText()") == paid


# --- what waits, and what can be done -------------------------------------------------------------


def began(stack: Stack, shop: Shop, item_id: str, deadline_ms: int) -> str:
    """A checkout that both parties hold legs of, and whose gateway has died. Returns its tid."""
    user_id = shop.new_user(10)
    tid: str = shop.order(shop.new_order(user_id, (item_id, 1)))["tid"]
    for party, account_id in (("stock", item_id), ("payment", user_id)):
        deduction = pb.Deduction(
            tid=tid,
            deadline_ms=int(time.time() * 1000) + deadline_ms,
            lines=[pb.Line(account_id=account_id, amount=1)],
            parties=["stock", "payment"],
        )
        stub = LedgerStub(open_channel(stack.settings.address(party)))
        reply = ask(stub.Apply, pb.ApplyRequest(deductions=[deduction]), 5.0)
        assert reply.votes[0].answer == pb.Vote.YES
    return tid


def fill_in(page: Page, button: str) -> None:
    """Sends a form of the console."""
    page.get_by_label("Your name").fill("anna")
    page.get_by_label("Reason").fill("the customer asked")
    page.get_by_role("button", name=button).click()


def test_a_store_that_is_away_is_told_by_itself_until_it_is_back(
    stack: Stack, shop: Shop, visits: Callable[..., Visit]
) -> None:
    # given a page that is open
    item_id = shop.new_item(1, 100)
    overview = visits().open("")
    waiting = visits().open(f"/waiting?item={item_id}")
    expect(waiting.get_by_role("main")).to_contain_text("Nothing waits that fits this filter")
    # when the order service stands still, and checkouts go on
    with stack.paused("orders"):
        tids = [began(stack, shop, item_id, 1_000) for _ in range(MANY)]
        # then the open pages say so: who is away, that no money is wrong, what waits and why
        expect(overview.get_by_role("status")).to_contain_text("rders can't be reached")
        expect(overview.get_by_role("status")).to_contain_text("No money is wrong")
        expect(overview.get_by_role("region", name="Health")).to_contain_text("orders unreachable")
        cause = waiting.get_by_role("link", name=re.compile("orders can't be reached"))
        expect(cause.first).to_be_visible()
        expect(waiting.get_by_role("row", name=re.compile(re.escape(tids[0])))).to_be_visible()
    # and when it is back everything heals, and they say that, too
    expect(waiting.get_by_role("main")).to_contain_text("Nothing waits that fits this filter")
    expect(overview.get_by_role("region", name="Health")).to_contain_text("orders ok")


def test_what_was_parked_is_retried_by_clicking(
    stack: Stack, shop: Shop, visits: Callable[..., Visit]
) -> None:
    # given checkouts that are parked, since the item they hold is gone from the database
    item_id = shop.new_item(1, 100)
    tids = [began(stack, shop, item_id, 1_000) for _ in range(3)]
    database, account = stack.database("stock"), f"{{stock}}:account:{item_id}"
    database.rename(account, "elsewhere")
    page = visits().open(f"/waiting?item={item_id}")
    parked = page.get_by_role("row", name=re.compile("parked.*missing account"))
    expect(parked).to_contain_text("3")
    # when it is back, and somebody has them retried
    database.rename("elsewhere", account)
    page.get_by_role("link", name="Retry these").click()
    expect(page.get_by_role("main")).to_contain_text("Exactly these 3 legs")
    fill_in(page, "Retry these 3 legs")
    # then the page tells how far it is, to the end
    expect(page.get_by_role("main")).to_contain_text("3 of 3 have had their turn: 3 settled")
    expect(page.get_by_role("main")).to_contain_text("It has ended")
    # and the log says who did it, to what, and what came of it
    page.get_by_role("link", name="log").click()
    row = page.get_by_role("row", name=re.compile(f"anna.*{item_id}")).first
    expect(row).to_contain_text("3 settled")
    assert shop.item(item_id)["sold"] == len(tids)


def test_an_undecided_checkout_is_aborted_by_clicking(
    stack: Stack, shop: Shop, visits: Callable[..., Visit]
) -> None:
    visit = visits()
    with stack.without("stock-worker", "payment-worker"):
        # given a checkout that nobody has decided
        item_id = shop.new_item(1, 100)
        tid = began(stack, shop, item_id, 9_000)
        page = visit.open(f"/checkouts/{tid}")
        # when somebody aborts it
        page.get_by_role("link", name="Abort").click()
        expect(page.get_by_role("main")).to_contain_text(f"to item {item_id}")
        fill_in(page, f"Abort {tid}")
        # then its page says so: the verdict, by whom, and why
        expect(page.get_by_role("region", name="Timeline")).to_contain_text("operator anna")
        expect(page.get_by_role("region", name="Timeline")).to_contain_text("the customer asked")
    expect(page.get_by_role("main")).to_contain_text("was aborted, and nothing of it is held")
    assert shop.item(item_id)["stock"] == 100
    # and what was decided can't be aborted again
    visit.open(f"/actions/abort?tid={tid}")
    expect(page.get_by_role("alert")).to_contain_text("its verdict is abort since")
    visit.wrongs = [wrong for wrong in visit.wrongs if "409" not in wrong]  # so it's answered


# Last, since a process takes its time to write down what it has counted.
def test_the_overview_draws_what_was_answered(visits: Callable[..., Visit], paid: str) -> None:
    # given checkouts of which one was paid and another refused, when people look
    page = visits().open("")
    chart = page.locator("#chart-rate")
    # then there is a line for each kind, drawn over the whole width
    expect(chart).to_have_attribute("data-chart", re.compile('"paid".*"refused"'))
    expect(chart.locator("canvas")).to_be_visible()
    across = chart.locator("canvas").evaluate("(canvas) => canvas.clientWidth")
    assert across == chart.evaluate("(node) => node.clientWidth")
    # and what they show is said, and written down
    expect(page.get_by_role("region", name="Checkouts", exact=True)).to_contain_text("at most")
    page.get_by_text("Five minutes a row", exact=True).click()
    table = page.get_by_role("region", name="The last hour")
    expect(table.get_by_role("cell", name=re.compile(r"[1-9]")).first).to_be_visible()
