"""What a request to `orders` must look like. One that doesn't is refused whole, and unchanged.

Our own processes send nothing else; these are for whatever else may reach the port.
"""

from __future__ import annotations

from typing import get_args

from gateway.orders.listing import PAGE_MOST, is_cursor
from gateway.orders.records import State
from proto import orders_pb2 as pb
from recoup.answering import SHOWN, Malformed, check_few
from recoup.bounds import ITEMS_MOST, TEXT_MOST, is_id
from recoup.settings import AMOUNT_MAX

NAME_MOST = 100
"""Characters of who did something, and of the verb."""


def check_propose(request: pb.ProposeRequest) -> None:
    """That a tid is one is for each decision to say: the others go on."""
    check_few(request.proposals)
    for proposal in request.proposals:
        if proposal.verdict not in (pb.COMMIT, pb.ABORT):
            raise Malformed(f"{proposal.tid[:SHOWN]}: only commit and abort can be proposed")
        _check_text(proposal.by, "who proposes it", NAME_MOST)
        _check_text(proposal.why, "why")


def check_story(request: pb.StoryRequest) -> None:
    """It is about one order."""
    _check_id(request.order_id)


def check_list_orders(request: pb.ListOrdersRequest) -> None:
    """A page is small, and a cursor comes from the page before."""
    if request.user_id:
        _check_id(request.user_id)
    if request.state not in ("", *get_args(State)):
        raise Malformed(f"a state is one of {', '.join(get_args(State))}")
    if request.cursor and not is_cursor(request.cursor, request.user_id):
        raise Malformed(f"{request.cursor[:SHOWN]!r} is no cursor")
    _check_limit(request.limit, PAGE_MOST)


def check_note_action(request: pb.NoteActionRequest) -> None:
    """It says who did what; the rest may be empty."""
    action = request.action
    for text, what in ((action.who, "who"), (action.verb, "the verb")):
        if not text:
            raise Malformed(f"an action says {what}")
        _check_text(text, what, NAME_MOST)
    for text, what in (
        (action.target, "the target"),
        (action.reason, "the reason"),
        (action.result, "the result"),
    ):
        _check_text(text, what)
    if not 0 <= action.count <= AMOUNT_MAX:
        raise Malformed(f"{action.count} is no count")


def check_list_actions(request: pb.ListActionsRequest) -> None:
    """A page of the log is small."""
    _check_limit(request.limit, ITEMS_MOST)


def _check_id(text: str) -> None:
    if not is_id(text):
        raise Malformed(f"{text[:SHOWN]!r} is no id")


def _check_limit(limit: int, most: int) -> None:
    if not 1 <= limit <= most:
        raise Malformed(f"a limit is from 1 to {most}, not {limit}")


def _check_text(text: str, what: str, most: int = TEXT_MOST) -> None:
    """Nothing that ends a line, or an entry: it is shown to people in one."""
    if len(text) > most or not text.isprintable():
        raise Malformed(f"{what} has to be a line of at most {most} characters")
