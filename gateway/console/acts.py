"""What changes something: retry one, retry those that were counted, abort what is undecided.

Each is a page that says what would be done, then a form that does it. What contradicts a verdict is
refused with a sentence, by the order store in the end: nothing here can override it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import gevent
from flask import Blueprint, make_response, redirect, request, stream_template, url_for
from werkzeug.wrappers import Response

from gateway.console import guard
from gateway.console.chosen import address_of, filter_of
from gateway.console.pages import Pages
from gateway.console.parts import gather
from gateway.console.retrying import MANY_MOST, Refused, Run, legs_of
from gateway.console.sight import Sight
from recoup.bounds import is_tid
from recoup.errors import RecoupError
from recoup.operate import abort, actions, bulk
from recoup.operate.actions import Operator
from recoup.operate.bulk import Chosen
from recoup.operate.story import Story, story
from recoup.operate.wording import clock, count, duration

FORM_MOST_BYTES = 256 * 1024
"""So many legs with the longest names, and room to spare."""

SHOWN_SOON_S = 3.0
"""How long a form waits for what comes of it: mostly it is done by then. It goes on anyhow."""

WHO_MOST, REASON_MOST = 60, 200


class Acts:
    """The forms of one instance."""

    def __init__(self, sight: Sight, pages: Pages) -> None:
        self._sight = sight
        self._clients = sight.clients
        self._acting = sight.acting
        self._pages = pages

    def register(self, pages: Blueprint) -> None:
        """Gives each form its address."""
        for verb, ask, do in (
            ("retry", self.ask_retry, self.retry),
            ("retry-many", self.ask_retry_many, self.retry_many),
            ("abort", self.ask_abort, self.abort),
        ):
            name = verb.replace("-", "_")
            pages.add_url_rule(f"/actions/{verb}", f"ask_{name}", ask)
            pages.add_url_rule(f"/actions/{verb}", name, do, methods=["POST"])
        pages.register_error_handler(Refused, self._refused)

    # --- what would be done ------------------------------------------------------------------

    def ask_retry(self) -> Response:
        """What a retry of one tid would do."""
        tid = _tid(request.args)
        parts = gather({"told": lambda: story(self._clients, tid)})
        if parts["told"].problem:
            raise Refused(f"can't tell what waits of {tid}: {parts['told'].problem}", 503)
        told: Story = parts["told"].value
        legs = [leg for each in told.attempts if each.tid == tid for leg in each.legs]
        held = [leg for leg in legs if leg.state == "held" or leg.parked]
        if not held and not told.away:
            raise Refused(f"nothing of {tid} waits: it is settled, or nobody knows it", 409)
        return self._ask(
            f"Retry {tid} now",
            button=f"Retry {tid}",
            sentences=(
                "Whoever holds something for it tries at once to settle it. That is what would "
                "happen later anyhow, by the same rules: only the verdict settles a leg.",
            ),
            lines=[
                f"{leg.party} holds {leg.units:,} since {duration(leg.held_for_ms)}: {leg.why}"
                for leg in held
            ],
            away=told.away,
            away_means="the retry will break off there.",
            action=url_for("console.retry"),
            fields={"tid": tid},
            back=url_for("console.checkout", id=tid),
        )

    def ask_retry_many(self) -> Response:
        """Which legs a retry of a filter would try, one by one."""
        wanted, wrongs = filter_of(request.args, self._sight.settings.parties)
        if wrongs:
            raise Refused("; ".join(wrongs), 400)
        most = MANY_MOST // 2
        parts = gather({"chosen": lambda: bulk.choose(self._clients, wanted, most)})
        if parts["chosen"].problem:
            raise Refused(f"can't tell what waits: {parts['chosen'].problem}", 503)
        chosen: Chosen = parts["chosen"].value
        legs = chosen.legs[:MANY_MOST]
        left_out = chosen.left_out + len(chosen.legs) - len(legs)
        if not legs and chosen.away:
            raise Refused(f"can't tell what waits: {_away(chosen.away)}", 503)
        if not legs:
            raise Refused("nothing waits that fits this filter", 409)
        many = count(len(legs), "leg")
        sentences = [
            f"Exactly these {many} are tried, as they were counted at "
            f"{clock(chosen.as_of_s * 1000)}; {bulk.PER_S:.0f} a second, so it takes about "
            f"{duration(len(legs) / bulk.PER_S * 1000)}. It can be stopped, and stops by itself "
            "when too many fail again. Only verdicts settle a leg.",
        ]
        if left_out:
            sentences.append(f"{left_out:,} more fit the filter; they are left alone.")
        return self._ask(
            f"Retry these {many}",
            button=f"Retry these {many}",
            sentences=sentences,
            legs=legs,
            away=chosen.away,
            away_means="what waits there is not among these.",
            action=address_of("console.retry_many", wanted),
            fields={
                "legs": "\n".join(f"{party} {tid}" for party, tid in legs),
            },
            back=address_of("console.waiting", wanted),
        )

    def ask_abort(self) -> Response:
        """What an abort would give back, or why there can be none."""
        tid = _tid(request.args)
        parts = gather({"plan": lambda: abort.plan_abort(self._clients, tid)})
        if parts["plan"].problem:
            raise Refused(f"can't abort {tid}: {parts['plan'].problem}", 503)
        plan: abort.AbortPlan = parts["plan"].value
        if plan.refusal:
            raise Refused(plan.refusal, 409)
        return self._ask(
            f"Abort {tid}",
            button=f"Abort {tid}",
            dangerous=True,
            sentences=(
                "Nobody has decided it. This proposes the verdict abort; if somebody else decides "
                "first, that verdict stands. The order stays open and can be checked out again.",
                "What goes back, and to whom:" if plan.gives_back else "Nothing known is held.",
            ),
            lines=plan.gives_back,
            away=plan.away,
            away_means="what it holds goes back when it answers again.",
            action=url_for("console.abort"),
            fields={"tid": tid},
            back=url_for("console.checkout", id=tid),
        )

    def _ask(self, title: str, **others: Any) -> Response:
        parts = gather({"overview": self._sight.overview})
        token = guard.token(request)
        shown: dict[str, Any] = {"lines": (), "legs": (), "away": {}, "dangerous": False}
        shown |= {"title": title, "token": token, "page": "actions", "live": False} | others
        answer = make_response(self._pages.show("ask", parts, **shown))
        return guard.give(answer, token, request.is_secure)

    # --- doing it ------------------------------------------------------------------------------

    def retry(self) -> Response:
        """Has one tid tried, and shows it."""
        operator, tid = self._operator(), _tid(request.form)
        self._begin(lambda: actions.retry(self._acting, operator, tid))
        return redirect(url_for("console.checkout", id=tid), 303)

    def abort(self) -> Response:
        """Aborts one tid, and shows it; or why not."""
        operator, tid = self._operator(), _tid(request.form)
        aborted = self._begin(lambda: abort.abort(self._acting, operator, tid))
        if aborted and aborted.refusal:
            raise Refused(aborted.refusal, 409)
        return redirect(url_for("console.checkout", id=tid), 303)

    def retry_many(self) -> Response:
        """Tries what the form lists, and tells how far it is while it does. Whoever leaves the page
        has stopped it."""
        operator = self._operator()
        wanted, _ = filter_of(request.args, self._sight.settings.parties)
        legs = legs_of(request.form.get("legs", ""), self._sight.settings.parties)
        chosen = Chosen(wanted, time.time(), legs, 0, {})
        answer = make_response(
            stream_template(
                "console/run.html",
                **self._pages.names("actions", {}, live=False),
                title=f"Retrying {count(len(legs), 'leg')}",
                total=len(legs),
                run=Run(self._acting, operator, chosen),
                back=address_of("console.waiting", wanted),
            )
        )
        answer.headers["X-Accel-Buffering"] = "no"  # a proxy shall pass on each line as it comes
        return answer

    def _operator(self) -> Operator:
        """Who sends this form, and why. Raises Refused unless it is ours and says both."""
        request.max_content_length = FORM_MOST_BYTES
        why = guard.refusal(request)
        if why:
            raise Refused(f"nothing was done: {why}; open the page again", 403)
        who = request.form.get("who", "").strip()[:WHO_MOST]
        reason = request.form.get("reason", "").strip()[:REASON_MOST]
        if not who or not reason:
            raise Refused("nothing was done: the log needs your name and a reason", 400)
        return Operator(who, reason)

    def _begin(self, act: Callable[[], Any]) -> Any:
        """Does it; returns what came of it, or None if that takes longer. Raises Refused when it
        could not be done."""

        def do() -> Any:
            try:
                return act()
            except RecoupError as error:
                return error

        doing = gevent.spawn(do)
        doing.join(SHOWN_SOON_S)
        if isinstance(doing.value, RecoupError):
            raise Refused(f"it could not be done, or not all of it: {doing.value}", 503)
        return doing.value

    def _refused(self, refused: Refused) -> tuple[str, int]:
        parts = gather({"overview": self._sight.overview})
        back = request.args.get("tid") or request.form.get("tid") or ""
        shown = {
            "title": "That can't be done",
            "refusal": str(refused),
            "back": url_for("console.checkout", id=back)
            if is_tid(back)
            else url_for("console.waiting"),
        }
        return self._pages.show("ask", parts, page="actions", live=False, **shown), refused.status


def _away(away: Mapping[str, str]) -> str:
    return "; ".join(f"{party} can't be reached ({why})" for party, why in away.items())


def _tid(given: Any) -> str:
    tid = str(given.get("tid", "")).strip()
    if not is_tid(tid):
        raise Refused(f"“{tid[:80]}” is no tid: an order's id, a dot and a version", 400)
    return tid
