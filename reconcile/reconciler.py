"""Brings legs to their end: asks for verdicts, proposes one where there is none, settles.

The same code runs for the group that a gateway has just finished, for each retry of a single
tid, and in a party's sweep when no broker is there. Doing it twice, or at the same time as
somebody else, changes nothing: the verdict is write-once, and settling is idempotent.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from proto import ledger_pb2 as pb
from proto import orders_pb2
from reconcile.clients import Orders, Party, Verdict
from reconcile.decision import Peer, Wait, proposal, why
from recoup import faults, logs, tracing
from recoup.errors import RecoupError, Unanswered
from recoup.reasons import who

log = logs.logger(__name__)

PEER_STATES = {
    pb.Leg.NONE: Peer.NONE,
    pb.Leg.HELD: Peer.HELD,
    pb.Leg.COMMITTED: Peer.COMMITTED,
    pb.Leg.RETURNED: Peer.RETURNED,
    pb.Leg.MALFORMED: Peer.MALFORMED,
}
PROPOSALS = {"commit": orders_pb2.COMMIT, "abort": orders_pb2.ABORT}

AHEAD = "%s is ahead of its order: the order store lost writes"

ORDERS_FAIL = "the order store fails"

PARK_REASONS = {
    pb.FAILED: "malformed record",
    pb.CONTRADICTION: "contradiction: the leg was settled against the verdict",
    pb.MISSING_ACCOUNT: "missing account",
    pb.HELD_TOO_LITTLE: "the account holds less than the leg",
}


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing of the tid is held here any more, or ever was."""

    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not settled yet; it heals by itself."""

    cause: str
    orders_unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Stuck:
    """It doesn't heal by itself: to be parked."""

    reason: str


Outcome = Done | Waiting | Stuck


def unreachable(name: str, error: Unanswered) -> str:
    """Why a leg waits for a service that doesn't answer: the same text for the same reason, so that
    what waits can be grouped by it. The details go to the log."""
    log.info("%s can't be reached: %s", name, error)
    return f"{name} can't be reached ({error.cause})"


class Reconciler:
    """Settles the legs of one party."""

    def __init__(
        self,
        name: str,
        party: Party,
        orders: Orders,
        peer: Callable[[str], Party],
        by: str = "worker",
    ) -> None:
        """`peer` gives the client of another party by its name; `by`: who this is, a
        worker or a sweep, for what is counted and for the histories of orders."""
        self.name = name
        self._party = party
        self._orders = orders
        self._peer = peer
        self._by = by

    @tracing.many(
        lambda self, _: f"settle {self.name}",
        lambda self, tids: tids,
        lambda tids, outcomes: {tid: str(outcomes[tid]) for tid in tids},
    )
    def settle(self, tids: Sequence[str]) -> dict[str, Outcome]:
        """What became of each tid. Raises nothing that belongs to one tid or one peer."""
        outcomes: dict[str, Outcome] = {}
        verdicts: dict[str, Verdict] = {}
        try:
            decisions = self._orders.verdicts(tids)
            self._sort(decisions, verdicts, outcomes)
            faults.point("worker.after_verdicts")
            ahead = {decision.tid for decision in decisions if decision.ahead}
            proposals = self._proposals([t for t in tids if t not in verdicts], outcomes, ahead)
            if proposals:
                self._sort(self._orders.propose(proposals), verdicts, outcomes)
        except Unanswered as error:
            waiting = Waiting(unreachable("orders", error), orders_unreachable=True)
            outcomes |= {t: waiting for t in tids if t not in verdicts and t not in outcomes}
        outcomes |= self._settle_by(verdicts)
        return outcomes

    def _sort(
        self,
        decisions: Iterable[orders_pb2.Decision],
        verdicts: dict[str, Verdict],
        outcomes: dict[str, Outcome],
    ) -> None:
        """Adds the verdicts there are to `verdicts`, and what failed to `outcomes`."""
        for decision in decisions:
            if decision.error:
                log.error("%s: %s: %s", decision.tid, ORDERS_FAIL, decision.error)
                outcomes[decision.tid] = Stuck(ORDERS_FAIL)
            elif decision.verdict != orders_pb2.UNDECIDED:
                verdicts[decision.tid] = decision.verdict
            # While it is undecided, it may be only a name, by which nobody holds anything.
            if decision.ahead and decision.verdict != orders_pb2.UNDECIDED:
                log.error(AHEAD, decision.tid, tid=decision.tid, party=self.name)

    def _proposals(
        self, tids: Sequence[str], outcomes: dict[str, Outcome], ahead: Container[str]
    ) -> list[orders_pb2.Proposal]:
        """What to propose for undecided tids. Those with nothing to propose go to `outcomes`."""
        undecided = [tid for tid in tids if tid not in outcomes]
        if not undecided:
            return []
        try:
            status = self._party.status(undecided)
        except Unanswered as error:
            waiting = Waiting(unreachable(self.name, error))
            outcomes |= {tid: waiting for tid in undecided}
            return []
        held = {}
        for leg in status.legs:
            if leg.state == pb.Leg.HELD:
                held[leg.tid] = leg
                if leg.tid in ahead:
                    log.error(AHEAD, leg.tid, tid=leg.tid, party=self.name)
            elif leg.state == pb.Leg.MALFORMED:
                outcomes[leg.tid] = Stuck(PARK_REASONS[pb.FAILED])
            else:  # nothing is held; a settled leg without a verdict is found by its held peer
                outcomes[leg.tid] = Done()
        peers = self._peers(held.values())
        proposals: list[orders_pb2.Proposal] = []
        alarms: dict[str, str] = {}
        for tid, leg in held.items():
            what = proposal(peers[tid].values(), status.clock_ms, leg.deadline_ms)
            if isinstance(what, Wait):
                outcomes[tid] = Waiting(what.cause)
                continue
            said = why(peers[tid], what.verdict)
            verdict = PROPOSALS[what.verdict]
            proposals.append(
                orders_pb2.Proposal(tid=tid, verdict=verdict, by=who(self._by, self.name), why=said)
            )
            if what.alarm:
                alarms[tid] = what.alarm
        for decision in self._orders.verdicts(list(alarms)) if alarms else ():
            if decision.verdict == orders_pb2.UNDECIDED:
                tid = decision.tid
                log.error("%s: %s", tid, alarms[tid], tid=tid, party=self.name)
        return proposals

    def _peers(self, legs: Iterable[pb.Leg]) -> dict[str, dict[str, Peer]]:
        """The state of each peer's leg, by the peer's name, for each of these legs."""
        states: dict[str, dict[str, Peer]] = {}
        asked: dict[str, list[str]] = {}
        for leg in legs:
            states[leg.tid] = {}
            for name in leg.parties:
                if name != self.name:
                    asked.setdefault(name, []).append(leg.tid)
        for name, tids in asked.items():
            try:
                for peer_leg in self._peer(name).status(tids).legs:
                    states[peer_leg.tid][name] = PEER_STATES[peer_leg.state]
            except (RecoupError, LookupError) as error:
                away = f"peer {name} can't be reached: {error}"
                log.warning(away, party=self.name, tids=tids)
                for tid in tids:
                    states[tid][name] = Peer.UNREACHABLE
        return states

    def _settle_by(self, verdicts: Mapping[str, Verdict]) -> dict[str, Outcome]:
        """Has the party settle; what became of each tid."""
        if not verdicts:
            return {}
        try:
            faults.point("worker.before_settle")
            results = self._party.settle(verdicts, self._by)
            faults.point("worker.after_settle")
        except Unanswered as error:
            waiting = Waiting(unreachable(self.name, error))
            return {tid: waiting for tid in verdicts}
        outcomes: dict[str, Outcome] = {}
        for (tid, verdict), result in zip(verdicts.items(), results, strict=True):
            reason = PARK_REASONS.get(result)
            name = orders_pb2.Verdict.Name(verdict).lower()
            outcomes[tid] = Stuck(reason) if reason else Done(name)
        return outcomes
