"""How the gateway turns whatever goes wrong into a problem document, and explains its types."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable

from flask import Flask, Response, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException

from gateway import problems
from gateway.problems import PAGES, PROBLEM_TYPES, Problem, ProblemType
from recoup import logs
from recoup.errors import NotSent, RecoupError, Unanswered

log = logs.logger(__name__)

BY_STATUS = {
    404: problems.NOT_FOUND,
    405: problems.METHOD_NOT_ALLOWED,
    413: problems.REQUEST_TOO_LARGE,
    503: problems.OVERLOADED,
}
"""What Flask itself refuses. Any other 4xx is a 400 and any other 5xx a 500: that is how HTTP has
clients read a status they don't know, so the list can stay closed."""


def register(app: Flask) -> None:
    """Makes every error of `app` a problem document, and serves a page for each type."""
    app.register_error_handler(Problem, Problem.response)
    app.register_error_handler(Unanswered, _not_answered)
    app.register_error_handler(NotSent, _not_answered)
    app.register_error_handler(HTTPException, _refused_by_flask)
    app.register_error_handler(Exception, _unexpected)

    kinds = PROBLEM_TYPES.values()
    every = _Page("What can go wrong", kinds, {"problems": [_described(kind) for kind in kinds]})
    pages = {kind.slug: _Page(kind.title, [kind], _described(kind)) for kind in kinds}

    def one(slug: str) -> Response:
        page = pages.get(slug)
        if page is None:
            raise Problem(problems.NOT_FOUND, f"There is no problem type {slug!r}; see {PAGES}.")
        return page.response()

    app.add_url_rule(PAGES, "problems", every.response)
    app.add_url_rule(f"{PAGES}/<slug>", "problem", one)


def _refused_by_flask(error: HTTPException) -> Response:
    status = error.code or 500
    kind = BY_STATUS.get(status) or (
        problems.BAD_REQUEST if status < 500 else problems.INTERNAL_ERROR
    )
    answer = Problem(kind).response()
    # A 405 has to say what is allowed, a 416 how much there is.
    answer.headers.update(
        (name, value) for name, value in error.get_headers() if name != "Content-Type"
    )
    return answer


def problem_of(error: Exception) -> ProblemType:
    """As which problem the client is told of an error that ends its request."""
    match error:
        case Problem():
            return error.kind
        case Unanswered():
            return problems.STORE_UNAVAILABLE
        case NotSent():
            return problems.OVERLOADED
        case _:
            return problems.INTERNAL_ERROR


def _not_answered(error: RecoupError) -> Response:
    log.warning("no answer: %s", error, method=request.method, path=request.path)
    return Problem(problem_of(error)).response()


def _unexpected(error: Exception) -> Response:
    # Random rather than counted: several processes write the log in which it is looked for.
    incident = secrets.token_hex(8)
    method, path = request.method, request.path
    log.error("incident %s", incident, method=method, path=path, exc_info=error)
    return Problem(problem_of(error), incident=incident).response()


def _described(kind: ProblemType) -> dict[str, str | int]:
    return {
        "type": kind.uri,
        "title": kind.title,
        "status": kind.status,
        "advice": kind.advice,
    }


class _Page:
    """The same about some types, for programs (JSON) and for people (HTML), written once."""

    def __init__(self, title: str, kinds: Iterable[ProblemType], document: object) -> None:
        self._bodies = {
            "application/json": json.dumps(document),
            "text/html": HTML.format(
                title=escape(title), sections="".join(map(_section, kinds)), all=PAGES
            ),
        }

    def response(self) -> Response:
        mimetype = request.accept_mimetypes.best_match(self._bodies, "application/json")
        answer = Response(self._bodies[mimetype], mimetype=mimetype)
        answer.headers["Vary"] = "Accept"
        return answer


def _section(kind: ProblemType) -> str:
    return SECTION.format(
        uri=kind.uri, status=kind.status, title=escape(kind.title), advice=escape(kind.advice)
    )


SECTION = """\
<section>
<h2><a href="{uri}">{title}</a></h2>
<p><code>{status}</code> <code>{uri}</code></p>
<p>{advice}</p>
</section>
"""

HTML = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; }}</style>
{sections}<p><a href="{all}">Every problem</a> · <a href="/docs/">The API</a></p>
</html>
"""
