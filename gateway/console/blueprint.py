"""The console's blueprint: its pages and forms, and what all of them have in common."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, redirect, request, url_for
from gevent.lock import BoundedSemaphore

from gateway.console import filters, guard
from gateway.console.acts import Acts
from gateway.console.pages import Pages
from gateway.console.sight import Sight

PAGES_AT_ONCE = 8
"""In one process: the gateway is here for checkouts. Who reloads each second needs one tenth."""

TURN_LIMIT_S = 2.0


def register(app: Flask, sight: Sight) -> None:
    """Serves the console of what `sight` sees under /console, where / leads too."""
    app.register_blueprint(blueprint(sight))
    app.add_url_rule("/", "home", lambda: redirect(url_for("console.overview")))


def blueprint(sight: Sight) -> Blueprint:
    """Pages, forms, and the files that they need."""
    console = Blueprint(
        "console",
        __name__,
        url_prefix="/console",
        template_folder="templates",
        static_folder="static",
    )
    filters.register(console, sight.settings)
    pages = Pages(sight)
    pages.register(console)
    Acts(sight, pages).register(console)
    turns = BoundedSemaphore(PAGES_AT_ONCE)

    @console.before_request
    def take_turn() -> tuple[str, int, dict[str, str]] | None:
        if request.endpoint == "console.static":
            return None
        if turns.acquire(timeout=TURN_LIMIT_S):
            request.environ["console.turn"] = True
            return None
        return "Too many look at the console at once. Reload in a moment.\n", 503, {
            "Retry-After": "2", "Content-Type": "text/plain; charset=utf-8",
        }  # fmt: skip

    @console.teardown_request
    def give_turn_back(error: BaseException | None) -> None:
        if request.environ.pop("console.turn", False):
            turns.release()

    @console.after_request
    def protect(answer: Response) -> Response:
        return guard.protect(answer)

    return console
