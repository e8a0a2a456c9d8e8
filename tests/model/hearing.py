"""What a process makes use of in an answer: the rest is left out before it hears it.

So two processes that have heard answers which differ in what neither uses are one. It is the
project's code that hears what is left: should it begin to use more, it has to be left in here.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable
from typing import cast

from proto import ledger_pb2 as pb
from proto import orders_pb2
from recoup.scripts import Call
from tests.model.process import Packed, Question

GIVEN_BACK = {pb.ALREADY, pb.NO_LEG}


@functools.cache
def heard(asker: str, what: Question, answer: Hashable, tries: int = 1) -> Hashable:
    """The answer, without what `asker` (a checkout, or whose leg it settles) doesn't use."""
    if isinstance(what.request, Call):
        # Without a further try, the clock that comes with a decision is for nothing.
        again = what.request.script == "read" or tries > 1
        return answer if again else (*cast("tuple[str, ...]", answer)[:-1], "0")
    if not isinstance(answer, Packed):
        return answer
    reply = answer.message()
    if isinstance(reply, pb.ApplyReply):
        reply.clock_ms = 0  # of use to `/readyz` alone
        reply.settled[:] = [pb.SETTLED if each in GIVEN_BACK else each for each in reply.settled]
    if isinstance(reply, orders_pb2.DecisionsReply):
        reply.clock_ms = 0
    if isinstance(reply, pb.StatusReply):
        own = what.store == asker
        legs = [
            pb.Leg(tid=leg.tid, state=leg.state, parties=leg.parties, deadline_ms=leg.deadline_ms)
            if own
            else pb.Leg(tid=leg.tid, state=leg.state)
            for leg in reply.legs
        ]
        reply = pb.StatusReply(legs=legs, clock_ms=reply.clock_ms if own else 0)
    return Packed.of(reply)
