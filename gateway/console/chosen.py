"""Which legs a page is about, as its address says it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from flask import url_for

from recoup.bounds import is_id
from recoup.operate.waiting import Filter


def filter_of(asked: Mapping[str, str], parties: tuple[str, ...]) -> tuple[Filter, list[str]]:
    """The filter that an address describes, and what is wrong with it."""
    wrongs = []
    ids = {name: asked.get(name, "").strip() for name in ("order", "user", "item")}
    for name, id in ids.items():
        if id and not is_id(id):
            wrongs.append(f"“{id[:80]}” can't be the id of an {name}".replace("an user", "a user"))
    older = asked.get("older", "").strip()
    if older and not (older.isascii() and older.isdigit() and len(older) <= 9):
        wrongs.append(f"“{older[:80]}” is no number of seconds")
        older = ""
    party = asked.get("party", "")
    if party and party not in parties:
        wrongs.append(f"there is no party “{party[:80]}”")
    chosen = Filter(
        party=party,
        cause=asked.get("cause", "").strip(),
        older_than_ms=int(older or 0) * 1000,
        order_id=ids["order"],
        user_id=ids["user"],
        item_id=ids["item"],
        parked={"yes": True, "no": False}.get(asked.get("parked", "")),
    )
    return chosen, wrongs


def query_of(chosen: Filter) -> dict[str, str]:
    """The filter as an address has it."""
    parked = {True: "yes", False: "no", None: ""}[chosen.parked]
    older = str(chosen.older_than_ms // 1000) if chosen.older_than_ms else ""
    query = {
        "party": chosen.party,
        "cause": chosen.cause,
        "older": older,
        "order": chosen.order_id,
        "user": chosen.user_id,
        "item": chosen.item_id,
        "parked": parked,
    }
    return {name: value for name, value in query.items() if value}


def address_of(endpoint: str, chosen: Filter) -> str:
    """The address of a page about what a filter chooses."""
    query = urlencode(query_of(chosen))
    return url_for(endpoint) + (f"?{query}" if query else "")
