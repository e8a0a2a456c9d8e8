"""The console and Flower know each other's pages."""

from __future__ import annotations

from recoup import pages
from recoup.settings import Settings


def test_pages_are_on_this_machine() -> None:
    settings = Settings(port=9000, flower_port=5000)
    assert pages.checkout(settings, "7f3k.3") == "http://127.0.0.1:9000/console/checkouts/7f3k.3"
    assert (
        pages.compensation(settings, "7f3k.3", "stock") == "http://127.0.0.1:5000/task/7f3k.3:stock"
    )


def test_or_where_they_are_said_to_be() -> None:
    settings = Settings(
        console_url="https://shop.example/ops/console/", flower_url="https://flower.example/"
    )
    assert pages.console(settings) == "https://shop.example/ops/console"
    assert pages.compensation(settings, "a.1", "x") == "https://flower.example/task/a.1:x"
