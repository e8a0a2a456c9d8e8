"""The client of a party, against a server of its contract that dies, is silent, and comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import gevent
import grpc
import pytest

from gateway import metrics, parties
from gateway.batching import Pending
from gateway.handover import Handover
from gateway.parties import Party
from proto import ledger_pb2 as pb
from proto import ledger_pb2_grpc, orders_pb2
from proto.ledger_pb2 import AccountResult, Vote
from recoup.errors import NotSent, RecoupError, Unanswered
from recoup.rpc import SERVER_OPTIONS
from recoup.settings import Settings

LONG_S = 20.0
"""Far more than any of this takes: who waits so long has failed."""

DEADLINE_MS = 1_000
A_DEADLINE_S = DEADLINE_MS / 1000

VOTES = {"y.1": Vote.YES, "s.1": Vote.SHORT, "r.1": Vote.RETURNED}
SETTLED = {
    "h.1": pb.SETTLED,
    "a.1": pb.ALREADY,
    "n.1": pb.NO_LEG,
    "c.1": pb.CONTRADICTION,
    "f.1": pb.FAILED,
}


class Ledger(ledger_pb2_grpc.LedgerServicer):
    """A ledger that knows a few tids, remembers what it was asked, and fails when told to."""

    # gRPC fixes the names of the methods.
    # ruff: noqa: N802

    def __init__(self) -> None:
        self.applied: list[pb.ApplyRequest] = []
        self.adjusted: list[pb.AdjustAccountsRequest] = []
        self.found: list[pb.FindAccountsRequest] = []
        self.failures = 0
        """How many calls end as if the database were away."""
        self.fails_with = grpc.StatusCode.UNAVAILABLE
        self.forgotten = 0
        """How many votes a reply leaves out."""
        self.clock_ms = 0
        self.while_applying: Callable[[], None] = lambda: None

    def Apply(self, request: pb.ApplyRequest, context: grpc.ServicerContext) -> pb.ApplyReply:
        self.applied.append(request)
        self.while_applying()
        self._fail(context)
        answered = request.deductions[self.forgotten :]
        return pb.ApplyReply(
            votes=[Vote(answer=VOTES[deduction.tid]) for deduction in answered],
            settled=[SETTLED[settlement.tid] for settlement in request.settlements],
            clock_ms=self.clock_ms,
        )

    def Status(self, request: pb.StatusRequest, context: grpc.ServicerContext) -> pb.StatusReply:
        self._fail(context)
        legs = [pb.Leg(tid=tid) for tid in request.tids]
        return pb.StatusReply(legs=legs, clock_ms=self.clock_ms)

    def FindAccounts(
        self, request: pb.FindAccountsRequest, context: grpc.ServicerContext
    ) -> pb.AccountsReply:
        self.found.append(request)
        return pb.AccountsReply(results=[result_of(name) for name in request.account_ids])

    def AdjustAccounts(
        self, request: pb.AdjustAccountsRequest, context: grpc.ServicerContext
    ) -> pb.AccountsReply:
        self.adjusted.append(request)
        self._fail(context)
        return pb.AccountsReply(results=[result_of(one.account_id) for one in request.adjustments])

    def CreateAccounts(
        self, request: pb.CreateAccountsRequest, context: grpc.ServicerContext
    ) -> pb.AccountsReply:
        return pb.AccountsReply(results=[result_of(new.account_id) for new in request.accounts])

    def InitAccounts(
        self, request: pb.InitAccountsRequest, context: grpc.ServicerContext
    ) -> pb.InitAccountsReply:
        return pb.InitAccountsReply(outcome=AccountResult.KEY_REUSED)

    def _fail(self, context: grpc.ServicerContext) -> None:
        if self.failures:
            self.failures -= 1
            context.abort(self.fails_with, "the database did not answer")


class Process:
    """The process of a party, which can be killed and started again at its address."""

    def __init__(self) -> None:
        self.ledger = Ledger()  # type: ignore[abstract]  # not asked: what reconciliation calls
        self.port = 0
        self.start()

    def start(self) -> None:
        self._server = grpc.server(ThreadPoolExecutor(4), options=SERVER_OPTIONS)
        ledger_pb2_grpc.add_LedgerServicer_to_server(self.ledger, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()

    def kill(self) -> None:
        self._server.stop(None).wait()


@pytest.fixture
def process() -> Iterator[Process]:
    process = Process()
    yield process
    process.kill()


@pytest.fixture
def ledger(process: Process) -> Ledger:
    return process.ledger


@pytest.fixture
def published() -> list[str]:
    """What the workers are told."""
    return []


@pytest.fixture
def hand_over(published: list[str]) -> Handover:
    return Handover(lambda party, tids: published.extend(f"{party} {tid}" for tid in tids))


@pytest.fixture
def party(process: Process, hand_over: Handover) -> Party:
    settings = Settings(stock_address=f"127.0.0.1:{process.port}", deadline_ms=DEADLINE_MS)
    return Party("stock", settings, hand_over)


def result_of(name: str) -> AccountResult:
    return AccountResult(outcome=AccountResult.OK, account=pb.Account(account_id=name))


def deduct(party: Party, tid: str, within_s: float = LONG_S) -> Pending[Vote]:
    return party.deduct(pb.Deduction(tid=tid), time.monotonic() + within_s)


def give_back(party: Party, tid: str, within_s: float = LONG_S) -> Pending[pb.Settled.ValueType]:
    return party.give_back(tid, time.monotonic() + within_s)


# --- one call for many ---------------------------------------------------------------------------


def test_deductions_and_returns_travel_together_and_each_gets_its_own_answer(
    party: Party, ledger: Ledger
) -> None:
    # given checkouts that deduct, and others that give back
    yes, returned, short = deduct(party, "y.1"), give_back(party, "h.1"), deduct(party, "s.1")
    no_leg, again = give_back(party, "n.1"), deduct(party, "r.1")
    # when they are waited for, then each is told what became of its own
    assert [vote.get().answer for vote in (yes, short, again)] == [
        Vote.YES,
        Vote.SHORT,
        Vote.RETURNED,
    ]
    assert [returned.get(), no_leg.get()] == [pb.SETTLED, pb.NO_LEG]
    # and one call carried all, in order
    (request,) = ledger.applied
    assert [deduction.tid for deduction in request.deductions] == ["y.1", "s.1", "r.1"]
    assert [settlement.tid for settlement in request.settlements] == ["h.1", "n.1"]
    assert {settlement.verdict for settlement in request.settlements} == {orders_pb2.ABORT}
    assert request.by == "gateway"


def test_what_is_paid_goes_along_and_is_settled(
    party: Party, ledger: Ledger, hand_over: Handover, published: list[str]
) -> None:
    # given tids that are paid, of which two can't be settled, and one that is another party's
    for tid in ("h.1", "c.1", "a.1", "n.1", "f.1"):
        hand_over.put_paid(["stock"], tid)
    hand_over.put_paid(["payment"], "p.1")
    # when someone deducts, and someone gives back
    vote, returned = deduct(party, "y.1"), give_back(party, "n.1")
    assert (vote.get().answer, returned.get()) == (Vote.YES, pb.NO_LEG)
    # then one call has settled them by their verdict, behind what belongs to those who wait
    (request,) = ledger.applied
    abort, *commits = request.settlements
    assert (abort.tid, abort.verdict) == ("n.1", orders_pb2.ABORT)
    assert [each.tid for each in commits] == ["h.1", "c.1", "a.1", "n.1", "f.1"]
    assert {each.verdict for each in commits} == {orders_pb2.COMMIT}
    # and what resists is left to the workers, as is what was nobody's
    hand_over.flush(LONG_S)
    assert published == ["stock c.1", "stock f.1", "payment p.1"]


@pytest.mark.parametrize("mistake", ["no answer", "too few answers", "refused"])
def test_what_went_along_with_a_call_that_failed_is_left_to_the_workers(
    party: Party, ledger: Ledger, hand_over: Handover, published: list[str], mistake: str
) -> None:
    # given a tid that is paid, and a party that doesn't answer as it should
    hand_over.put_paid(["stock"], "h.1")
    if mistake == "too few answers":
        ledger.forgotten = 1
    else:
        ledger.failures = 1_000_000
    if mistake == "refused":
        ledger.fails_with = grpc.StatusCode.INVALID_ARGUMENT
    # when someone deducts
    with pytest.raises(RecoupError):
        deduct(party, "y.1", within_s=0.1).get()
    # then the workers hear of it
    hand_over.flush(LONG_S)
    assert published == ["stock h.1"]


def test_while_a_party_stays_away_nothing_is_taken_along(
    party: Party, hand_over: Handover, published: list[str]
) -> None:
    # given a paid tid, and a breaker that is open
    hand_over.put_paid(["stock"], "h.1")
    party.away = True
    # when someone deducts, then nothing is sent, and nothing is lost
    with pytest.raises(NotSent):
        deduct(party, "y.1").get()
    hand_over.flush(LONG_S)
    assert published == ["stock h.1"]


def test_too_few_votes_are_nobodys(party: Party, ledger: Ledger) -> None:
    # given a party of another make, which leaves a deduction out
    ledger.forgotten = 1
    # when two are waited for, then neither takes what may be the other's
    for vote in (deduct(party, "y.1"), deduct(party, "s.1")):
        with pytest.raises(RecoupError):
            vote.get()


def test_accounts_are_looked_up_together(party: Party, ledger: Ledger) -> None:
    # given two greenlets
    looking = [gevent.spawn(party.find, name) for name in ("a", "b")]
    # when both look up an account, then one call finds both
    gevent.joinall(looking)
    assert [one.value.account.account_id for one in looking] == ["a", "b"]
    assert [list(request.account_ids) for request in ledger.found] == [["a", "b"]]


def test_accounts_are_created_and_written_anew(party: Party) -> None:
    assert party.create(pb.NewAccount(account_id="a")).account.account_id == "a"
    assert party.init(pb.InitAccountsRequest(count=1)) == AccountResult.KEY_REUSED


# --- a party that dies ---------------------------------------------------------------------------


def test_a_deduction_outlives_the_party(party: Party, ledger: Ledger, process: Process) -> None:
    # given a party that dies with a deduction in hand
    in_hand, dead = threading.Event(), threading.Event()

    def die() -> None:
        if not dead.is_set():
            in_hand.set()
            dead.wait(LONG_S)

    def restart() -> None:
        in_hand.wait(LONG_S)
        process.kill()
        dead.set()
        time.sleep(0.1)  # for a while, nobody listens
        process.start()

    ledger.while_applying = die
    undertaker = threading.Thread(target=restart)
    undertaker.start()
    # when it is started again, then the same deduction succeeds
    vote = deduct(party, "y.1").get()
    undertaker.join()
    assert vote.answer == Vote.YES
    assert [request.deductions[0].tid for request in ledger.applied] == ["y.1", "y.1"]
    assert not party.away


def test_a_checkouts_calls_may_be_made_twice(party: Party, ledger: Ledger) -> None:
    ledger.failures = 1
    assert deduct(party, "y.1").get().answer == Vote.YES
    assert len(ledger.applied) == 2


def test_a_call_goes_on_for_whoever_waits_longest(party: Party, ledger: Ledger) -> None:
    # given one who has little time, and one who has more, in the same call
    ledger.failures = 4
    returned, vote = give_back(party, "h.1", within_s=0.15), deduct(party, "y.1")
    # when the party needs a moment, then both are served
    assert vote.get().answer == Vote.YES
    assert returned.get() == pb.SETTLED


def test_an_adjustment_is_never_made_twice(party: Party, ledger: Ledger) -> None:
    # given a party that fails once, after or before it has adjusted
    ledger.failures = 1
    # when an account is adjusted, then nobody knows, and nobody tries again
    with pytest.raises(Unanswered):
        party.adjust(pb.Adjustment(account_id="a", amount=1))
    assert len(ledger.adjusted) == 1
    # until the client asks
    assert party.adjust(pb.Adjustment(account_id="a", amount=1)).outcome == AccountResult.OK


# --- a party that stays away ---------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parties, "PROBE_S", 0.05)


@pytest.mark.usefixtures("impatient")
def test_the_breaker_is_open_while_a_party_stays_away(party: Party, process: Process) -> None:
    # given a party that is silent for as long as a deduction may take
    process.kill()
    with pytest.raises(Unanswered):
        deduct(party, "y.1", within_s=A_DEADLINE_S).get()
    # then checkouts are turned away, and nobody is asked to give back
    assert party.away
    assert breaker() == 1
    with pytest.raises(NotSent, match="stock stays away"):
        give_back(party, "h.1")
    # when it is asked whether it is back, and isn't, then it stays so
    gevent.sleep(0.2)
    assert party.away
    # until it is
    process.start()
    wait_for(lambda: not party.away)
    assert breaker() == 0
    assert give_back(party, "h.1").get() == pb.SETTLED


@pytest.mark.usefixtures("impatient")
def test_a_party_without_its_database_is_not_back(party: Party, ledger: Ledger) -> None:
    # given a party that can't reach its database
    ledger.failures = 1_000_000
    with pytest.raises(Unanswered):
        deduct(party, "y.1", within_s=A_DEADLINE_S).get()
    # when it is asked whether it is back, then a process that runs is not enough
    gevent.sleep(0.2)
    assert party.away
    with pytest.raises(Unanswered):
        party.ping(LONG_S)
    # until it can
    ledger.failures = 0
    wait_for(lambda: not party.away)
    party.ping(LONG_S)


def test_giving_back_has_too_short_a_limit_to_conclude_anything(
    party: Party, process: Process
) -> None:
    process.kill()
    with pytest.raises(Unanswered):
        give_back(party, "h.1", within_s=0.05).get()
    assert not party.away


@pytest.mark.usefixtures("impatient")
def test_a_party_that_was_given_no_time_has_not_been_silent(
    party: Party, ledger: Ledger, process: Process
) -> None:
    # given deductions that have waited in here, so that little is left of their time
    process.kill()
    for _ in range(2):
        with pytest.raises(Unanswered):
            deduct(party, "y.1", within_s=A_DEADLINE_S / 4).get()
    # when each had too little of it, then nobody is turned away
    assert not party.away
    # nor when the party has answered in between
    process.start()
    deduct(party, "y.1").get()
    process.kill()
    with pytest.raises(Unanswered):
        deduct(party, "y.1", within_s=A_DEADLINE_S / 2).get()
    assert not party.away
    # but when it has been silent for a whole deadline, in however many calls
    gevent.sleep(A_DEADLINE_S)
    with pytest.raises(Unanswered):
        deduct(party, "y.1", within_s=A_DEADLINE_S / 4).get()
    assert party.away
    process.start()
    wait_for(lambda: not party.away)


@pytest.mark.usefixtures("impatient")
def test_what_waits_when_the_breaker_opens_is_not_sent(party: Party, ledger: Ledger) -> None:
    # given a party that fails, and a deduction that waits behind the one on its way
    ledger.failures = 1_000_000
    first = deduct(party, "y.1", within_s=A_DEADLINE_S)
    gevent.sleep(0)
    behind = deduct(party, "s.1")
    # when the breaker opens, then it surely was not sent
    with pytest.raises(Unanswered):
        first.get()
    with pytest.raises(NotSent, match="stock stays away"):
        behind.get()
    asked = {deduction.tid for request in ledger.applied for deduction in request.deductions}
    assert asked == {"y.1"}
    ledger.failures = 0
    wait_for(lambda: not party.away)


def test_what_nobody_waits_for_is_not_sent(party: Party, ledger: Ledger) -> None:
    late = deduct(party, "y.1", within_s=-1.0)
    with pytest.raises(NotSent):
        late.get()
    assert ledger.applied == []


def wait_for(condition: Callable[[], bool]) -> None:
    with gevent.Timeout(LONG_S):
        while not condition():
            gevent.sleep(0.01)


def breaker() -> float:
    (metric,) = metrics.BREAKER_OPEN["stock"].collect()
    return metric.samples[0].value


# --- its clock -----------------------------------------------------------------------------------


def test_the_clock_of_a_party_is_seen_with_its_answers(party: Party, ledger: Ledger) -> None:
    # given a party that has not told its clock yet
    deduct(party, "y.1").get()
    assert party.clock_offset_ms is None
    # when it does, then it is remembered relative to ours
    ledger.clock_ms = 5_000_000
    before_ms = time.monotonic() * 1000
    deduct(party, "y.1").get()
    after_ms = time.monotonic() * 1000
    assert party.clock_offset_ms is not None
    assert before_ms <= ledger.clock_ms - party.clock_offset_ms <= after_ms


def test_the_clock_of_a_party_is_seen_when_nobody_checks_out(party: Party, ledger: Ledger) -> None:
    ledger.clock_ms = 5_000_000
    party.ping(LONG_S)
    assert party.clock_offset_ms is not None
