"""Facts about an overview, in words: what everyone's answers come to. Pure."""

from __future__ import annotations

from recoup.operate.overview import Overview, PartyView
from recoup.operate.wording import clock, count, duration

GROWS_WITHIN_S = 600
"""What was seen longer ago than this says nothing of what grows now."""


def summary(now: Overview) -> str:
    """The whole instance in a line of a few facts, each of which can be read alone."""
    told = [away(now, name) for name in now.stores_away]
    if not now.gateway.answers:
        told.append("gateway unreachable")
    views = answering(now).values()
    late, held = overdue(now), sum(view.legs_due for view in views)
    oldest = f", oldest {duration(oldest_overdue_ms(now))}" if late else ""
    told.append(f"{late:,} waiting{oldest}" + (f" ({held:,} held in all)" if held else ""))
    parked = sum(view.legs_parked for view in views)
    if parked:
        reasons = sorted({each.cause for view in views for each in view.parked})
        told.append(f"{parked:,} parked" + (f" ({', '.join(reasons)})" if reasons else ""))
    told.append(books(now))
    return " · ".join(told)


def growing(now: Overview, earlier: Overview | None) -> bool | None:
    """Whether more waits past its deadline than before; None: that can't be told."""
    if earlier is None or now.stores_away or earlier.stores_away:
        return None
    if now.at_s - earlier.at_s > GROWS_WITHIN_S:
        return None
    return overdue(now) > overdue(earlier)


def answering(now: Overview) -> dict[str, PartyView]:
    """Who has answered just now. What others said before is no ground for a judgement."""
    return {n: seen.view for n, seen in now.parties.items() if seen.answers and seen.view}


def overdue(overview: Overview) -> int:
    """Legs past their deadline, of all that have answered."""
    return sum(view.legs_overdue for view in answering(overview).values())


def oldest_overdue_ms(overview: Overview) -> int:
    """For how long the oldest of them is."""
    return max((view.oldest_overdue_ms for view in answering(overview).values()), default=0)


def away(now: Overview, name: str) -> str:
    """That a store can't be reached, in two words; and when it last was, if that is known."""
    at_s = now.store(name).at_s
    last = f" (last seen {duration((now.at_s - at_s) * 1000)} ago)" if at_s else ""
    return f"{name} unreachable{last}"


def away_since(now: Overview, name: str) -> str:
    """The same as a clause, with what it said last."""
    seen = now.store(name)
    if seen.at_s is None:
        return f"{name} can't be reached"
    ago = duration((now.at_s - seen.at_s) * 1000)
    last = f"it was last seen at {clock(seen.at_s * 1000)}, {ago} ago"
    if isinstance(seen.view, PartyView):
        last += f", when it held {count(seen.view.legs_due + seen.view.legs_parked, 'leg')}"
    return f"{name} can't be reached ({last})"


def waits(now: Overview) -> str:
    """What waits past its deadline, of all that have answered; empty: nothing."""
    legs = overdue(now)
    if not legs:
        return ""
    oldest = duration(oldest_overdue_ms(now))
    those = "the oldest is" if legs > 1 else "it is"
    verb = "wait" if legs > 1 else "waits"
    return f"{count(legs, 'leg')} {verb}; {those} {oldest} past its deadline"


def books(now: Overview) -> str:
    """Whether the books that can be read agree."""
    views = answering(now)
    off = {name: view.books.imbalance for name, view in views.items() if view.books}
    if not off:
        return "books not known"
    numbers = ", ".join(
        f"{name} {off[name]:,}" if name in off else f"{name} ?" for name in now.parties
    )
    return f"books {'DIFFER' if any(off.values()) else 'agree'} ({numbers})"
