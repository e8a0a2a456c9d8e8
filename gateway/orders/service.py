"""The order store over gRPC: verdicts and proposals of them for workers and parties; what people
ask of orders, and what operators have done."""

from __future__ import annotations

import grpc

from gateway.orders import forms, metrics
from gateway.orders.actions import Action, Actions
from gateway.orders.history import Past, story
from gateway.orders.listing import Listing
from gateway.orders.records import Decision, Order, Proposal, Run
from gateway.orders.store import OrderStore, Proposed
from proto import orders_pb2 as pb
from proto import orders_pb2_grpc
from recoup import faults, logs
from recoup.answering import answer, check_few
from recoup.bounds import is_tid
from recoup.settings import Settings

log = logs.logger(__name__)

VERDICTS = {"": pb.UNDECIDED, "commit": pb.COMMIT, "abort": pb.ABORT}
NAMES = {number: name for name, number in VERDICTS.items()}
PROPOSALS: dict[int, Proposal] = {pb.COMMIT: "commit", pb.ABORT: "abort"}


class OrdersService(orders_pb2_grpc.OrdersServicer):
    """Serves the order store."""

    def __init__(self, run: Run, settings: Settings) -> None:
        self._run = run
        self._store = OrderStore(run, settings)
        self._listing = Listing(run)
        self._actions = Actions(run)

    # gRPC fixes the names and the signatures of the methods.
    # ruff: noqa: N802

    # --- what is decided ---

    def Verdicts(
        self, request: pb.VerdictsRequest, context: grpc.ServicerContext
    ) -> pb.DecisionsReply:
        def verdicts() -> pb.DecisionsReply:
            check_few(request.tids)
            return self._decide([(tid, "", "", "") for tid in request.tids])

        return answer(context, verdicts)

    def Propose(
        self, request: pb.ProposeRequest, context: grpc.ServicerContext
    ) -> pb.DecisionsReply:
        def propose() -> pb.DecisionsReply:
            forms.check_propose(request)
            each = request.proposals
            reply = self._decide([(p.tid, PROPOSALS[p.verdict], p.by, p.why) for p in each])
            for proposal, decision in zip(each, reply.decisions, strict=True):
                if not decision.error:
                    metrics.count_verdict(NAMES[decision.verdict], proposal.by)
            faults.point("orders.after_propose")
            return reply

        return answer(context, propose)

    def _decide(self, proposals: list[Proposed]) -> pb.DecisionsReply:
        decided = iter(self._store.propose_all([each for each in proposals if is_tid(each[0])]))
        reply = pb.DecisionsReply()
        for tid, *_ in proposals:
            decision = next(decided) if is_tid(tid) else ValueError("it is no tid")
            reply.decisions.append(_decision(tid, decision))
            if isinstance(decision, Decision):
                reply.clock_ms = max(reply.clock_ms, decision.clock_ms)
        return reply

    # --- for people ---

    def Story(self, request: pb.StoryRequest, context: grpc.ServicerContext) -> pb.StoryReply:
        def tell() -> pb.StoryReply:
            forms.check_story(request)
            told = story(self._run, request.order_id)
            order = _order(told.order) if told.order else None
            return pb.StoryReply(order=order, past=map(_past, told.past), clock_ms=told.clock_ms)

        return answer(context, tell)

    def ListOrders(
        self, request: pb.ListOrdersRequest, context: grpc.ServicerContext
    ) -> pb.ListOrdersReply:
        def page() -> pb.ListOrdersReply:
            forms.check_list_orders(request)
            asked = (request.user_id, request.state, request.cursor, request.limit)
            page = self._listing.page(*asked)
            return pb.ListOrdersReply(orders=map(_order, page.orders), cursor=page.cursor)

        return answer(context, page)

    def NoteAction(
        self, request: pb.NoteActionRequest, context: grpc.ServicerContext
    ) -> pb.NoteActionReply:
        def note() -> pb.NoteActionReply:
            forms.check_note_action(request)
            done = request.action
            told = (done.who, done.verb, done.target, done.count, done.reason, done.result)
            self._actions.note(Action(*told))
            metrics.count_action(done.verb, done.result)
            return pb.NoteActionReply()

        return answer(context, note)

    def ListActions(
        self, request: pb.ListActionsRequest, context: grpc.ServicerContext
    ) -> pb.ListActionsReply:
        def latest() -> pb.ListActionsReply:
            forms.check_list_actions(request)
            return pb.ListActionsReply(actions=map(_action, self._actions.latest(request.limit)))

        return answer(context, latest)


def _decision(tid: str, decision: Decision | Exception) -> pb.Decision:
    if isinstance(decision, Exception):
        log.error("%.80r can't be decided: %s", tid, decision, tid=tid[:80])
        return pb.Decision(tid=tid, error=str(decision))
    return pb.Decision(tid=tid, verdict=VERDICTS[decision.verdict], ahead=decision.ahead)


def _order(order: Order) -> pb.Order:
    return pb.Order(
        order_id=order.order_id,
        user_id=order.user_id,
        lines=[
            pb.OrderLine(item_id=line.item_id, quantity=line.quantity, cost=line.cost)
            for line in order.lines
        ],
        total_cost=order.total_cost,
        state=order.state,
        tid=order.tid,
        version=order.version,
        content=order.content,
    )


def _past(past: Past) -> pb.Past:
    return pb.Past(
        tid=past.tid,
        verdict=VERDICTS[past.verdict],
        by=past.by,
        why=past.why,
        at_ms=past.at_ms,
    )


def _action(action: Action) -> pb.Action:
    return pb.Action(
        at_ms=action.at_ms,
        who=action.who,
        verb=action.verb,
        target=action.target,
        count=action.count,
        reason=action.reason,
        result=action.result,
    )
