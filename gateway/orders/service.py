"""The order store over gRPC, for workers and parties: verdicts, and proposals of them."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from gateway.orders.store import Decision, OrderStore, Proposal
from proto import orders_pb2 as pb
from proto import orders_pb2_grpc
from recoup import faults, logs
from recoup.bounds import ITEMS_MOST, is_tid
from recoup.errors import Unanswered

log = logs.logger(__name__)

VERDICTS = {"": pb.UNDECIDED, "commit": pb.COMMIT, "abort": pb.ABORT}
PROPOSALS: dict[int, Proposal] = {pb.COMMIT: "commit", pb.ABORT: "abort"}


class OrdersService(orders_pb2_grpc.OrdersServicer):
    """Serves the order store's verdicts."""

    def __init__(self, store: OrderStore) -> None:
        self.store = store

    # gRPC fixes the names and the signatures of the methods.
    # ruff: noqa: N802

    def Verdicts(
        self, request: pb.VerdictsRequest, context: grpc.ServicerContext
    ) -> pb.DecisionsReply:
        return self._decide([(tid, "") for tid in request.tids], context)

    def Propose(
        self, request: pb.ProposeRequest, context: grpc.ServicerContext
    ) -> pb.DecisionsReply:
        for proposal in request.proposals:
            if proposal.verdict not in PROPOSALS:
                why = f"{proposal.tid}: only commit and abort can be proposed"
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, why)
        reply = self._decide([(p.tid, PROPOSALS[p.verdict]) for p in request.proposals], context)
        faults.point("orders.after_propose")
        return reply

    def _decide(
        self, proposals: Sequence[tuple[str, Proposal]], context: grpc.ServicerContext
    ) -> pb.DecisionsReply:
        if len(proposals) > ITEMS_MOST:
            why = f"{len(proposals)} are more than {ITEMS_MOST}, the most in one call"
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, why)
        try:
            decided = iter(self.store.propose_all([(t, p) for t, p in proposals if is_tid(t)]))
        except Unanswered as error:
            context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        reply = pb.DecisionsReply()
        for tid, _ in proposals:
            decision = next(decided) if is_tid(tid) else ValueError("it is no tid")
            reply.decisions.append(_message(tid, decision))
            if isinstance(decision, Decision):
                reply.clock_ms = max(reply.clock_ms, decision.clock_ms)
        return reply


def _message(tid: str, decision: Decision | Exception) -> pb.Decision:
    if isinstance(decision, Exception):
        log.error("%.80r can't be decided: %s", tid, decision, tid=tid[:80])
        return pb.Decision(tid=tid, error=str(decision))
    return pb.Decision(tid=tid, verdict=VERDICTS[decision.verdict], ahead=decision.ahead)
