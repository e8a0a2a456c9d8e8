"""The pages that show: overview, waiting, one checkout, books, the log of actions.

The address of a page is its whole state, and its reads are bounded. What changes something is in
`acts.py`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.console import figures
from gateway.console.chosen import filter_of, query_of
from gateway.console.health import health
from gateway.console.parts import Part, gather
from gateway.console.sight import Sight
from gateway.console.timeline import timeline
from recoup import pages as addresses
from recoup.bounds import is_id, is_tid
from recoup.operate import actions
from recoup.operate.headline import headline
from recoup.operate.records import Account, Attempt
from recoup.operate.story import Story, story
from recoup.operate.waiting import Filter, waiting

LEGS_SHOWN = 50
"""Of each party and kind: a page that can still be read."""

OPEN_MOST = 20
"""So few legs are shown at once; more are one row of each cause, which opens."""

ACTIONS_SHOWN = 200


class Pages:
    """Makes the pages of one instance."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self._settings = sight.settings

    def register(self, pages: Blueprint) -> None:
        """Gives each page its address."""
        pages.add_url_rule("", "overview", self.overview, strict_slashes=False)
        pages.add_url_rule("/waiting", "waiting", self.waiting)
        pages.add_url_rule("/checkouts", "find", self.find)
        pages.add_url_rule("/checkouts/<id>", "checkout", self.checkout)
        pages.add_url_rule("/books", "books", self.books)
        pages.add_url_rule("/actions", "actions", self.actions)

    def overview(self) -> str:
        """How it stands."""
        parts = gather({"overview": self._sight.overview, "hour": self._sight.hour})
        seen = parts["overview"].value
        views = [each.view for each in seen.parties.values() if each.view] if seen else []
        return self.show(
            "overview",
            parts,
            health=health(seen) if seen else [],
            kinds=figures.KINDS,
            waits=sum(view.legs_overdue for view in views),
            parked=sum(view.legs_parked for view in views),
        )

    def waiting(self) -> str:
        """What waits, by cause, and each leg."""
        chosen, wrongs = filter_of(request.args, self._settings.parties)
        questions: dict[str, Any] = {"overview": self._sight.overview}
        if not wrongs:
            questions["waiting"] = lambda: waiting(self._sight.clients, chosen, LEGS_SHOWN)
        parts = gather(questions)
        found = parts["waiting"].value if "waiting" in parts else None
        few = found and (len(found.causes) == 1 or found.matched <= OPEN_MOST)
        return self.show(
            "waiting",
            parts,
            chosen=chosen,
            query=query_of(chosen),
            filtered=chosen != Filter(),
            wrongs=wrongs,
            opened=few or chosen.cause,
            parties=self._settings.parties,
        )

    def find(self) -> str | Response:
        """Leads to what has this id."""
        asked = request.args.get("id", "").strip()
        if is_id(asked) or is_tid(asked):
            return redirect(url_for("console.checkout", id=asked), 303)
        wrong = (
            f"“{asked[:80]}” can't be an id: they are letters, digits, _ and -." if asked else ""
        )
        parts = gather({"overview": self._sight.overview})
        return self.show("find", parts, asked=asked[:80], wrong=wrong, live=False)

    def checkout(self, id: str) -> str | Response:
        """All that is known under an id."""
        if not (is_id(id) or is_tid(id)):
            return redirect(url_for("console.find", id=id), 303)
        as_account = request.args.get("accounts") == "yes"
        clients = self._sight.clients
        parts = gather(
            {
                "overview": self._sight.overview,
                "story": lambda: story(clients, id, as_account=as_account),
                "actions": lambda: actions.log(clients, ACTIONS_SHOWN),
            }
        )
        told: Story | None = parts["story"].value
        attempt = focused(told) if told else None
        log = parts["actions"].value or ()
        return self.show(
            "checkout",
            parts,
            page="find",
            asked=id,
            subject=subject_of(told, id) if told else "",
            attempt=attempt,
            latest=told.history[-1].tid if told and told.history else "",
            summary=summary_of(attempt, told.away) if attempt and told else "",
            timeline=timeline(attempt, told.at_s, self._settings.deadline_ms)
            if attempt and told
            else (),
            accounts=by_account(told) if told else {},
            action=next((a for a in log if attempt and a.target == attempt.tid), None),
        )

    def books(self) -> str:
        """Whether everything is accounted for."""
        return self.show("books", gather({"overview": self._sight.overview}))

    def actions(self) -> str:
        """What operators have done."""
        clients = self._sight.clients
        parts = gather(
            {
                "overview": self._sight.overview,
                "actions": lambda: actions.log(clients, ACTIONS_SHOWN),
            }
        )
        return self.show("actions", parts)

    def show(self, template: str, parts: Mapping[str, Part], /, **others: Any) -> str:
        """A page of these parts."""
        return render_template(f"console/{template}.html", **self.names(template, parts, **others))

    def names(self, template: str, parts: Mapping[str, Part], /, **others: Any) -> dict[str, Any]:
        """What a template knows: each part under its name, why it is missing under
        `<name>_problem`, and what is on every page."""
        seen = parts["overview"].value if "overview" in parts else None
        names: dict[str, Any] = {"page": template, "live": True}
        for name, part in parts.items():
            names |= {name: part.value, f"{name}_problem": part.problem}
        moment = time.localtime()
        names |= {
            "headline": headline(seen, self._sight.earlier()) if seen else None,
            "now_s": time.time(),
            "zone": moment.tm_zone,
            "utc_offset_s": moment.tm_gmtoff,
            "flower_url": addresses.flower(self._settings),
        }
        return names | others


def focused(told: Story) -> Attempt | None:
    """The attempt that a page is about: the one asked for; else one that waits, else the latest."""
    for attempt in told.attempts:
        if attempt.tid == told.asked:
            return attempt
    waits = [attempt for attempt in told.attempts if attempt.waits]
    latest = waits or told.attempts
    return latest[-1] if latest else None


def subject_of(told: Story, id: str) -> str:
    """What the id is the id of."""
    if is_tid(id):
        return "Checkout"
    if told.order or told.attempts:
        return "Order"
    return " and ".join(account.noun for account in told.accounts).capitalize()


VERDICTS = {
    "commit": "it is to be kept: the verdict is commit",
    "abort": "it is to be given back: the verdict is abort",
    "undecided": "nobody has decided yet",
}
ENDS = {"commit": "is paid", "abort": "was aborted", "undecided": "is open"}


def summary_of(attempt: Attempt, away: Collection[str]) -> str:
    """Why it waits, or what became of it, in one sentence. `away`: who can't be asked; what he may
    hold isn't known."""
    held = [leg.party for leg in attempt.legs if leg.state == "held" or leg.parked]
    unknown = " and ".join(name for name in away if name != "orders")
    besides = f"; what {unknown} holds of it isn't known" if unknown else ""
    if held:
        verdict = VERDICTS.get(attempt.verdict, "the order store can't be asked for the verdict")
        who = f"{' and '.join(held)} {'holds' if len(held) == 1 else 'hold'} it"
        return f"{attempt.tid} waits: {who}{besides}; {verdict}."
    if attempt.verdict not in ENDS:
        return f"The order store can't be asked what became of {attempt.tid}{besides}."
    nothing = besides or ", and nothing of it is held"
    return f"{attempt.tid} {ENDS[attempt.verdict]}{nothing}."


def by_account(told: Story) -> dict[tuple[str, str], Account]:
    """The accounts of a story, to stand beside its legs."""
    return {(account.party, account.account_id): account for account in told.accounts}
