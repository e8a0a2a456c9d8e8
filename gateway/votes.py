"""What the parties' votes mean: what to propose, whether to try again, what to tell the customer.

Pure: steps 3 and 5 of `docs/protocol.md`, and "short for now", without any communication.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from proto.ledger_pb2 import Vote
from recoup.reasons import ALL_YES, UNITS

Votes = Mapping[str, Vote | None]
"""Each party's vote on one tid; None: it did not answer. Who wasn't asked isn't in it."""

REFUSALS = {Vote.UNKNOWN_ACCOUNT, Vote.SHORT, Vote.SHORT_FOR_NOW}
"""The customer's own matter: what a 400 is about."""

FINAL = {Vote.UNKNOWN_ACCOUNT, Vote.SHORT, Vote.LATE, Vote.AHEAD}
"""Trying again doesn't help: it will not come back, or a clock is off."""


def all_yes(votes: Votes) -> bool:
    """Whether to propose commit. Everything else is an abort."""
    return all(vote is not None and vote.answer == Vote.YES for vote in votes.values())


def may_come_back(votes: Votes) -> bool:
    """Whether all answered, and nobody said what trying again can't change."""
    return all(
        vote is not None and vote.answer not in FINAL and vote.answer != Vote.NO_ANSWER
        for vote in votes.values()
    )


def may_hold(vote: Vote | None) -> bool:
    """Whether the party may hold a leg: it said so, or nobody knows. A conflict says so too: of
    a gateway that has died, and knew other parties."""
    return vote is None or vote.answer in (Vote.YES, Vote.NO_ANSWER, Vote.CONFLICT)


def refusal(votes: Votes) -> tuple[str, Vote] | None:
    """The party that refused, and its vote: of several, the one that will not change."""
    refusals = [
        (party, vote)
        for party, vote in votes.items()
        if vote is not None and vote.answer in REFUSALS
    ]
    refusals.sort(key=lambda refused: refused[1].answer == Vote.SHORT_FOR_NOW)
    return refusals[0] if refusals else None


def why(votes: Votes) -> str:
    """Why this is decided on them, for the order's history: of several that didn't say yes, by the
    one that refused, else by the first."""
    if all_yes(votes):
        return ALL_YES
    first = ((party, vote) for party, vote in votes.items() if not vote or vote.answer != Vote.YES)
    party, vote = refusal(votes) or next(first)
    answer = vote.answer if vote else None
    return WORDS[answer].format(party=party, units=UNITS.get(party, party))


WORDS: Final[Mapping[int | None, str]] = {
    None: "{party} did not answer",
    Vote.NO_ANSWER: "{party} could not answer",
    Vote.RETURNED: "{party} had given back",
    Vote.LATE: "too late for {party}",
    Vote.AHEAD: "the deadline is too far ahead for {party}",
    Vote.SHORT: "not enough {units}",
    Vote.SHORT_FOR_NOW: "not enough {units} while others hold it",
    Vote.UNKNOWN_ACCOUNT: "{party} doesn't know the account",
    Vote.CONFLICT: "{party} holds something else for it",
}
"""What a vote that isn't yes is called in a history."""


def clock_is_off(votes: Votes) -> bool:
    """Whether a deadline came too late, or too far ahead, by a party's clock."""
    return any(
        vote is not None and vote.answer in (Vote.LATE, Vote.AHEAD) for vote in votes.values()
    )
