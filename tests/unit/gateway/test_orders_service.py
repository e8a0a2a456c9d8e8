"""`orders` over gRPC: what isn't of the contract's form is refused whole; the rest is handed on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest.mock import Mock

import grpc
import pytest
import redis
from google.protobuf.message import Message
from prometheus_client import REGISTRY

from gateway.orders.listing import PAGE_MOST
from gateway.orders.service import OrdersService
from proto import orders_pb2 as pb
from recoup.bounds import ITEMS_MOST, TEXT_MOST
from recoup.errors import Unanswered
from recoup.scripts import Call
from recoup.settings import Settings

ORDER = ["u", "i:2:6", "6", "3", "2", "", "1"]
ACTION = pb.Action(who="ann", verb="retry", target="o.1", count=1, reason="so", result="done")


class Refused(Exception):
    """The service has ended the call with this status."""


def refuse(code: grpc.StatusCode, details: str) -> None:
    raise Refused(code)


CONTEXT = Mock(**{"abort.side_effect": refuse})


class Store:
    """Scripts that return what they are told to."""

    def __init__(self) -> None:
        self.returns: dict[str, Any] = {}
        self.asked: list[Call] = []
        self.service = OrdersService(self.run, Settings())

    def run(self, calls: Sequence[Call]) -> list[Any]:
        self.asked += calls
        results = [self.returns[call.script] for call in calls]
        for result in results:
            if isinstance(result, Unanswered):
                raise result
        return results

    def call(self, request: Message) -> Any:
        method = type(request).__name__.removesuffix("Request")
        return getattr(self.service, method)(request, CONTEXT)


@pytest.fixture
def store() -> Store:
    return Store()


def action(**fields: Any) -> pb.NoteActionRequest:
    changed = pb.Action()
    changed.CopyFrom(ACTION)
    for name, value in fields.items():
        setattr(changed, name, value)
    return pb.NoteActionRequest(action=changed)


def propose(**fields: Any) -> pb.ProposeRequest:
    return pb.ProposeRequest(proposals=[pb.Proposal(tid="o.1", verdict=pb.ABORT, **fields)])


@pytest.mark.parametrize(
    "request_",
    [
        pb.VerdictsRequest(tids=["o.1"] * (ITEMS_MOST + 1)),
        pb.ProposeRequest(proposals=[pb.Proposal(tid="o.1")]),
        propose(by="x" * 101),
        propose(by="an operator\tabort"),
        propose(why="x" * (TEXT_MOST + 1)),
        propose(why="two\nlines"),
        pb.StoryRequest(),
        pb.StoryRequest(order_id="o.1"),
        pb.ListOrdersRequest(),
        pb.ListOrdersRequest(limit=PAGE_MOST + 1),
        pb.ListOrdersRequest(limit=1, user_id="a:b"),
        pb.ListOrdersRequest(limit=1, state="closed"),
        pb.ListOrdersRequest(limit=1, cursor="7"),
        pb.ListOrdersRequest(limit=1, cursor="u7"),
        pb.NoteActionRequest(),
        action(who=""),
        action(verb=""),
        action(who="ann\x1b[2J"),
        action(target="x" * (TEXT_MOST + 1)),
        action(reason="two\nlines"),
        action(result="\x00"),
        action(count=-1),
        action(count=2**53),
        pb.ListActionsRequest(),
        pb.ListActionsRequest(limit=ITEMS_MOST + 1),
    ],
    ids=repr,
)
def test_what_is_not_of_its_form_is_refused_and_nobody_is_asked(
    store: Store, request_: Message
) -> None:
    with pytest.raises(Refused) as refused:
        store.call(request_)
    assert refused.value.args == (grpc.StatusCode.INVALID_ARGUMENT,)
    assert store.asked == []


def test_a_proposal_goes_on_with_who_makes_it_and_why(store: Store) -> None:
    store.returns["decide"] = ["abort", "1", "", "", "2", "", "17"]
    said = pb.Proposal(tid="o.1", verdict=pb.COMMIT, by="operator ann", why="the customer asked")
    before = counted(verdict="abort", by="operator")
    reply = store.call(pb.ProposeRequest(proposals=[said, pb.Proposal(tid="x", verdict=pb.ABORT)]))
    assert counted(verdict="abort", by="operator") == before + 1
    (call,) = store.asked
    assert call.arguments[:4] == (1, "commit", "operator ann", "the customer asked")
    first, second = reply.decisions
    assert (first.verdict, first.ahead, first.error, reply.clock_ms) == (pb.ABORT, True, "", 17)
    assert second.error


def counted(**labels: str) -> float:
    return REGISTRY.get_sample_value("recoup_verdicts_total", labels) or 0


def test_asking_for_verdicts_names_no_history(store: Store) -> None:
    store.returns["decide"] = ["", "0", "", "2", "3", "", "17"]
    store.call(pb.VerdictsRequest(tids=["o.1"]))
    assert store.asked == [Call("decide", ("{orders}:order:o", "{orders}:clock"), (1, ""))]


def test_a_story_is_the_order_and_what_was_decided(store: Store) -> None:
    store.returns["read"] = [*ORDER, "17"]
    store.returns["history"] = ["2\tabort\t16\tgateway\tnot enough stock"]
    reply = store.call(pb.StoryRequest(order_id="o"))
    order = pb.Order(
        order_id="o",
        user_id="u",
        lines=[pb.OrderLine(item_id="i", quantity=2, cost=6)],
        total_cost=6,
        state="cancelled",
        tid="o.3",
        version=3,
        content=2,
    )
    past = pb.Past(tid="o.2", verdict=pb.ABORT, by="gateway", why="not enough stock", at_ms=16)
    assert reply == pb.StoryReply(order=order, past=[past], clock_ms=17)


def test_the_story_of_no_order_has_none(store: Store) -> None:
    store.returns |= {"read": [""] * 7 + ["17"], "history": []}
    reply = store.call(pb.StoryRequest(order_id="o"))
    assert not reply.HasField("order")
    assert reply.clock_ms == 17


def test_a_page_of_orders(store: Store) -> None:
    store.returns["list_all"] = ["9", ["o", *ORDER]]
    reply = store.call(pb.ListOrdersRequest(state="cancelled", cursor="k3", limit=5))
    assert (reply.orders[0].order_id, reply.orders[0].state) == ("o", "cancelled")
    assert reply.cursor == "k9"


def test_actions_are_noted_and_listed(store: Store) -> None:
    store.returns["note_action"] = "ok"
    noted = "at_ms 17 who ann verb retry target o.1 count 1 reason so result done"
    store.returns["list_actions"] = [noted.split()]
    store.call(action())
    assert store.asked[0].arguments[1:] == ("ann", "retry", "o.1", 1, "so", "done")
    (listed,) = store.call(pb.ListActionsRequest(limit=3)).actions
    assert listed.at_ms == 17
    listed.at_ms = 0
    assert listed == ACTION


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Unanswered("lost"), grpc.StatusCode.UNAVAILABLE),
        (redis.exceptions.ResponseError("WRONGTYPE"), grpc.StatusCode.FAILED_PRECONDITION),
    ],
)
def test_what_ends_a_call_is_told(store: Store, fault: Exception, code: grpc.StatusCode) -> None:
    store.returns |= {"read": fault, "history": []}
    with pytest.raises(Refused) as refused:
        store.call(pb.StoryRequest(order_id="o"))
    assert refused.value.args == (code,)
