"""The checkouts of a world, and whether what they tell the customer is true (I5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.answers import Cancelled, Changed, Paid, Refused
from gateway.orders.records import split
from recoup.scripts import Call
from tests.model import gateway
from tests.model.hearing import heard
from tests.model.network import message
from tests.model.process import LOST, Question, Turn
from tests.model.scene import Move, Next, Scene
from tests.model.state import ORDERS, Checkout, State, replaced, view

NOT_PAID = (Refused, Changed, Cancelled)
"""The answers that are a 4xx, and say that nothing that had begun before pays the order."""


class Checkouts:
    """All checkouts of a world."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._tries = scene.bounds.tries
        self._programs = {
            order_id: gateway.checkout(order_id, scene.settings)
            for order_id in scene.bounds.checkouts
        }

    def moves(self, state: State) -> Iterator[Next]:
        """Each checkout hears an answer, or learns that there is none. If that of a proposal is
        lost, it proposes again: it is where it was, and its proposal under way."""
        for place, checkout in enumerate(state.checkouts):
            if checkout.over or checkout in state.checkouts[:place]:
                continue
            who = f"order {checkout.order_id}'s checkout"
            turn = checkout.turn or self._programs[checkout.order_id].turn()
            for number, what in turn.open:
                after, answer = self._scene.ask(state, what)
                problem = ""
                if what.store == "orders":
                    after, problem = hear(state, after, place, what, answer)
                told = heard("checkout", what, answer, self._tries)
                after, said = self._go_on(after, place, turn.answered(number, told))
                yield Move(who, what, answer, place), self._scene.tidy(after), problem or said
                if self._scene.bounds.loses and (_acts(what, "deduct") or _acts(what, "settle")):
                    after, said = self._go_on(state, place, turn.answered(number, LOST))
                    yield Move(who, what, LOST, place), self._scene.tidy(after), said

    def _go_on(self, state: State, place: int, turn: Turn) -> tuple[State, str]:
        """A checkout takes its next step. What it sends is under way at once."""
        while self._tries == 1 and any(_acts(what, "settle") for _, what in turn.open):
            # Without a further try, nobody cares about what is given back: a settler may do it.
            turn = turn.answered(turn.open[0][0], LOST)
        checkout = state.checkouts[place]._replace(turn=turn)
        if not turn.ended:
            questions = [what for _, what in turn.open]
            if any(_acts(what, "deduct") for what in questions):  # it tries again
                checkout = checkout._replace(rivals="")
            sent = self._scene.network.send(state.sent, questions)
            checkouts = replaced(state.checkouts, place, checkout)
            return state._replace(checkouts=checkouts, sent=sent), ""
        problem = self._untrue(state, checkout)
        checkouts = replaced(state.checkouts, place, Checkout(checkout.order_id, over=True))
        if isinstance(turn.result, NOT_PAID) and checkout.rivals:
            checkouts = tuple(
                each._replace(told=True) if _active(each, checkout.order_id) else each
                for each in checkouts
            )
        return state._replace(checkouts=checkouts), problem

    def _untrue(self, state: State, checkout: Checkout) -> str:
        """What is wrong with an answer when it is given. As verdicts never change, what is true of
        them then stays true."""
        assert checkout.turn is not None
        answer = checkout.turn.result
        verdicts = self._scene.invariants.verdicts(state.stores[ORDERS])
        if isinstance(answer, Paid):
            if verdicts.get(answer.tid) != "commit":
                return f"I5: answered 200, and the verdict on {answer.tid} is not commit"
            order = view(state.stores[ORDERS]).orders[checkout.order_id]
            if order.content == _read(checkout.turn)[4] and not order.paid_at:
                return "I5: answered 200, and the order that was read is not paid"
        if not isinstance(answer, NOT_PAID):
            return ""
        if checkout.rivals == "paid":
            return "I5: answered 4xx, and a checkout that had begun before has paid"
        first, behind = _versions(checkout.turn)
        for version in range(first, behind):
            if verdicts.get(f"{checkout.order_id}.{version}") != "abort":
                return f"I5: answered 4xx, and {checkout.order_id}.{version} is not aborted"
        return ""


def hear(before: State, after: State, place: int, what: Question, answer: Any) -> tuple[State, str]:
    """The order store has answered a checkout. Notes who may not pay any more: a 4xx counts from
    the order store's last word on it, and whoever reads the order behind that begins anew.

    (A proposal that pays when it arrives late is not looked at here: it is also explored how it
    arrives at once.)
    """
    checkouts = after.checkouts
    me = checkouts[place]
    problem = ""
    for order_id in newly_paid(before, after):
        if me.order_id == order_id and me.told:
            problem = "I5: pays an order after another request was told that it isn't paid"
        checkouts = tuple(
            each._replace(rivals="paid")
            if at != place and each.order_id == order_id and each.rivals
            else each
            for at, each in enumerate(checkouts)
        )
    if isinstance(what.request, Call) and what.request.script == "decide":
        others = any(
            at != place and _active(each, me.order_id) for at, each in enumerate(checkouts)
        )
        rivals = "begun" if others and answer[0] == "abort" else ""
        checkouts = replaced(checkouts, place, me._replace(rivals=rivals))
    return after._replace(checkouts=checkouts), problem


def newly_paid(before: State, after: State) -> list[str]:
    """The orders that were paid by a move."""
    if before.stores[ORDERS] is after.stores[ORDERS]:
        return []
    old, new = view(before.stores[ORDERS]).orders, view(after.stores[ORDERS]).orders
    return [id for id, order in new.items() if order.paid_at and not old[id].paid_at]


def _active(checkout: Checkout, order_id: str) -> bool:
    return checkout.order_id == order_id and checkout.turn is not None and not checkout.over


def _acts(what: Question, act: str) -> bool:
    sent = message(what)
    return bool(sent and sent.act == act)


def _read(turn: Turn) -> tuple[str, ...]:
    """What a checkout has read first."""
    read: Any = dict(turn.answers)[0]
    return tuple(read)


def _versions(turn: Turn) -> tuple[int, int]:
    """The version that a checkout has read, and the one behind all that it knows to be over: what
    it tried itself, and what the order store's last word was about."""
    answers: dict[int, Any] = dict(turn.answers)
    first, behind = int(_read(turn)[3]), 0
    for number, what in enumerate(turn.asked):
        if not isinstance(what.request, Call):
            if sent := message(what):
                behind = max(behind, split(sent.tid)[1] + 1)
        elif what.request.script == "decide":
            behind = max(behind, int(answers[number][4]))
    return first, behind
