"""The console in a browser, against a whole instance: what people see and do, with and without
JavaScript."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from tests.e2e.client import PATIENCE_S, Shop, eventually
from tests.e2e.stack import Stack

PAGES = ("", "/waiting", "/checkouts", "/books", "/actions")
PHONE = {"width": 360, "height": 740}
MANY = 12

expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser, without a window."""
    program = shutil.which("chromium")
    assert program, "the console is tested in a browser, and there is none: apt-get install chromium"
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
            lambda said: made.wrongs.append(said.text) if said.type in ("error", "warning") else None,
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
    """An order that was paid."""
    order_id = shop.new_order(shop.new_user(100), (shop.new_item(5, 10), 2))
    assert shop.check_out(order_id).ok
    return order_id


@contextmanager
def nobody_decides(stack: Stack, shop: Shop) -> Iterator[list[str]]:
    """Orders whose checkouts nobody finishes meanwhile: their legs wait for the order service. Of
    the first the verdict is missing, too."""
    item_id, user_id = shop.new_item(1, 100), shop.new_user(1_000)
    orders = [shop.new_order(user_id, (item_id, 1)) for _ in range(MANY)]
    with stack.paused("orders"):
        with stack.paused("payment"), ThreadPoolExecutor(1) as pool:
            began = pool.submit(shop.check_out, orders[0])
            eventually(lambda: shop.item(item_id)["held"] == 1)
            for worker in stack.gateway_workers():
                worker.kill()
            with pytest.raises(Exception, match="Connection|closed|aborted"):
                began.result()
        stack.heals()
        assert all(shop.check_out(order_id).ok for order_id in orders[1:])
        yield orders


# --- what every page has -------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read(
    visits: Callable[..., Visit], paid: str, scheme: str
) -> None:
    # given a phone, when any page is opened
    visit = visits(viewport=PHONE, color_scheme=scheme)
    for path in (*PAGES, f"/checkouts/{paid}", "/actions/retry-many"):
        if path.endswith("many"):
            continue
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


def test_without_javascript_every_page_is_complete(
    visits: Callable[..., Visit], paid: str
) -> None:
    visit = visits(java_script_enabled=False)
    page = visit.open("")
    expect(page.get_by_role("status")).to_contain_text("No")
    expect(page.locator("main")).to_contain_text("p50 and p99")
    page.get_by_text("Five minutes a row").click()
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


def test_the_overview_counts_what_was_answered(
    visits: Callable[..., Visit], shop: Shop, paid: str
) -> None:
    # given checkouts of which one was refused, when people look, then they see both kinds
    poor = shop.new_order(shop.new_user(0), (shop.new_item(5, 10), 1))
    assert shop.check_out(poor).refused
    page = visits().open("")
    refused = page.get_by_role("region", name="Checkouts").locator("dl > div", has_text="refused")
    expect(refused.locator("dd")).to_have_text(re.compile(r"[1-9]\d* %|< 1 %"))
    # and the charts are drawn
    expect(page.locator(".chart canvas").first).to_be_visible()


# --- what waits, and what can be done --------------------------------------------------------------


def test_what_waits_is_shown_tried_aborted_and_heals(
    stack: Stack, shop: Shop, visits: Callable[..., Visit]
) -> None:
    visit = visits()
    with nobody_decides(stack, shop) as orders:
        # given checkouts that wait for the order service, when people look
        page = visit.open("")
        # then the first line says who is away, by itself, and no figure pretends to be from now
        expect(page.get_by_role("status")).to_contain_text("rders can't be reached")
        expect(page.get_by_role("status")).to_contain_text("No money is wrong")
        # and what waits is a row of its cause, which opens
        page.get_by_role("link", name=re.compile(r"\d+ legs waiting")).click()
        cause = page.get_by_role("link", name=re.compile("orders can't be reached")).first
        cause.click()
        row = page.get_by_role("row").filter(has_text=orders[0])
        expect(row).to_contain_text("stock")
        # and an abort is refused while nobody can say what the verdict is
        visit.open(f"/actions/abort?tid={orders[0]}.2")
        expect(page.get_by_role("alert")).to_contain_text("an't abort")
        visit.wrongs.clear()  # the browser complains of a page that is a 503
        # when the order service is back, though nobody looks after what waits
        for name in ("stock", "payment"):
            stack.supervisor.stop(f"{name}-worker")
        for name in ("stock", "payment"):
            psutil.Process(stack.supervisor.pid(name)).suspend()
    try:
        pass
    finally:
        for name in ("stock", "payment"):
            psutil.Process(stack.supervisor.pid(name)).resume()
            stack.supervisor.start(f"{name}-worker")
