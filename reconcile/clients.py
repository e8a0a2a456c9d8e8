"""How reconciliation asks the order store and the parties: over gRPC, in batches, with limits."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from proto import ledger_pb2 as pb
from proto import ledger_pb2_grpc, orders_pb2, orders_pb2_grpc
from recoup.bounds import TEXT_MOST
from recoup.rpc import ask, open_channel
from recoup.settings import settings

LIMIT_S = 1.0
"""One question to a service that is up takes milliseconds; a retry comes soon enough."""

Verdict: TypeAlias = orders_pb2.Verdict.ValueType


class Orders:
    """The order store, as everyone but the gateway sees it."""

    def __init__(self, address: str) -> None:
        self._stub = orders_pb2_grpc.OrdersStub(open_channel(address))

    def verdicts(self, tids: Sequence[str]) -> list[orders_pb2.Decision]:
        """The verdicts there are. Raises Unanswered."""
        request = orders_pb2.VerdictsRequest(tids=tids)
        return list(ask(self._stub.Verdicts, request, LIMIT_S).decisions)

    def propose(self, proposals: Sequence[orders_pb2.Proposal]) -> list[orders_pb2.Decision]:
        """The winner for each tid: the proposal, or what was proposed before. Raises Unanswered."""
        request = orders_pb2.ProposeRequest(proposals=proposals)
        return list(ask(self._stub.Propose, request, LIMIT_S).decisions)


class Party:
    """A party's ledger, as reconciliation sees it. Every method raises Unanswered."""

    def __init__(self, address: str) -> None:
        self._stub = ledger_pb2_grpc.LedgerStub(open_channel(address))

    def status(self, tids: Sequence[str]) -> pb.StatusReply:
        """What the party knows of these tids."""
        return ask(self._stub.Status, pb.StatusRequest(tids=tids), LIMIT_S)

    def settle(self, verdicts: Mapping[str, Verdict], by: str) -> list[pb.Settled.ValueType]:
        """Settles legs by their verdicts, in order. `by`: who has it done, for what is counted."""
        settlements = [pb.Settlement(tid=tid, verdict=v) for tid, v in verdicts.items()]
        request = pb.ApplyRequest(settlements=settlements, by=by)
        return list(ask(self._stub.Apply, request, LIMIT_S).settled)

    def claim(self, tid: str, due_ms: int, backoff_ms: int, lease_ms: int) -> pb.ClaimReply:
        """Begins one try to settle a leg."""
        request = pb.ClaimRequest(tid=tid, due_ms=due_ms, backoff_ms=backoff_ms, lease_ms=lease_ms)
        return ask(self._stub.Claim, request, LIMIT_S)

    def note(self, tid: str, cause: str, orders_unreachable: bool) -> None:
        """Writes on a leg why a try did not settle it."""
        cause = cause[:TEXT_MOST]
        request = pb.NoteRequest(tid=tid, cause=cause, orders_unreachable=orders_unreachable)
        ask(self._stub.Note, request, LIMIT_S)

    def park(self, tid: str, reason: str) -> None:
        """Puts a leg aside that doesn't heal by itself."""
        ask(self._stub.Park, pb.ParkRequest(tid=tid, reason=reason[:TEXT_MOST]), LIMIT_S)

    def unpark(self, limit: int) -> int:
        """Makes parked legs due again; returns how many."""
        return int(ask(self._stub.Unpark, pb.UnparkRequest(limit=limit), LIMIT_S).count)


@functools.cache
def orders() -> Orders:
    """This process's client of the order store."""
    return Orders(settings().address("orders"))


@functools.cache
def party(name: str) -> Party:
    """This process's client of a party."""
    parties = settings().parties
    if name not in parties:
        raise LookupError(f"there is no party {name!r}; there are {', '.join(parties)}")
    return Party(settings().address(name))
