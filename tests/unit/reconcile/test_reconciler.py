"""The reconciler, among others who answer as they are told, or don't."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import pytest

from proto import ledger_pb2 as pb
from proto import orders_pb2
from reconcile import clients
from reconcile.clients import Verdict
from reconcile.reconciler import Done, Outcome, Reconciler, Stuck, Waiting
from recoup.errors import RecoupError, Unanswered

UNDECIDED, COMMIT, ABORT = orders_pb2.UNDECIDED, orders_pb2.COMMIT, orders_pb2.ABORT
NONE, HELD, COMMITTED = pb.Leg.NONE, pb.Leg.HELD, pb.Leg.COMMITTED
RETURNED, MALFORMED = pb.Leg.RETURNED, pb.Leg.MALFORMED

DEADLINE_MS = 1000


class Orders(clients.Orders):
    """An order store that has some verdicts, and takes the first proposal for the others."""

    def __init__(self) -> None:
        self.known: dict[str, Verdict] = {}
        self.faults: dict[str, str] = {}
        self.ahead: set[str] = set()
        self.asked: list[list[str]] = []
        self.proposed: dict[str, Verdict] = {}
        self.said: dict[str, tuple[str, str]] = {}
        """Of each proposal by whom it is, and why."""
        self.away_from = 10**9
        """Doesn't answer from this call on, counted from 0."""
        self._calls = 0

    def verdicts(self, tids: Sequence[str]) -> list[orders_pb2.Decision]:
        self._answer()
        self.asked.append(list(tids))
        return [self._decision(tid) for tid in tids]

    def propose(self, proposals: Sequence[orders_pb2.Proposal]) -> list[orders_pb2.Decision]:
        self._answer()
        self.proposed |= {each.tid: each.verdict for each in proposals}
        self.said |= {each.tid: (each.by, each.why) for each in proposals}
        for each in proposals:
            self.known.setdefault(each.tid, each.verdict)
        return [self._decision(each.tid) for each in proposals]

    def _decision(self, tid: str) -> orders_pb2.Decision:
        return orders_pb2.Decision(
            tid=tid,
            verdict=self.known.get(tid, UNDECIDED),
            error=self.faults.get(tid, ""),
            ahead=tid in self.ahead,
        )

    def _answer(self) -> None:
        self._calls += 1
        if self._calls > self.away_from:
            raise Unanswered("no orders")


class Party(clients.Party):
    """A party with some legs, that settles as it is told."""

    def __init__(self, *others: str) -> None:
        self.states: dict[str, pb.Leg.State.ValueType] = {}
        self.results: dict[str, pb.Settled.ValueType] = {}
        self.settled: dict[str, Verdict] = {}
        self.settled_by = ""
        self.clock_ms = DEADLINE_MS
        self.error: Exception | None = None
        self._parties = ("stock", "payment", *others)

    def status(self, tids: Sequence[str]) -> pb.StatusReply:
        if self.error:
            raise self.error
        legs = [
            pb.Leg(
                tid=tid,
                state=self.states.get(tid, NONE),
                parties=self._parties,
                deadline_ms=DEADLINE_MS,
            )
            for tid in tids
        ]
        return pb.StatusReply(legs=legs, clock_ms=self.clock_ms)

    def settle(self, verdicts: Mapping[str, Verdict], by: str) -> list[pb.Settled.ValueType]:
        if self.error:
            raise self.error
        self.settled |= verdicts
        self.settled_by = by
        return [self.results.get(tid, pb.SETTLED) for tid in verdicts]


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
def stock() -> Party:
    """A party that holds `o.1`; its deadline has not passed."""
    party = Party()
    party.states["o.1"] = HELD
    return party


@pytest.fixture
def payment() -> Party:
    return Party()


@pytest.fixture
def reconciler(stock: Party, payment: Party, orders: Orders) -> Reconciler:
    return Reconciler("stock", stock, orders, {"payment": payment}.__getitem__)


def settle(reconciler: Reconciler, tid: str = "o.1") -> Outcome:
    return reconciler.settle([tid])[tid]


# --- there is a verdict ---


@pytest.mark.parametrize(("verdict", "name"), [(COMMIT, "commit"), (ABORT, "abort")])
def test_a_leg_is_settled_by_its_verdict_and_nothing_is_proposed(
    reconciler: Reconciler, stock: Party, orders: Orders, verdict: Verdict, name: str
) -> None:
    orders.known["o.1"] = verdict
    assert settle(reconciler) == Done(name)
    assert stock.settled == {"o.1": verdict}
    assert orders.proposed == {}


@pytest.mark.parametrize("result", [pb.SETTLED, pb.ALREADY, pb.NO_LEG])
def test_what_is_settled_already_or_was_never_held_is_done(
    reconciler: Reconciler, stock: Party, orders: Orders, result: pb.Settled.ValueType
) -> None:
    orders.known["o.1"] = COMMIT
    stock.results["o.1"] = result
    assert settle(reconciler) == Done("commit")


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (pb.FAILED, "malformed record"),
        (pb.CONTRADICTION, "contradiction"),
        (pb.MISSING_ACCOUNT, "missing account"),
        (pb.HELD_TOO_LITTLE, "holds less"),
    ],
)
def test_what_does_not_heal_by_itself_is_stuck(
    reconciler: Reconciler,
    stock: Party,
    orders: Orders,
    result: pb.Settled.ValueType,
    reason: str,
) -> None:
    orders.known["o.1"] = COMMIT
    stock.results["o.1"] = result
    outcome = settle(reconciler)
    assert isinstance(outcome, Stuck)
    assert reason in outcome.reason


def test_a_party_is_told_who_settles(stock: Party, payment: Party, orders: Orders) -> None:
    orders.known["o.1"] = COMMIT
    peer = {"payment": payment}.__getitem__
    settle(Reconciler("stock", stock, orders, peer))
    assert stock.settled_by == "worker"
    settle(Reconciler("stock", stock, orders, peer, by="sweep"))
    assert stock.settled_by == "sweep"


def test_why_it_waits_reads_the_same_whatever_the_details(
    reconciler: Reconciler, stock: Party, orders: Orders, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a party that can't be reached, each time with other details
    orders.known["o.1"] = COMMIT
    for port in ("8001", "8002"):
        stock.error = Unanswered(f"failed to connect to {port}", "no answer in time")
        # When it is to settle, then it waits for the same cause, and the log has the details
        with caplog.at_level(logging.INFO):
            assert settle(reconciler) == Waiting("stock can't be reached (no answer in time)")
        assert port in caplog.text


# --- there is none yet ---


@pytest.mark.parametrize("clock_ms", [DEADLINE_MS, DEADLINE_MS + 1])
def test_when_everyone_holds_it_is_committed(
    reconciler: Reconciler, stock: Party, payment: Party, orders: Orders, clock_ms: int
) -> None:
    stock.clock_ms = clock_ms
    payment.states["o.1"] = HELD
    assert settle(reconciler) == Done("commit")
    assert orders.proposed == stock.settled == {"o.1": COMMIT}


@pytest.mark.parametrize("state", [NONE, RETURNED, MALFORMED])
def test_before_the_deadline_a_checkout_may_still_be_under_way(
    reconciler: Reconciler,
    stock: Party,
    payment: Party,
    orders: Orders,
    state: pb.Leg.State.ValueType,
) -> None:
    payment.states["o.1"] = state
    assert settle(reconciler) == Waiting("the checkout may still be under way")
    assert orders.proposed == stock.settled == {}


@pytest.mark.parametrize("state", [NONE, RETURNED])
def test_past_the_deadline_it_is_aborted_unless_everyone_holds(
    reconciler: Reconciler,
    stock: Party,
    payment: Party,
    orders: Orders,
    state: pb.Leg.State.ValueType,
) -> None:
    stock.clock_ms = DEADLINE_MS + 1
    payment.states["o.1"] = state
    assert settle(reconciler) == Done("abort")
    assert orders.proposed == stock.settled == {"o.1": ABORT}


@pytest.mark.parametrize("error", [Unanswered("no payment"), RecoupError("it refuses")])
def test_a_peer_that_cannot_be_reached_may_hold_nothing(
    reconciler: Reconciler, stock: Party, payment: Party, orders: Orders, error: Exception
) -> None:
    payment.error = error
    assert isinstance(settle(reconciler), Waiting)
    assert orders.proposed == {}
    stock.clock_ms = DEADLINE_MS + 1
    assert settle(reconciler) == Done("abort")


def test_a_peer_that_nobody_knows_cannot_be_reached(
    reconciler: Reconciler, stock: Party, payment: Party
) -> None:
    stock._parties = ("stock", "payment", "voucher")
    payment.states["o.1"] = HELD
    assert isinstance(settle(reconciler), Waiting)
    stock.clock_ms = DEADLINE_MS + 1
    assert settle(reconciler) == Done("abort")


def test_a_peer_that_cannot_be_read_keeps_everyone_waiting(
    reconciler: Reconciler, stock: Party, payment: Party, orders: Orders
) -> None:
    stock.clock_ms = DEADLINE_MS + 1
    payment.states["o.1"] = MALFORMED
    assert settle(reconciler) == Waiting("a peer's record can't be read")
    assert orders.proposed == stock.settled == {}


def test_a_peer_that_has_committed_alarms_if_there_is_still_no_verdict(
    reconciler: Reconciler,
    stock: Party,
    payment: Party,
    orders: Orders,
    caplog: pytest.LogCaptureFixture,
) -> None:
    payment.states["o.1"] = COMMITTED
    assert settle(reconciler) == Done("commit")
    # It has asked once more before it proposed
    assert orders.asked == [["o.1"], ["o.1"]]
    assert stock.settled == {"o.1": COMMIT}
    assert caplog.messages == ["o.1: a peer has committed without a verdict"]


def test_there_is_no_alarm_if_the_verdict_was_written_meanwhile(
    reconciler: Reconciler, payment: Party, orders: Orders, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a verdict that is written between the first question and the second
    payment.states["o.1"] = COMMITTED
    peer_status = payment.status

    def status(tids: Sequence[str]) -> pb.StatusReply:
        orders.known["o.1"] = COMMIT
        return peer_status(tids)

    payment.status = status  # type: ignore[method-assign]
    assert settle(reconciler) == Done("commit")
    assert caplog.messages == []


def test_the_verdict_that_somebody_else_proposed_first_counts(
    reconciler: Reconciler, stock: Party, payment: Party, orders: Orders
) -> None:
    # Given a tid that everyone holds, and that somebody aborts just before we propose
    payment.states["o.1"] = HELD
    propose = orders.propose

    def late(proposals: Sequence[orders_pb2.Proposal]) -> list[orders_pb2.Decision]:
        orders.known["o.1"] = ABORT
        return propose(proposals)

    orders.propose = late  # type: ignore[method-assign]
    assert settle(reconciler) == Done("abort")
    assert stock.settled == {"o.1": ABORT}


@pytest.mark.parametrize("state", [NONE, COMMITTED, RETURNED])
def test_who_holds_nothing_proposes_nothing(
    reconciler: Reconciler, stock: Party, orders: Orders, state: pb.Leg.State.ValueType
) -> None:
    stock.clock_ms = DEADLINE_MS + 1
    stock.states["o.1"] = state
    assert settle(reconciler) == Done()
    assert orders.proposed == stock.settled == {}


def test_an_own_record_that_cannot_be_read_is_stuck(
    reconciler: Reconciler, stock: Party, orders: Orders
) -> None:
    stock.clock_ms = DEADLINE_MS + 1
    stock.states["o.1"] = MALFORMED
    assert settle(reconciler) == Stuck("malformed record")
    assert orders.proposed == {}


# --- somebody is away ---


@pytest.mark.parametrize("away_from", [0, 1])
def test_the_order_store_is_away(
    reconciler: Reconciler, stock: Party, payment: Party, orders: Orders, away_from: int
) -> None:
    # Given an order store that answers no question, or no proposal
    payment.states["o.1"] = HELD
    orders.away_from = away_from
    # When a leg is to be settled, then it waits for the order store
    outcome = settle(reconciler)
    assert isinstance(outcome, Waiting)
    assert outcome.orders_unreachable
    assert "orders" in outcome.cause
    assert stock.settled == {}


def test_what_has_a_verdict_is_settled_also_if_proposing_fails(
    reconciler: Reconciler, stock: Party, payment: Party, orders: Orders
) -> None:
    payment.states["o.1"] = HELD
    orders.known["p.1"] = COMMIT
    orders.away_from = 1
    outcomes = reconciler.settle(["o.1", "p.1", "nothing.1"])
    assert isinstance(outcomes["o.1"], Waiting)
    assert (outcomes["p.1"], outcomes["nothing.1"]) == (Done("commit"), Done())
    assert stock.settled == {"p.1": COMMIT}


@pytest.mark.parametrize("verdict", [UNDECIDED, COMMIT])
def test_the_own_party_is_away(
    reconciler: Reconciler, stock: Party, orders: Orders, verdict: Verdict
) -> None:
    orders.known["o.1"] = verdict
    stock.error = Unanswered("no stock")
    outcome = settle(reconciler)
    assert isinstance(outcome, Waiting)
    assert not outcome.orders_unreachable
    assert "stock" in outcome.cause
    assert orders.proposed == {}


# --- what the order store says of one tid ---


def test_an_order_that_cannot_be_read_is_stuck_and_disturbs_no_other(
    reconciler: Reconciler, stock: Party, orders: Orders
) -> None:
    orders.faults["bad.1"] = "WRONGTYPE"
    orders.known["o.1"] = COMMIT
    stock.states["bad.1"] = HELD
    stock.clock_ms = DEADLINE_MS + 1
    outcomes = reconciler.settle(["bad.1", "o.1"])
    assert outcomes == {"bad.1": Stuck("the order store fails"), "o.1": Done("commit")}
    assert stock.settled == {"o.1": COMMIT}
    assert orders.proposed == {}


def test_a_tid_ahead_of_its_order_is_reported(
    reconciler: Reconciler, orders: Orders, caplog: pytest.LogCaptureFixture
) -> None:
    orders.ahead.add("o.1")
    with caplog.at_level(logging.ERROR):
        settle(reconciler)
    assert caplog.messages == ["o.1 is ahead of its order: the order store lost writes"]


# --- many ---


def test_each_of_many_has_its_own_outcome(
    reconciler: Reconciler, stock: Party, payment: Party, orders: Orders
) -> None:
    # Given tids of every kind
    stock.clock_ms = DEADLINE_MS + 1
    orders.known = {"paid.1": COMMIT, "aborted.1": ABORT, "odd.1": COMMIT}
    stock.results["odd.1"] = pb.CONTRADICTION
    for tid in ("held.1", "alone.1", "unreadable.1", "odd.1"):
        stock.states[tid] = HELD
    payment.states = {"held.1": HELD, "unreadable.1": MALFORMED}
    tids = ["paid.1", "aborted.1", "odd.1", "held.1", "alone.1", "unreadable.1", "nothing.1"]
    # When they are settled together
    outcomes = reconciler.settle(tids)
    # Then each has come to its own end
    assert outcomes == {
        "paid.1": Done("commit"),
        "aborted.1": Done("abort"),
        "odd.1": Stuck("contradiction: the leg was settled against the verdict"),
        "held.1": Done("commit"),
        "alone.1": Done("abort"),
        "unreadable.1": Waiting("a peer's record can't be read"),
        "nothing.1": Done(),
    }


def test_every_peer_is_asked(stock: Party, payment: Party, orders: Orders) -> None:
    # Given a tid of three parties, of which the third holds nothing
    stock._parties = ("stock", "payment", "voucher")
    stock.clock_ms = DEADLINE_MS + 1
    payment.states["o.1"] = HELD
    peers = {"payment": payment, "voucher": Party()}
    # When it is settled, then it is aborted; and once the third holds too, another is committed
    worker = Reconciler("stock", stock, orders, peers.__getitem__)
    assert settle(worker) == Done("abort")
    assert orders.said["o.1"] == ("stock-worker", "past the deadline and voucher has no leg")
    for party in (stock, *peers.values()):
        party.states["o.2"] = HELD
    assert settle(worker, "o.2") == Done("commit")
    assert orders.said["o.2"] == ("stock-worker", "all hold their legs")


def test_nothing_to_settle(reconciler: Reconciler, orders: Orders) -> None:
    assert reconciler.settle([]) == {}
    assert orders.proposed == {}
