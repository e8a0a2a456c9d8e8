"""What keeps others out of the console: what a browser may load, and whose forms are taken.

A form is taken only from a page of this console: the browser says where it comes from (`Origin`),
and it carries a token that only a page served to that browser could know (a cookie that no script
and no other site can read or send).
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from flask import Request, Response

COOKIE = "recoup_console"
FIELD = "token"
TOKEN_CHARACTERS = 32

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Everything is from here, nothing is written into a page, nobody shows it in theirs."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Ids stand in addresses; and without an origin no form could be told from another's.
    "Referrer-Policy": "same-origin",
}


def protect(answer: Response) -> Response:
    """Adds the headers that every answer of the console has."""
    answer.headers.update(HEADERS)
    if answer.mimetype == "text/html":
        answer.headers["Cache-Control"] = "no-store"
    return answer


def token(request: Request) -> str:
    """What a form on this page has to carry: what this browser was given before, or a new one."""
    known = request.cookies.get(COOKIE, "")
    return known if len(known) == TOKEN_CHARACTERS else secrets.token_hex(TOKEN_CHARACTERS // 2)


def give(answer: Response, value: str, secure: bool) -> Response:
    """Lets the browser keep the token, and send it to nobody but the console."""
    answer.set_cookie(
        COOKIE, value, path="/console", httponly=True, samesite="Strict", secure=secure
    )
    return answer


def refusal(request: Request) -> str:
    """Why this form isn't taken; empty: it is ours."""
    origin = request.headers.get("Origin", "")
    if not origin or urlsplit(origin).netloc != request.host:
        return "it comes from another site, or the browser doesn't say from where"
    known, sent = request.cookies.get(COOKIE, ""), request.form.get(FIELD, "")
    if len(known) != TOKEN_CHARACTERS or not hmac.compare_digest(known.encode(), sent.encode()):
        return "its page is too old, or cookies are switched off"
    return ""
