"""What votes mean, for every vote there is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import pytest

from gateway import votes
from proto.ledger_pb2 import Vote

Answer: TypeAlias = Vote.Answer.ValueType | None

YES = Vote(answer=Vote.YES)


@dataclass(frozen=True)
class Meaning:
    """Of one party's vote, beside a yes of the other."""

    may_come_back: bool = False
    may_hold: bool = False
    refuses: bool = False
    clock_is_off: bool = False


MEANINGS: dict[Answer, Meaning] = {
    None: Meaning(may_hold=True),
    Vote.NO_ANSWER: Meaning(may_hold=True),
    Vote.YES: Meaning(may_hold=True, may_come_back=True),
    Vote.RETURNED: Meaning(may_come_back=True),
    Vote.CONFLICT: Meaning(may_hold=True, may_come_back=True),
    Vote.SHORT_FOR_NOW: Meaning(may_come_back=True, refuses=True),
    Vote.SHORT: Meaning(refuses=True),
    Vote.UNKNOWN_ACCOUNT: Meaning(refuses=True),
    Vote.LATE: Meaning(clock_is_off=True),
    Vote.AHEAD: Meaning(clock_is_off=True),
}


def a_vote(answer: Answer) -> Vote | None:
    return None if answer is None else Vote(answer=answer)


def name(answer: Answer) -> str:
    return "unanswered" if answer is None else Vote.Answer.Name(answer)


each = pytest.mark.parametrize("answer", MEANINGS, ids=name)

EVERY_PAIR = [
    ({"stock": a_vote(stock), "payment": a_vote(payment)}, (stock, payment))
    for stock, payment in product(MEANINGS, MEANINGS)
]


def test_every_vote_has_a_meaning() -> None:
    assert set(MEANINGS) == {None, *Vote.Answer.values()}


def test_only_yes_and_yes_commits() -> None:
    for cast, pair in EVERY_PAIR:
        assert votes.all_yes(cast) == (pair == (Vote.YES, Vote.YES)), pair


def test_it_may_come_back_if_neither_says_otherwise() -> None:
    for cast, pair in EVERY_PAIR:
        expected = all(MEANINGS[answer].may_come_back for answer in pair)
        assert votes.may_come_back(cast) == expected, pair


def test_a_clock_is_off_if_either_says_so() -> None:
    for cast, pair in EVERY_PAIR:
        expected = any(MEANINGS[answer].clock_is_off for answer in pair)
        assert votes.clock_is_off(cast) == expected, pair


@each
def test_who_said_yes_or_nothing_may_hold(answer: Answer) -> None:
    assert votes.may_hold(a_vote(answer)) == MEANINGS[answer].may_hold


@each
def test_a_refusal_is_told_with_who_refused(answer: Answer) -> None:
    vote = a_vote(answer)
    expected = ("payment", vote) if MEANINGS[answer].refuses else None
    assert votes.refusal({"stock": YES, "payment": vote}) == expected


@pytest.mark.parametrize("final", [Vote.SHORT, Vote.UNKNOWN_ACCOUNT], ids=Vote.Answer.Name)
def test_of_two_refusals_the_one_that_will_not_change_is_told(
    final: Vote.Answer.ValueType,
) -> None:
    for_now, for_good = Vote(answer=Vote.SHORT_FOR_NOW), Vote(answer=final)
    assert votes.refusal({"stock": for_now, "payment": for_good}) == ("payment", for_good)
    assert votes.refusal({"stock": for_good, "payment": for_now}) == ("stock", for_good)
    assert votes.refusal({"stock": for_good, "payment": for_good}) == ("stock", for_good)


@each
def test_a_decision_says_why(answer: Answer) -> None:
    # given a party that said that, and another that said yes
    said = {"stock": YES, "payment": a_vote(answer), "shipping": YES}
    # then that is why, in words that name the party or what it has too little of
    why = votes.why(said)
    assert (why == "all said yes") == votes.all_yes(said)
    assert why == "all said yes" or "payment" in why or "credit" in why
    assert why == "all said yes" or votes.why({"shipping": a_vote(answer)}) != why


def test_of_several_reasons_the_refusal_counts_then_the_first() -> None:
    late, short = Vote(answer=Vote.LATE), Vote(answer=Vote.SHORT)
    assert votes.why({"stock": late, "payment": short}) == "not enough credit"
    assert votes.why({"stock": None, "payment": late}) == "stock did not answer"
    assert votes.why({"stock": YES, "payment": late}) == "too late for payment"
