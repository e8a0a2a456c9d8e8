"""A checkout, told as a story: whom it asks what, in which order, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

import gevent
import pytest

from gateway import admission, checkout, metrics
from gateway.admission import TurnedAway
from gateway.answers import Answer, Away, Cancelled, Changed, Empty, NotFound, Paid, Refused, Undone
from gateway.batching import Pending
from gateway.checkout import Checkout
from gateway.handover import Handover
from gateway.orders.records import Decision, Line, Order, Proposal, Verdict, split
from gateway.orders.store import OrderStore
from gateway.parties import Party
from proto import ledger_pb2 as pb
from proto.ledger_pb2 import Vote
from recoup.errors import NotSent, RecoupError, Unanswered
from recoup.settings import Settings

T = TypeVar("T")

YES = Vote(answer=Vote.YES)
SHORT = Vote(answer=Vote.SHORT, account_id="i")
SHORT_FOR_NOW = Vote(answer=Vote.SHORT_FOR_NOW, account_id="i")
LATE = Vote(answer=Vote.LATE)
SILENCE = None

CLOCK_MS = 1_000_000
DEADLINE_MS = 200


class FakeParty(Party):
    """Votes and settles as it is told to; told nothing, it says yes and does it."""

    def __init__(self, name: str, story: list[str]) -> None:
        self.name = name
        self.away = False
        self.votes: list[Vote | Exception | None] = []
        self.settles: pb.Settled.ValueType | Exception | None = pb.SETTLED
        self.deductions: list[pb.Deduction] = []
        self._story = story

    def deduct(self, deduction: pb.Deduction, end_s: float) -> Pending[Vote]:
        self._story.append(f"deduct {self.name} {deduction.tid}")
        self.deductions.append(deduction)
        return answering(self.votes.pop(0) if self.votes else YES)

    def give_back(self, tid: str, end_s: float) -> Pending[pb.Settled.ValueType]:
        self._story.append(f"give back {self.name} {tid}")
        return answering(self.settles)


def answering(result: T | Exception | None) -> Pending[T]:
    if isinstance(result, NotSent):
        raise result
    pending: Pending[T] = Pending()
    if result is not SILENCE:
        pending.settle(result)
    return pending


class FakeOrders(OrderStore):
    """One order, "o", decided as the real store decides. Its clock goes a second a call."""

    def __init__(self, story: list[str]) -> None:
        self.order = Order("o", "u", (Line("i", 2, 6),), 6, 1, 1, None, CLOCK_MS)
        self.meanwhile: list[Callable[[], None]] = []
        """What happens just before each proposal."""
        self.said: list[tuple[str, str]] = []
        """Of each proposal by whom it is, and why."""
        self._story = story

    def read(self, order_id: str) -> Order | None:
        self._story.append("read")
        return self.order if order_id == "o" else None

    def propose(self, tid: str, proposal: Proposal, by: str = "", why: str = "") -> Decision:
        self._story.append(f"propose {proposal} {tid}")
        self.said.append((by, why))
        if self.meanwhile:
            self.meanwhile.pop(0)()
        version, gap = split(tid)[1], proposal == "close"
        over = self.order.paid_at is not None or self.order.cancelled
        if not over and version == self.order.version:
            if proposal == "commit":
                self.pay_at(version)
            else:
                self._write(version=version + 1 + gap)
        elif not over and gap:
            self._write(version=self.order.version + 2)
        order = self._write(clock_ms=self.order.clock_ms + 1000)
        verdict: Verdict = "commit" if order.paid_at == version else "abort"
        return Decision(
            verdict=verdict,
            ahead=False,
            paid_at=order.paid_at,
            content=order.content,
            version=order.version,
            clock_ms=order.clock_ms,
            cancelled=order.cancelled,
        )

    def pay_at(self, version: int) -> None:
        self._write(version=version, paid_at=version)

    def change(self) -> None:
        self._write(version=self.order.version + 1, content=self.order.content + 1)

    def cancel(self) -> None:
        self.change()
        self.order = replace(self.order, cancelled=True)

    def abort(self, versions: int = 1) -> None:
        self._write(version=self.order.version + versions)

    def _write(self, **fields: int) -> Order:
        self.order = replace(self.order, **fields)  # type: ignore[arg-type]
        return self.order


class FakeHandover(Handover):
    def __init__(self, story: list[str]) -> None:
        self._story = story

    def put(self, parties: Iterable[str], tid: str) -> None:
        self._story.append(f"hand over {' '.join(parties)} {tid}")

    def put_paid(self, parties: Iterable[str], tid: str) -> None:
        self._story.append(f"have {' '.join(parties)} keep {tid}")


class Shop:
    """A checkout, everyone it talks to, and the story of their talk."""

    def __init__(self, **limits: int) -> None:
        self.story: list[str] = []
        self.orders = FakeOrders(self.story)
        self.stock = FakeParty("stock", self.story)
        self.payment = FakeParty("payment", self.story)
        limits = {"deadline_ms": DEADLINE_MS, "give_back_limit_ms": 10} | limits
        self._checkout = Checkout(
            self.orders,
            (self.stock, self.payment),
            FakeHandover(self.story),
            Settings().model_copy(update=limits),
        )

    def check_out(self, order_id: str = "o") -> Answer:
        return self._checkout.run(order_id)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for constant in ("LAST_MOMENT_S", "BACKOFF_FIRST_S", "BACKOFF_MOST_S"):
        monkeypatch.setattr(checkout, constant, 0.002)


@pytest.fixture
def shop() -> Shop:
    return Shop()


BOTH_ASKED = ["read", "deduct stock o.1", "deduct payment o.1"]


def store_away() -> None:
    raise Unanswered("no answer")


def store_overrun() -> None:
    raise NotSent("too many wait")


def nothing() -> None:
    pass


# --- the way it should go ------------------------------------------------------------------------


def test_an_order_is_paid_when_both_say_yes(shop: Shop) -> None:
    # when an order is checked out that both can serve
    answer = shop.check_out()
    # then it is paid, and both are told to settle it
    assert answer == Paid("o", "o.1", total_cost=6, already=False)
    assert shop.story == [*BOTH_ASKED, "propose commit o.1", "have stock payment keep o.1"]


def verdicts() -> dict[str, float]:
    return {
        verdict: series.collect()[0].samples[0].value
        for verdict, series in metrics.VERDICTS.items()
    }


def test_each_try_is_counted_by_its_verdict(shop: Shop) -> None:
    # given a checkout that is refused, which takes two proposals, and one that is paid
    before = verdicts()
    shop.payment.votes = [SHORT]
    assert isinstance(shop.check_out(), Refused)
    shop.payment.votes = [YES]
    assert isinstance(shop.check_out(), Paid)
    # then each try has come to one verdict
    assert verdicts() == {verdict: count + 1 for verdict, count in before.items()}


def test_each_is_asked_for_its_part_until_a_deadline(shop: Shop) -> None:
    shop.check_out()
    (of_stock,), (of_payment,) = shop.stock.deductions, shop.payment.deductions
    # pieces of an item from the one, the total from the other
    assert list(of_stock.lines) == [pb.Line(account_id="i", amount=2)]
    assert list(of_payment.lines) == [pb.Line(account_id="u", amount=6)]
    # by the clock of the order store, and naming everyone who takes part
    for deduction in (of_stock, of_payment):
        assert deduction.deadline_ms == CLOCK_MS + DEADLINE_MS
        assert deduction.parties == ["stock", "payment"]


# --- what is answered without asking anyone ------------------------------------------------------


def test_who_has_paid_is_not_charged_again_whoever_is_away(shop: Shop) -> None:
    # given an order that was paid at an earlier version, and a party that is away
    shop.orders.pay_at(3)
    shop.stock.away = True
    # when it is checked out again, then it is paid, and nobody is asked
    assert shop.check_out() == Paid("o", "o.3", total_cost=6, already=True)
    assert shop.story == ["read"]


def test_there_is_no_such_order(shop: Shop) -> None:
    assert isinstance(shop.check_out("other"), NotFound)
    assert shop.story == ["read"]


def test_an_empty_order_can_not_be_paid(shop: Shop) -> None:
    shop.orders.order = replace(shop.orders.order, lines=())
    assert isinstance(shop.check_out(), Empty)
    assert shop.story == ["read"]


def test_while_a_party_stays_away_nothing_is_begun(shop: Shop) -> None:
    shop.payment.away = True
    assert shop.check_out() == Away("payment")
    assert shop.story == ["read"]


def test_without_the_order_nothing_is_begun(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop.orders, "read", lambda order_id: store_away())
    with pytest.raises(Unanswered):
        shop.check_out()
    assert shop.story == []


def test_beyond_what_may_be_under_way_nothing_is_even_read() -> None:
    # given as many checkouts under way as may be
    shop = Shop(under_way_checkouts=1)
    meanwhile: list[Answer] = []
    shop.orders.meanwhile = [lambda: meanwhile.append(shop.check_out())]
    # when another one comes, then it is turned away, and costs those under way nothing
    assert isinstance(shop.check_out(), Paid)
    assert isinstance(meanwhile[0], TurnedAway)
    assert shop.story == [*BOTH_ASKED, "propose commit o.1", "have stock payment keep o.1"]
    # and when those have ended, however they did, then there is room again
    shop.orders.meanwhile = [store_overrun]
    shop.orders.order = replace(shop.orders.order, paid_at=None)
    with pytest.raises(NotSent):
        shop.check_out()
    assert isinstance(shop.check_out(), Paid)


def test_who_waits_for_a_turn_has_begun_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # given as many checkouts at work as fill the batches
    monkeypatch.setattr(admission, "AT_WORK_MOST", 1)
    shop = Shop()
    stories: list[list[str]] = []

    def another_comes() -> None:
        others.append(gevent.spawn(shop.check_out))
        gevent.sleep(0)
        stories.append(list(shop.story))

    others: list[gevent.Greenlet] = []
    shop.orders.meanwhile = [another_comes]
    # when another one comes
    assert isinstance(shop.check_out(), Paid)
    # then it has not even read its order meanwhile
    assert stories == [[*BOTH_ASKED, "propose commit o.1"]]
    # and gets its turn afterwards
    assert others[0].get(timeout=10) == Paid("o", "o.1", total_cost=6, already=True)


def test_who_never_gets_a_turn_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a checkout that is at work for longer than others wait
    monkeypatch.setattr(admission, "AT_WORK_MOST", 1)
    shop = Shop()
    answers: list[object] = []
    shop.orders.meanwhile = [lambda: answers.append(gevent.spawn(shop.check_out).get(timeout=10))]
    # when another one has waited for two deadlines, then it is turned away
    assert isinstance(shop.check_out(), Paid)
    assert isinstance(answers[0], TurnedAway)
    # and takes nobody's turn with it
    assert isinstance(shop.check_out(), Paid)


# --- somebody refuses ----------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [Vote.SHORT, Vote.UNKNOWN_ACCOUNT], ids=Vote.Answer.Name)
def test_a_refusal_is_told_once_it_is_true_and_nothing_is_kept(
    shop: Shop, answer: Vote.Answer.ValueType
) -> None:
    # given a party that refuses for good
    refusal = Vote(answer=answer, account_id="u")
    shop.payment.votes = [refusal]
    # when the order is checked out, then the order is closed, what was held is back, and who
    # refused, and what about, is told
    assert shop.check_out() == Refused("payment", refusal)
    assert shop.story == [*BOTH_ASKED, "propose close o.1", "give back stock o.1"]


def test_all_are_asked_at_once_the_first_time(shop: Shop) -> None:
    shop.stock.votes = [SHORT]
    assert shop.check_out() == Refused("stock", SHORT)
    assert shop.story == [*BOTH_ASKED, "propose close o.1", "give back payment o.1"]


@pytest.mark.parametrize("answer", Vote.Answer.values(), ids=Vote.Answer.Name)
def test_an_order_is_closed_exactly_if_the_answer_is_no(answer: Vote.Answer.ValueType) -> None:
    # given any vote, and no second try
    shop = Shop(retry_tries=1)
    shop.payment.votes = [Vote(answer=answer)]
    # when the order is checked out
    told = shop.check_out()
    # then the votes decide what is proposed, and one proposal is enough
    proposal = {Paid: "commit", Refused: "close", Undone: "abort"}[type(told)]
    assert shop.story[3] == f"propose {proposal} o.1"
    assert [line for line in shop.story if "propose" in line] == shop.story[3:4]


# --- nobody refuses, and yet ---------------------------------------------------------------------


def test_without_an_answer_all_is_undone(shop: Shop) -> None:
    # given a party that is silent, so that it may hold its leg, or may not
    shop.stock.votes = [SILENCE]
    # when the order is checked out, then both have to give back what they may hold
    assert shop.check_out() == Undone(clock_is_off=False)
    assert shop.story == [
        *BOTH_ASKED,
        "propose abort o.1",
        "give back stock o.1",
        "give back payment o.1",
    ]


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, object]]:
    """What was logged, and about which tid."""
    return [
        (record.getMessage(), getattr(record, "fields", {}).get("tid")) for record in caplog.records
    ]


def test_what_fails_is_logged_by_its_tid(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.stock.votes, shop.stock.settles = [SILENCE], SILENCE
    shop.payment.votes = [Vote(answer=Vote.LATE)]
    shop.check_out()
    assert told(caplog) == [
        ("stock did not answer in time", "o.1"),
        ("payment says late", "o.1"),
        ("stock did not give back in time: left to its workers", "o.1"),
        ("checkout undone: answered 503", "o.1"),
    ]


@pytest.mark.parametrize("vote", [YES, Vote(answer=Vote.SHORT, account_id="i")])
def test_what_a_customer_causes_is_worth_no_line(
    shop: Shop, vote: Vote, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    shop.stock.votes = [vote]
    shop.check_out()
    assert told(caplog) == []


def test_a_checkout_without_a_verdict_is_logged(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.orders.meanwhile = [store_overrun]
    with pytest.raises(NotSent):
        shop.check_out()
    assert told(caplog) == [("gives up, and leaves it to the workers: too many wait", "o.1")]


@pytest.mark.parametrize(
    "vote", [Vote(answer=Vote.NO_ANSWER), RecoupError("garbled")], ids=["malformed", "failed"]
)
def test_what_can_not_be_understood_is_no_answer(shop: Shop, vote: Vote | Exception) -> None:
    shop.payment.votes = [vote]
    assert shop.check_out() == Undone(clock_is_off=False)
    assert shop.story[-2:] == ["give back stock o.1", "give back payment o.1"]


def test_what_can_not_even_be_sent_is_undone(shop: Shop) -> None:
    # given so many calls that no more are taken
    shop.stock.votes = [NotSent("too many calls are waiting")]
    # when the order is checked out, then nobody else is asked either
    assert shop.check_out() == Undone(clock_is_off=False)
    assert shop.story[:3] == ["read", "deduct stock o.1", "propose abort o.1"]
    assert "give back payment o.1" not in shop.story


@pytest.mark.parametrize("answer", [Vote.LATE, Vote.AHEAD], ids=Vote.Answer.Name)
def test_a_clock_that_is_off_is_never_the_customers_fault(
    shop: Shop, answer: Vote.Answer.ValueType
) -> None:
    shop.stock.votes = [Vote(answer=answer)]
    assert shop.check_out() == Undone(clock_is_off=True)
    assert shop.story == [*BOTH_ASKED, "propose abort o.1", "give back payment o.1"]


@pytest.mark.parametrize("vote", [SILENCE, NotSent("full")], ids=["lost", "not sent"])
def test_the_verdict_counts_and_not_the_votes(shop: Shop, vote: Exception | None) -> None:
    # given a party that didn't say yes, and somebody else who found both legs held
    shop.stock.votes = [vote]
    shop.orders.meanwhile = [lambda: shop.orders.pay_at(1)]
    # when the gateway proposes to abort, then it is told that the order is paid
    assert shop.check_out() == Paid("o", "o.1", total_cost=6, already=False)
    assert shop.story[-2:] == ["propose abort o.1", "have stock payment keep o.1"]


# --- the order is cancelled ----------------------------------------------------------------------


def test_a_cancelled_order_is_not_even_tried(shop: Shop) -> None:
    shop.orders.cancel()
    assert isinstance(shop.check_out(), Cancelled)
    assert shop.story == ["read"]


@pytest.mark.parametrize("votes", [[], [SHORT], [SHORT_FOR_NOW]], ids=["yes", "short", "for now"])
def test_a_checkout_that_loses_to_a_cancellation_says_so_and_gives_back(
    shop: Shop, votes: list[Vote | Exception | None]
) -> None:
    # given an order that is cancelled just before it is decided
    shop.payment.votes = votes
    shop.orders.meanwhile = [shop.orders.cancel]
    # when it is checked out, then the customer is told, it isn't tried again, and all is given back
    assert isinstance(shop.check_out(), Cancelled)
    assert [line for line in shop.story if "propose" in line] == shop.story[3:4]
    assert "give back stock o.1" in shop.story


# --- who decides, and why ------------------------------------------------------------------------


def test_a_proposal_says_who_makes_it_and_why(shop: Shop) -> None:
    shop.payment.votes = [SHORT]
    shop.check_out()
    shop.check_out()
    assert shop.orders.said == [("gateway", "not enough credit"), ("gateway", "all said yes")]


def test_who_closes_since_the_cart_was_changed_says_so(shop: Shop) -> None:
    shop.orders.meanwhile = [shop.orders.change]
    assert isinstance(shop.check_out(), Changed)
    assert shop.orders.said == [("gateway", "all said yes"), ("gateway", "the cart was changed")]


# --- giving back ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settled",
    [*pb.Settled.values(), SILENCE, Unanswered("lost"), NotSent("away")],
    ids=[*pb.Settled.keys(), "silence", "lost", "not sent"],
)
def test_what_is_not_surely_given_back_is_left_to_the_workers(
    shop: Shop, settled: pb.Settled.ValueType | Exception | None
) -> None:
    # given a leg that was held for nothing, and any answer to giving it back
    shop.payment.votes = [SHORT]
    shop.stock.settles = settled
    # when the order is checked out, then the customer hears the same
    assert shop.check_out() == Refused("payment", SHORT)
    # and whoever holds it still, for all we know, is looked after
    sure = settled in (pb.SETTLED, pb.ALREADY, pb.NO_LEG)
    assert shop.story[4:] == ["give back stock o.1", *([] if sure else ["hand over stock o.1"])]


def test_a_party_that_can_not_be_asked_to_give_back_does_not_keep_the_other_from_it(
    shop: Shop,
) -> None:
    shop.orders.meanwhile = [shop.orders.abort]
    shop.stock.settles = NotSent("away")
    shop.check_out()
    assert shop.story[4:7] == [
        "give back stock o.1",
        "hand over stock o.1",
        "give back payment o.1",
    ]


# --- the cart changes, or somebody else pays -----------------------------------------------------


def test_a_cart_that_was_changed_is_not_paid(shop: Shop) -> None:
    # given a cart to which something is added during its checkout
    shop.orders.meanwhile = [shop.orders.change]
    # when both have said yes, then all goes back, and nobody else goes on with the old cart
    assert isinstance(shop.check_out(), Changed)
    assert shop.story == [
        *BOTH_ASKED,
        "propose commit o.1",
        "give back stock o.1",
        "give back payment o.1",
        "propose close o.1",
    ]


def test_who_refused_does_not_matter_if_the_cart_was_changed(shop: Shop) -> None:
    shop.stock.votes = [SHORT]
    shop.orders.meanwhile = [shop.orders.change]
    assert isinstance(shop.check_out(), Changed)
    assert shop.story[3:] == ["propose close o.1", "give back payment o.1"]


def test_a_cart_that_was_changed_is_closed_also_if_nobody_refused(shop: Shop) -> None:
    shop.stock.votes = [LATE]
    shop.orders.meanwhile = [shop.orders.change]
    assert isinstance(shop.check_out(), Changed)
    assert shop.story[3:] == ["propose abort o.1", "give back payment o.1", "propose close o.1"]


def test_what_somebody_else_paid_meanwhile_is_paid(shop: Shop) -> None:
    # given another checkout that aborts this one and pays under the next version
    shop.orders.meanwhile = [lambda: shop.orders.pay_at(2)]
    # when this one has its yes, too, then it gives all back, and the order is paid
    assert shop.check_out() == Paid("o", "o.2", total_cost=6, already=True)
    assert shop.story[3:] == [
        "propose commit o.1",
        "give back stock o.1",
        "give back payment o.1",
        "read",
    ]


def test_no_refusal_is_told_of_an_order_that_is_paid(shop: Shop) -> None:
    shop.stock.votes = [SHORT]
    shop.orders.meanwhile = [lambda: shop.orders.pay_at(2)]
    assert shop.check_out() == Paid("o", "o.2", total_cost=6, already=True)


def test_an_order_that_is_paid_before_it_is_closed_is_paid(shop: Shop) -> None:
    # given a cart that was changed, and is paid before this checkout can tell
    shop.orders.meanwhile = [shop.orders.change, lambda: shop.orders.pay_at(2)]
    assert shop.check_out() == Paid("o", "o.2", total_cost=6, already=True)


def test_an_order_that_was_paid_and_then_written_anew_has_changed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an order that somebody else pays, and that is written anew before it is read again
    order = shop.orders.order
    reads = [order, replace(order, version=5, content=2)]
    monkeypatch.setattr(shop.orders, "read", lambda order_id: reads.pop(0))
    shop.orders.meanwhile = [lambda: shop.orders.pay_at(2)]
    # when it is checked out, then nothing is said of an order that isn't there any more
    assert isinstance(shop.check_out(), Changed)


# --- short for now -------------------------------------------------------------------------------


def test_what_others_only_hold_is_tried_again_under_the_next_version(shop: Shop) -> None:
    # given goods that another checkout holds, and that come back
    shop.stock.votes = [SHORT_FOR_NOW, YES]
    # when the order is checked out, then its own are back before the next try, which is paid
    assert shop.check_out() == Paid("o", "o.2", total_cost=6, already=False)
    assert shop.story == [
        *BOTH_ASKED,
        "propose abort o.1",
        "give back payment o.1",
        "deduct stock o.2",
        "deduct payment o.2",
        "propose commit o.2",
        "have stock payment keep o.2",
    ]
    # by a deadline that follows from the clock of the last decision
    first, again = shop.stock.deductions
    assert again.deadline_ms - first.deadline_ms >= 1000


def test_from_the_second_try_on_who_lacks_stock_takes_no_credit(shop: Shop) -> None:
    # given goods that don't come back at once
    shop.stock.votes = [SHORT_FOR_NOW, SHORT_FOR_NOW, YES]
    # when the order is checked out, then payment isn't asked until stock has said yes
    shop.check_out()
    assert shop.story[5:] == [
        "deduct stock o.2",
        "propose abort o.2",
        "deduct stock o.3",
        "deduct payment o.3",
        "propose commit o.3",
        "have stock payment keep o.3",
    ]


def test_who_lacks_credit_gives_the_stock_back_before_trying_again(shop: Shop) -> None:
    shop.payment.votes = [SHORT_FOR_NOW, YES]
    shop.check_out()
    assert shop.story[3:6] == ["propose abort o.1", "give back stock o.1", "deduct stock o.2"]


def test_a_leg_that_an_earlier_checkout_gave_back_is_deducted_anew(shop: Shop) -> None:
    shop.stock.votes = [Vote(answer=Vote.RETURNED)]
    assert shop.check_out() == Paid("o", "o.2", total_cost=6, already=False)


def test_when_the_tries_are_used_up_it_is_refused() -> None:
    # given two tries, and goods that don't come back
    shop = Shop(retry_tries=2)
    shop.stock.votes = [SHORT_FOR_NOW] * 3
    # when the order is checked out, then the last one closes it
    assert shop.check_out() == Refused("stock", SHORT_FOR_NOW)
    assert shop.story[3:] == [
        "propose abort o.1",
        "give back payment o.1",
        "deduct stock o.2",
        "propose close o.2",
    ]


def test_when_the_time_is_used_up_it_is_refused() -> None:
    shop = Shop(retry_budget_ms=0)
    shop.stock.votes = [SHORT_FOR_NOW]
    assert shop.check_out() == Refused("stock", SHORT_FOR_NOW)
    assert shop.story[3:] == ["propose close o.1", "give back payment o.1"]


@pytest.mark.parametrize("final", [SHORT, LATE, SILENCE], ids=["short", "late", "silent"])
def test_there_is_no_next_try_if_that_is_of_no_use(shop: Shop, final: Vote | None) -> None:
    shop.stock.votes = [SHORT_FOR_NOW]
    shop.payment.votes = [final]
    assert isinstance(shop.check_out(), Refused)
    assert shop.story[3] == "propose close o.1"
    assert "deduct stock o.2" not in shop.story


def test_there_is_no_next_try_of_a_cart_that_was_changed(shop: Shop) -> None:
    # given goods that are short for now, and a cart that is changed
    shop.stock.votes = [SHORT_FOR_NOW]
    shop.orders.meanwhile = [shop.orders.change]
    # when a next try was intended, then nobody gets what was not in the cart that was read
    assert isinstance(shop.check_out(), Changed)
    assert shop.story[3:] == ["propose abort o.1", "give back payment o.1", "propose close o.1"]


def test_there_is_no_next_try_behind_somebody_elses_abort(shop: Shop) -> None:
    # given goods that are short for now, and others who have aborted this version and the next
    shop.stock.votes = [SHORT_FOR_NOW]
    shop.orders.meanwhile = [lambda: shop.orders.abort(versions=2)]
    # when the version isn't the one that our own abort leaves, then it is refused, and closed
    assert shop.check_out() == Refused("stock", SHORT_FOR_NOW)
    assert shop.story[3:] == ["propose abort o.1", "give back payment o.1", "propose close o.1"]


# --- the order store doesn't answer --------------------------------------------------------------


def test_a_verdict_is_asked_for_until_it_is_told(shop: Shop) -> None:
    shop.orders.meanwhile = [store_away, store_away, nothing]
    assert shop.check_out() == Paid("o", "o.1", total_cost=6, already=False)
    assert shop.story[3:] == [*["propose commit o.1"] * 3, "have stock payment keep o.1"]


@pytest.mark.parametrize(
    ("fault", "error"), [(store_away, Unanswered), (store_overrun, NotSent)], ids=["away", "full"]
)
def test_without_a_verdict_nothing_is_promised_and_the_workers_find_out(
    shop: Shop, fault: Callable[[], None], error: type[Exception]
) -> None:
    # given an order store that stays away once all is held
    shop.orders.meanwhile = [fault] * 10_000
    # when it is asked to decide, then the outcome is unknown, and nobody gives back anything
    with pytest.raises(error):
        shop.check_out()
    assert shop.story[:4] == [*BOTH_ASKED, "propose commit o.1"]
    assert shop.story[-1] == "hand over stock payment o.1"
    assert not any("give back" in line for line in shop.story)


def test_a_refusal_that_can_not_be_made_true_is_not_told(shop: Shop) -> None:
    # given a changed cart, and an order store that goes away before it can be closed
    shop.orders.meanwhile = [shop.orders.change, *[store_away] * 10_000]
    with pytest.raises(Unanswered):
        shop.check_out()
    assert shop.story[4:6] == ["give back stock o.1", "give back payment o.1"]
