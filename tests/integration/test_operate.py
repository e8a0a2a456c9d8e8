"""What operators see of legs, orders and accounts, and what their actions do, and don't."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from gateway.answers import Paid
from recoup import reasons
from recoup.errors import RecoupError
from recoup.operate import actions, bulk
from recoup.operate.abort import abort, plan_abort
from recoup.operate.actions import BEGUN, Operator, log, retry
from recoup.operate.bulk import Progress, choose, retry_all
from recoup.operate.changes import Follower
from recoup.operate.overview import Observer
from recoup.operate.story import story
from recoup.operate.waiting import Filter, waiting
from recoup.settings import Settings
from tests.integration.books import COMMIT
from tests.integration.operators import Shop
from tests.integration.world import Steps

EVE = Operator("eve", "because")
HOUR_MS = 3_600_000


@pytest.fixture
def shop(client: redis.Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Whoever waits lets the sweeps run meanwhile. Clocks move only when a test says so."""
    shop = Shop(client, settings)
    shop.world.pass_ms(HOUR_MS)

    def sweep(_: float) -> None:
        for name in shop.world.parties:
            shop.world.sweep(name, Steps())

    monkeypatch.setattr(actions.time, "sleep", sweep)
    return shop


def noted(shop: Shop) -> list[tuple[str, str, str, int, str]]:
    """The actions log, the oldest first."""
    entries = [(a.who, a.verb, a.target, a.count, a.result) for a in log(shop.clients, 100)]
    return entries[::-1]


# --- looking -----------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["o", "o.2", "u1", "i9"])
def test_a_checkout_is_found_by_any_id(shop: Shop, asked: str) -> None:
    # given a paid order whose legs nobody has settled yet
    shop.world.order("o", "u1", ("i9", 2, 5))
    assert isinstance(shop.world.check_out("o", Steps()), Paid)
    # when someone asks for the order, the attempt, the user or the item
    found = story(shop.clients, asked)
    # then the accounts are there, and add up
    assert found.found
    assert not found.away
    rows = [str(account) for account in found.accounts]
    item = "stock i9: in 100 = available 98 + held 2 + sold 0"
    user = "payment u1: in 1,000 = available 990 + held 10 + spent 0"
    assert rows == {"u1": [user], "i9": [item]}.get(asked, [item, user])
    # and so is the checkout
    if asked in ("o", "o.2"):
        (attempt,) = found.attempts
        assert (attempt.tid, attempt.verdict, attempt.waits) == ("o.2", "commit", True)
        assert attempt.decision is not None
        assert (attempt.decision.by, attempt.decision.why) == (reasons.GATEWAY, reasons.ALL_YES)
        assert [leg.state for leg in attempt.legs] == ["held", "held"]
        assert found.told == "200, paid"
    else:
        assert [leg.tid for leg in found.waiting] == ["o.2"]
    assert [order.order_id for order in found.orders] == (["o"] if asked == "u1" else [])


def test_an_attempt_waits_though_the_order_store_is_away(shop: Shop) -> None:
    tid = shop.hold("o")
    shop.clients.away = {"orders"}
    found = story(shop.clients, "o")
    assert (found.order, found.away) == (None, {"orders": "no answer in time"})
    assert [attempt.tid for attempt in found.attempts] == [tid]


def test_an_order_and_a_user_of_the_same_id(shop: Shop) -> None:
    shop.world.payment.open("o", 7)
    shop.hold("o")
    assert [each.noun for each in story(shop.clients, "o").namesakes] == ["user"]
    assert [each.noun for each in story(shop.clients, "o", as_account=True).accounts] == ["user"]


@pytest.mark.parametrize("asked", ["nobody", "nobody.1"])
def test_what_nobody_knows(shop: Shop, asked: str) -> None:
    assert not story(shop.clients, asked).found


def test_what_waits_is_grouped_and_filtered(shop: Shop) -> None:
    # given three legs each, one of which could not be settled, and one is parked
    for order_id in ("o1", "o2", "o3"):
        shop.hold(order_id)
    cause = "orders can't be reached (no answer in time)"
    shop.world.payment.ledger.note("o1.2", cause, orders_unreachable=True)
    shop.world.payment.ledger.park("o2.2", "missing account")
    # then each filter chooses what it says
    chosen = {
        Filter(): 6,
        Filter(party="payment"): 3,
        Filter(cause="CAN'T be reached"): 1,
        Filter(parked=True): 1,
        Filter(order_id="o3"): 2,
        Filter(user_id="u1"): 3,
        Filter(item_id="i9", parked=True): 0,
        Filter(older_than_ms=1): 0,
    }
    for each, legs in chosen.items():
        found = waiting(shop.clients, each)
        assert (len(found.legs), found.matched, found.all_seen) == (legs, legs, True), each
    causes = {(c.party, c.why): c.legs for c in waiting(shop.clients).causes}
    assert causes == {
        ("stock", "under way"): 3,
        ("payment", cause): 1,
        ("payment", "missing account"): 1,
        ("payment", "under way"): 1,
    }


def test_who_is_away_is_told_and_counted_nowhere(shop: Shop) -> None:
    shop.hold("o")
    shop.clients.away = {"payment"}
    found = waiting(shop.clients)
    assert found.away == {"payment": "no answer in time"}
    assert set(found.counts) == {"stock"}
    assert not found.all_seen
    # and the overview keeps what it said before
    shop.clients.away = set()
    observer = Observer(shop.clients)
    before = observer.look().parties["payment"]
    shop.clients.away = {"payment"}
    now = observer.look()
    assert before.answers
    assert (now.stores_away, now.parties["payment"].answers) == (("payment",), False)
    assert (now.parties["payment"].view, now.parties["payment"].at_s) == (before.view, before.at_s)


def test_what_changes_is_told_once(shop: Shop) -> None:
    follower = Follower(shop.clients)
    tid = shop.hold("o")
    assert follower.look() == []  # a checkout under way is no news
    shop.world.payment.ledger.note(tid, "because", orders_unreachable=False)
    assert [str(each) for each in follower.look()] == [f"{tid} of payment waits: because"]
    assert follower.look() == []
    shop.clients.away = {"payment"}
    assert [str(each) for each in follower.look()] == ["payment away: no answer in time"]
    shop.world.payment.settle(tid, COMMIT)
    shop.clients.away = set()
    told = [str(each) for each in follower.look()]
    assert told == ["payment back", f"{tid} of payment settled: committed"]
    assert follower.look() == []


# --- retrying ----------------------------------------------------------------------------------


def test_a_retry_settles_by_the_rules_and_is_noted(shop: Shop) -> None:
    # given a checkout that died before its verdict, with its votes all yes
    tid = shop.hold("o")
    # when an operator has it tried
    result = retry(shop.clients, EVE, tid)
    # then it is settled as it would have been later
    assert result.outcomes == {"stock": "committed", "payment": "committed"}
    assert result.settled
    assert shop.world.read("o").paid_at is not None
    said = "stock: committed, payment: committed"
    assert noted(shop) == [("eve", "retry", tid, 1, BEGUN), ("eve", "retry", tid, 1, said)]


def test_nothing_is_done_that_can_not_be_noted(shop: Shop) -> None:
    tid = shop.hold("o")
    chosen = choose(shop.clients, Filter())
    shop.clients.away = {"orders"}
    shop.clients.asked.clear()
    acts: list[Callable[[], object]] = [
        lambda: retry(shop.clients, EVE, tid),
        lambda: retry_all(shop.clients, EVE, chosen),
        lambda: abort(shop.clients, EVE, tid),
    ]
    for act in acts:
        with pytest.raises(RecoupError, match="orders"):
            act()
    assert shop.clients.asked == []


def test_a_retry_of_many_does_exactly_what_was_counted(shop: Shop) -> None:
    # given five legs of payment that were counted
    tids = {shop.hold(f"o{i}") for i in range(5)}
    chosen = choose(shop.clients, Filter(party="payment"))
    assert {tid for _, tid in chosen.legs} == tids
    # and one that is settled since then, and one that came later
    shop.world.orders.propose("o0.2", "commit")
    shop.world.payment.settle("o0.2", COMMIT)
    shop.hold("later")
    # when they are retried
    steps: list[Progress] = []
    result = retry_all(shop.clients, EVE, chosen, per_s=4, progress=steps.append)
    # then those that still waited are settled, and nothing else was touched
    assert (result.chosen, result.due, result.gone) == (5, 4, 1)
    assert (result.settled, result.failed, result.unseen, result.stopped) == (4, 0, 0, "")
    assert set(shop.world.payment.due()) == {"later.2"}
    assert [each.due + each.gone for each in steps[:3]] == [2, 4, 5]  # half a second's worth each
    target = "--party payment (5 legs)"
    said = "4 settled, 1 had been settled before"
    assert noted(shop) == [
        ("eve", "retry", target, 5, BEGUN),
        ("eve", "retry", target, 4, said),
    ]


def test_a_retry_of_many_stops_when_it_is_told(shop: Shop) -> None:
    for i in range(6):
        shop.hold(f"o{i}")
    chosen = choose(shop.clients, Filter(party="payment"))
    answers = iter([False, True, True])
    result = retry_all(shop.clients, EVE, chosen, per_s=4, stop=lambda: next(answers))
    assert (result.due, result.stopped) == (2, "as told")
    assert noted(shop)[-1][3] == 2


def test_a_retry_of_many_stops_by_itself_when_too_many_fail(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given many legs whose user is gone
    monkeypatch.setattr(bulk, "FAILS_LEAST", 3)
    for i in range(12):
        shop.world.orders.propose(shop.hold(f"o{i}"), "commit")
    account = shop.world.payment.key("account:u1")
    shop.world.client.delete(account)
    chosen = choose(shop.clients, Filter(party="payment"))
    # when they are retried
    result = retry_all(shop.clients, EVE, chosen, per_s=4)
    # then it stops soon after the first have failed again
    assert result.stopped.endswith("failed again")
    assert result.failed >= 3
    assert result.due < 12
    assert f"stopped: {result.stopped}" in noted(shop)[-1][4]


def test_a_party_that_goes_meanwhile_ends_a_retry_of_many_and_that_is_noted(shop: Shop) -> None:
    shop.hold("o1"), shop.hold("o2")
    chosen = choose(shop.clients, Filter(party="payment"))
    gone: list[Progress] = []

    def go(progress: Progress) -> None:
        gone.append(progress)
        shop.clients.away = {"payment"}

    with pytest.raises(RecoupError):
        retry_all(shop.clients, EVE, chosen, per_s=2, progress=go)
    assert noted(shop)[-1][4].startswith("broke off: payment can't be reached")


def test_more_than_are_done_at_once_are_left_out(shop: Shop) -> None:
    for i in range(3):
        shop.hold(f"o{i}")
    chosen = choose(shop.clients, Filter(party="stock"), most=2)
    assert (len(chosen.legs), chosen.left_out) == (2, 1)


# --- aborting ----------------------------------------------------------------------------------


def test_an_abort_says_what_goes_back_and_gives_it_back(shop: Shop) -> None:
    # given a checkout that nobody has decided
    tid = shop.hold("o")
    plan = plan_abort(shop.clients, tid)
    assert plan.refusal == ""
    assert plan.gives_back == ("stock: 2 pieces to item i9", "payment: 10 credits to user u1")
    # when an operator aborts it
    result = abort(shop.clients, EVE, tid)
    # then it is given back, and its history and the log say who did it, and why
    assert result.refusal == ""
    assert result.retried is not None
    assert result.retried.outcomes == {"stock": "returned", "payment": "returned"}
    assert shop.world.payment.balance("u1") == (1_000, 0, 0)
    (past,) = story(shop.clients, "o").history
    assert (past.tid, past.verdict, past.by, past.why) == (tid, "abort", "operator eve", "because")
    assert [entry[-1] for entry in noted(shop)] == [
        BEGUN,
        "aborted: stock: returned, payment: returned",
    ]


def test_a_verdict_is_never_contradicted(shop: Shop) -> None:
    # given a checkout that is committed
    tid = shop.hold("o")
    shop.world.orders.propose(tid, "commit", reasons.GATEWAY, reasons.ALL_YES)
    # when an operator would abort it
    result = abort(shop.clients, EVE, tid)
    # then he is told since when it is decided, and nothing changes
    assert result.refusal.startswith(f"can't abort {tid}: its verdict is commit since ")
    assert result.retried is None
    assert shop.world.read("o").paid_at is not None
    assert noted(shop) == [("eve", "abort", tid, 0, f"refused: {result.refusal}")]


def test_whoever_decides_meanwhile_wins(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a checkout that is undecided when it is looked at, and committed just then
    tid = shop.hold("o")
    note = actions.note

    def decide_first(*arguments: object) -> None:
        shop.world.orders.propose(tid, "commit")
        note(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("recoup.operate.abort.note", decide_first)
    result = abort(shop.clients, EVE, tid)
    assert "its verdict is commit" in result.refusal
    assert shop.world.payment.balance("u1") == (990, 10, 0)


def test_a_party_that_has_committed_without_a_verdict_forbids_an_abort(shop: Shop) -> None:
    tid = shop.hold("o")
    shop.world.payment.settle(tid, COMMIT)  # as if the order store had lost it
    refusal = plan_abort(shop.clients, tid).refusal
    assert "payment has committed its leg" in refusal
    assert abort(shop.clients, EVE, tid).refusal == refusal
    assert shop.world.read("o").version == 2


def test_a_record_that_can_not_be_read_forbids_an_abort(shop: Shop) -> None:
    tid = shop.hold("o")
    shop.world.client.hset(shop.world.stock.key(f"leg:{tid}"), "lines", "nonsense")
    assert "the record of stock's leg can't be read" in plan_abort(shop.clients, tid).refusal


@pytest.mark.parametrize("tid", ["nobody.1", "o.2", "o.9"])
def test_what_nobody_holds_is_not_aborted(shop: Shop, tid: str) -> None:
    shop.world.order("o", "u1", ("i9", 2, 5))
    assert abort(shop.clients, EVE, tid).refusal == (
        f"can't abort {tid}: nobody holds anything for it"
    )
    assert shop.world.read("o").version == 2  # no version is raised for it


def test_an_abort_while_a_party_is_away_is_given_back_when_it_is_there(shop: Shop) -> None:
    tid = shop.hold("o")
    shop.clients.away = {"payment"}
    assert plan_abort(shop.clients, tid).away == {"payment": "no answer in time"}
    result = abort(shop.clients, EVE, tid)
    assert result.retried is not None
    assert result.retried.outcomes == {"stock": "returned"}
    assert set(result.retried.away) == {"payment"}
    shop.world.recover()
    assert shop.world.payment.balance("u1") == (1_000, 0, 0)


@pytest.mark.parametrize("text", ["o", "o.x", "o.01", ""])
def test_what_is_no_tid_is_refused_at_once(shop: Shop, text: str) -> None:
    for act in (plan_abort, lambda clients, tid: retry(clients, EVE, tid)):
        with pytest.raises(ValueError, match="is no tid"):
            act(shop.clients, text)
    assert shop.clients.asked == []
