"""What to propose for a tid that has no verdict yet: the rule, without any communication.

This is step 7 of `docs/protocol.md`. It is pure, so that it can be explored exhaustively.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

from recoup.reasons import ALL_HOLD, PAST_DEADLINE, PEER_COMMITTED, PEER_STATES


class Peer(Enum):
    """What a peer says of its leg of a tid."""

    NONE = "none"
    HELD = "held"
    COMMITTED = "committed"
    RETURNED = "returned"
    MALFORMED = "malformed"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Propose:
    """Propose this verdict. `alarm`: why it should never have come to this; then ask for the
    verdict once more first, since it may have been written meanwhile."""

    verdict: str
    alarm: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Propose nothing yet, because of `cause`."""

    cause: str


def proposal(peers: Collection[Peer], clock_ms: int, deadline_ms: int) -> Propose | Wait:
    """What a party that holds its leg proposes, for an undecided tid.

    `peers` are the other parties' legs; `clock_ms` is the own party's clock, and `deadline_ms`
    the latest deadline it was given for this tid.
    """
    if Peer.COMMITTED in peers:
        # Only a verdict commits a leg. If there really is none, the order store has lost it.
        return Propose("commit", alarm="a peer has committed without a verdict")
    if all(peer is Peer.HELD for peer in peers):
        return Propose("commit")
    if clock_ms <= deadline_ms:
        return Wait("the checkout may still be under way")
    if Peer.MALFORMED in peers:
        # It may hold, or have committed. Nobody can tell, so nobody decides.
        return Wait("a peer's record can't be read")
    return Propose("abort")


def why(peers: Mapping[str, Peer], verdict: str) -> str:
    """Why this is proposed, for the order's history; `peers` by their names."""
    if verdict == "commit":
        committed = [name for name, peer in peers.items() if peer is Peer.COMMITTED]
        return PEER_COMMITTED.format(peer=committed[0]) if committed else ALL_HOLD
    name, peer = next((name, peer) for name, peer in peers.items() if peer is not Peer.HELD)
    return PAST_DEADLINE.format(peer=name, state=PEER_STATES[peer.value])
