"""What to propose for a tid without a verdict: the whole table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import pytest

from reconcile.decision import Peer, Propose, Wait, proposal, why

DEADLINE_MS = 1000
IN_TIME, TOO_LATE = DEADLINE_MS, DEADLINE_MS + 1

COMMITS = Propose("commit")
ALARMS = Propose("commit", alarm="a peer has committed without a verdict")
ABORTS = Propose("abort")
UNDER_WAY = Wait("the checkout may still be under way")
UNREADABLE = Wait("a peer's record can't be read")


@pytest.mark.parametrize(
    ("peer", "in_time", "too_late"),
    [
        (Peer.HELD, COMMITS, COMMITS),
        (Peer.COMMITTED, ALARMS, ALARMS),
        (Peer.NONE, UNDER_WAY, ABORTS),
        (Peer.RETURNED, UNDER_WAY, ABORTS),
        (Peer.UNREACHABLE, UNDER_WAY, ABORTS),
        (Peer.MALFORMED, UNDER_WAY, UNREADABLE),
    ],
)
def test_one_peer(peer: Peer, in_time: Propose | Wait, too_late: Propose | Wait) -> None:
    assert proposal([peer], IN_TIME, DEADLINE_MS) == in_time
    assert proposal([peer], TOO_LATE, DEADLINE_MS) == too_late


def test_a_party_without_peers_commits() -> None:
    assert proposal([], IN_TIME, DEADLINE_MS) == COMMITS


@pytest.mark.parametrize("peers", list(combinations_with_replacement(Peer, 3)))
@pytest.mark.parametrize("clock_ms", [IN_TIME, TOO_LATE])
def test_of_several_peers_each_has_its_say(peers: Sequence[Peer], clock_ms: int) -> None:
    what = proposal(peers, clock_ms, DEADLINE_MS)
    # Commit only if everyone holds, or somebody could only have committed by a verdict
    commits = isinstance(what, Propose) and what.verdict == "commit"
    assert commits == (Peer.COMMITTED in peers or set(peers) == {Peer.HELD})
    # Abort only when nobody can still be on the way, and nobody may have committed
    if what == ABORTS:
        assert clock_ms > DEADLINE_MS
        assert not {Peer.COMMITTED, Peer.MALFORMED} & set(peers)
    # And whoever comes first in the list makes no difference
    assert proposal(list(reversed(peers)), clock_ms, DEADLINE_MS) == what


def test_past_the_deadline_only_what_cannot_be_read_waits() -> None:
    for peers in combinations_with_replacement(Peer, 2):
        waits = isinstance(proposal(peers, TOO_LATE, DEADLINE_MS), Wait)
        assert waits == (Peer.MALFORMED in peers and Peer.COMMITTED not in peers)


@pytest.mark.parametrize(
    ("peer", "said"),
    [
        (Peer.HELD, "all hold their legs"),
        (Peer.COMMITTED, "payment has committed"),
        (Peer.NONE, "past the deadline and payment has no leg"),
        (Peer.RETURNED, "past the deadline and payment has given back"),
        (Peer.UNREACHABLE, "past the deadline and payment can't be reached"),
    ],
)
def test_a_proposal_says_why_it_is_made(peer: Peer, said: str) -> None:
    peers = {"shipping": Peer.HELD, "payment": peer}
    what = proposal(peers.values(), TOO_LATE, DEADLINE_MS)
    assert isinstance(what, Propose)
    assert why(peers, what.verdict) == said
