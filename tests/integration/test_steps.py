"""Crash before and after every step, lose, delay and repeat every message: the books balance.

The steps are found by taking them once without trouble, so a new one is covered by itself.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator

import gevent
import pytest
import redis

from gateway.answers import Answer, Cancelled, Changed, Paid, Refused
from gateway.orders.records import Decision, Order, Proposal
from proto import ledger_pb2 as pb
from recoup.errors import Unanswered
from recoup.settings import PARTIES, Settings
from tests.integration.conftest import Server
from tests.integration.world import CRASHES, Broker, Crash, Event, Mode, Orders, Steps, Trouble
from tests.integration.world import World as TheWorld

THREE = (*PARTIES, "shipping")
"""The engine serves any party, and the protocol any number of them; so does all that is here."""

REFUSED_BY = {
    "short of stock": "stock",
    "short of credit": "payment",
    "unknown user": "payment",
    "short of parcels": "shipping",
}


def cases(parties: tuple[str, ...], *also: str, **mark: object) -> list[object]:
    """Each refusal that these parties know, and what is not refused."""
    scenarios = [*also, *(why for why, party in REFUSED_BY.items() if party in parties)]
    return [pytest.param(parties, why, id=f"{len(parties)}-{why}", **mark) for why in scenarios]


SCENARIOS = [*cases(PARTIES, "enough"), *cases(THREE, "enough")]
REFUSALS = [*cases(PARTIES), *cases(THREE)]


class World(TheWorld):
    """An order of two items, and all that it takes, or almost."""

    def __init__(self, client: redis.Redis, settings: Settings, scenario: str) -> None:
        super().__init__(client, settings)
        self.stock.open("a", 5)
        self.stock.open("b", 0 if scenario == "short of stock" else 3)
        if scenario != "unknown user":
            self.payment.open("u", 15 if scenario == "short of credit" else 100)
        if "shipping" in self.parties:
            self.books["shipping"].open("shipping", 0 if scenario == "short of parcels" else 4)
        self.order("o", "u", ("a", 2, 5), ("b", 3, 2))


Begin = Callable[[str], World]


@pytest.fixture(autouse=True)
def _no_alarm(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever goes wrong here heals by itself, so nobody is alarmed, and nothing is parked."""
    caplog.set_level(logging.ERROR)
    yield
    assert caplog.get_records("call") == []


@pytest.fixture
def server(server_in_memory: Server) -> Server:
    return server_in_memory


@pytest.fixture
def parties() -> tuple[str, ...]:
    return PARTIES


@pytest.fixture
def settings(parties: tuple[str, ...]) -> Settings:
    # Nothing comes too late because the machine is slow: time passes when a test says so.
    return Settings(
        parties=parties,
        deadline_ms=60_000,
        lease_ms=60_000,
        retry_tries=3,
        retry_budget_ms=60_000,
    )


@pytest.fixture
def begin(
    client: redis.Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], World]:
    """Begins the world anew. Nobody in it waits."""
    monkeypatch.setattr("gateway.checkout.BACKOFF_MOST_S", 0)
    return lambda scenario: World(client, settings, scenario)


def troubles(steps: Steps, modes: tuple[Mode, ...] = tuple(Mode)) -> Iterator[Trouble]:
    """Everything that can go wrong where these steps were taken."""
    return (Trouble(step, mode) for step in range(len(steps.names)) for mode in modes)


def check_out(
    world: World, trouble: Trouble | None, parties: tuple[str, ...] = ()
) -> tuple[Answer | None, Steps]:
    """A checkout that may die, or not learn the outcome; then it has no answer."""
    steps = Steps(trouble)
    answer = None
    try:
        answer = world.check_out("o", steps, parties)
    except (Crash, Unanswered):
        assert trouble is not None
    world.check()
    steps.arrive()
    world.check()
    return answer, steps


def check_answer(world: World, answer: Answer | None) -> None:
    """I5: what was answered is true, whatever happens afterwards."""
    order = world.read("o")
    if isinstance(answer, Paid):
        assert order.paid_at is not None
        assert answer.tid == order.tid
    if isinstance(answer, Refused | Changed | Cancelled):
        assert order.paid_at is None


def check_repeated(world: World, scenario: str, trouble: object) -> None:
    """The customer asks again: the order is paid once, or refused for its reason."""
    for already in (world.read("o").paid_at is not None, True):
        answer, _ = check_out(world, None)
        if scenario == "enough":
            assert isinstance(answer, Paid), trouble
            assert answer.already == already
        else:
            assert isinstance(answer, Refused), trouble
            assert answer.party == REFUSED_BY[scenario]
            assert world.held() == set()
        world.recover()
        world.check_settled()


# --- without trouble ---


@pytest.mark.parametrize("parties", [PARTIES, THREE], ids="-".join)
def test_enough_of_all_is_paid(begin: Begin, parties: tuple[str, ...]) -> None:
    # Given an order, and enough of all that it takes
    world = begin("enough")
    # When it is checked out
    answer, steps = check_out(world, None)
    # Then these were the steps, and it is paid
    deductions = [f"deduct {name}" for name in parties]
    assert steps.names == ["read", *deductions, "propose", "hand over"]
    assert answer == Paid("o", "o.3", 16, already=False)
    # And when the workers have settled what was handed over, the books balance
    for name in parties:
        outcomes = world.reconciler(name, Steps()).settle(["o.3"])
        assert [outcome.verdict for outcome in outcomes.values()] == ["commit"]  # type: ignore[union-attr]
    world.check_settled()


@pytest.mark.parametrize(("parties", "scenario"), REFUSALS)
def test_what_is_refused_is_back_before_the_answer(begin: Begin, scenario: str) -> None:
    world = begin(scenario)
    answer, _ = check_out(world, None)
    assert isinstance(answer, Refused)
    assert answer.party == REFUSED_BY[scenario]
    assert world.held() == set()
    world.check_settled()


def test_what_is_handed_over_is_what_there_is_to_settle(begin: Begin) -> None:
    world = begin("enough")
    broker = Broker(Steps())
    world.check_out("o", Steps(), broker=broker)
    assert broker.tids == {name: ["o.3"] for name in PARTIES}


# --- with trouble ---


@pytest.mark.parametrize("turn", [1, -1], ids=["", "turned"])
@pytest.mark.parametrize(("parties", "scenario"), SCENARIOS)
def test_a_checkout_may_meet_any_trouble_at_any_step(
    begin: Begin, scenario: str, parties: tuple[str, ...], turn: int
) -> None:
    # Given the steps of a checkout, which calls all parties at once: anyone may be the first
    parties = parties[::turn]
    _, clean = check_out(begin(scenario), None, parties)
    assert len(clean.names) >= 5
    for trouble in troubles(clean):
        world = begin(scenario)
        # When something goes wrong with one of them
        answer, _ = check_out(world, trouble, parties)
        check_answer(world, answer)
        # And the parties sweep once the deadline has passed
        world.recover()
        # Then everything is settled, the answer is still true, and asking again is safe
        world.check_settled()
        check_answer(world, answer)
        check_repeated(world, scenario, trouble)


@pytest.mark.parametrize(
    ("parties", "scenario"),
    [*cases(PARTIES, "enough"), *cases(THREE, "enough", marks=pytest.mark.slow)],
)
def test_reconciliation_may_meet_any_trouble_at_any_step_too(
    begin: Begin, scenario: str, parties: tuple[str, ...]
) -> None:
    # Given a checkout that dies before or after each of its steps, or doesn't
    _, clean = check_out(begin(scenario), None)
    seen = set()
    for death in (None, *troubles(clean, CRASHES)):
        world = begin(scenario)
        check_out(world, death)
        recovery = world.recover()
        seen.update(recovery.names)
        for trouble in troubles(recovery):
            world = begin(scenario)
            answer, _ = check_out(world, death)
            # When something goes wrong with a step of the sweeps
            world.recover(trouble)
            world.check()
            # Then the next ones settle everything
            world.recover()
            world.check_settled()
            check_answer(world, answer)
            check_repeated(world, scenario, (death, trouble))
    # And every step of reconciliation that there is for this was among them
    holders = [name for name in parties if name != REFUSED_BY.get(scenario)]
    asked = {f"status {name}" for name in parties}
    assert seen == {"verdicts", "propose"} | asked | {f"settle {name}" for name in holders}


def test_two_checkouts_may_die_one_after_the_other(begin: Begin) -> None:
    _, clean = check_out(begin("enough"), None)
    for first in troubles(clean, CRASHES):
        for second in troubles(clean, CRASHES):
            world = begin("enough")
            check_out(world, first)
            check_out(world, second)
            world.recover()
            world.check_settled()
            check_repeated(world, "enough", (first, second))


@pytest.mark.parametrize("parties", [THREE])
def test_gateways_that_do_not_agree_on_the_parties_decide_nothing_together(
    begin: Begin, parties: tuple[str, ...]
) -> None:
    _, clean = check_out(begin("enough"), None)
    for death in troubles(clean, CRASHES):
        for first, second in ((PARTIES, THREE), (THREE, PARTIES)):
            # Given a gateway that dies, of a time when there was one party less, or more
            world = begin("enough")
            check_out(world, death, first)
            # When another one checks the same order out
            answer, _ = check_out(world, None, second)
            # Then it is paid, and whoever was to take part has done so
            assert isinstance(answer, Paid)
            world.recover()
            legs = {name: books.leg(answer.tid) for name, books in world.books.items()}
            holders = {name for name, leg in legs.items() if leg.state == pb.Leg.COMMITTED}
            for name in holders:
                assert holders == set(legs[name].parties), (death, first)


# --- the customer changes it meanwhile ---


def meanwhile(
    world: World, change: Callable[[], Order | str], before: int, trouble: Trouble | None
) -> tuple[Answer | None, Order | str]:
    """A checkout before whose step, counted from 0, the customer does something: the answer, and
    what came of that."""
    outcomes: list[Order | str] = []

    def pause() -> None:
        if len(steps.names) == before and not outcomes:
            outcomes.append(change())

    steps = Steps(trouble, pause=pause)
    answer = None
    try:
        answer = world.check_out("o", steps)
    except (Crash, Unanswered):
        assert trouble is not None
    world.check()
    return answer, outcomes[0]


def interruptions(begin: Begin, scenario: str) -> Iterator[tuple[int, Trouble | None]]:
    """Each step of a checkout, and that it goes well, or that the gateway dies there."""
    _, clean = check_out(begin(scenario), None)
    for step in range(len(clean.names)):
        yield step, None
        for mode in CRASHES:
            yield step, Trouble(step, mode)


@pytest.mark.parametrize("scenario", ["enough", "short of credit"])
def test_an_order_may_be_cancelled_before_any_step(begin: Begin, scenario: str) -> None:
    seen = set()
    for step, trouble in interruptions(begin, scenario):
        world = begin(scenario)
        # When the customer cancels before a step of a checkout, which may be its last
        answer, outcome = meanwhile(
            world, lambda world=world: world.orders.cancel("o", "gateway", None), step, trouble
        )
        # Then one of them has won, and the answers say who
        seen.add((type(outcome), type(answer)))
        if outcome == "paid":
            assert isinstance(answer, Paid | None), (step, trouble)
        else:
            assert isinstance(outcome, Order)
            assert isinstance(answer, Cancelled | Refused | None), (step, trouble)
        # And when all is settled, it stays so, whoever asks again
        world.recover()
        world.check_settled()
        order, again = world.read("o"), world.check_out("o", Steps())
        assert order.state == ("paid" if outcome == "paid" else "cancelled"), (step, trouble)
        assert isinstance(again, Paid if outcome == "paid" else Cancelled)
        world.check_settled()
    # And each has won at times
    assert {(Order, Cancelled), (Order, type(None))} < seen
    assert ((str, Paid) in seen) == (scenario == "enough")


def test_an_item_may_be_removed_before_any_step(begin: Begin) -> None:
    seen = set()
    for step, trouble in interruptions(begin, "enough"):
        world = begin("enough")
        # When the customer removes an item before a step of a checkout
        answer, outcome = meanwhile(
            world, lambda world=world: world.orders.remove_item("o", "a"), step, trouble
        )
        # Then what was paid is what was in the cart, and the books balance
        seen.add((type(outcome), type(answer)))
        world.recover()
        world.check_settled()
        check_answer(world, answer)
        if isinstance(answer, Paid):
            assert answer.total_cost == (16 if outcome == "paid" else 6), (step, trouble)
    assert {(Order, Changed), (Order, Paid), (str, Paid)} < seen


# --- at the same time ---


class Crowd:
    """Checkouts of one order, at the same time. They take turns at every step, by chance."""

    def __init__(self, world: TheWorld, seed: int) -> None:
        self.world = world
        self.log: list[Event] = []
        self.answers: dict[str, Answer] = {}
        self._chance = random.Random(seed)
        self._greenlets: list[gevent.Greenlet] = []

    def pause(self) -> None:
        """Lets others take some steps first: none, a few, or as many as a checkout has."""
        for _ in range(self._chance.choice((0, 0, 1, 3, 12))):
            gevent.sleep(0)

    def join(self, *works: Callable[[], object]) -> None:
        """Another process begins, and does one thing after the other."""

        def run() -> None:
            for work in works:
                self.pause()
                work()

        self._greenlets.append(gevent.spawn(run))

    def check_out(self, store: type[Orders] = Orders) -> None:
        """Another checkout begins."""
        who = f"checkout {len(self._greenlets)}"
        steps = Steps(None, who, self.log, self.pause)

        def work() -> None:
            orders = store(self.world.scripts, self.world.settings, steps)
            self.answers[who] = self.world.check_out("o", steps, orders=orders)

        self.join(work)

    def disperse(self) -> None:
        gevent.joinall(self._greenlets, timeout=60, raise_error=True)
        assert all(greenlet.dead for greenlet in self._greenlets)

    def payers(self) -> dict[str, int]:
        """Who has paid the order, and when, as a place in the log."""
        return {
            event.who: place
            for place, event in enumerate(self.log)
            if isinstance(event.result, Decision) and event.result.verdict == "commit"
        }

    def liars(self) -> list[str]:
        """Who said "not paid", though someone who had begun before has paid afterwards.

        A refusal counts from the order store's last word on it: whoever reads the order behind
        that, even while the answer is on its way, begins anew.
        """
        began: dict[str, int] = {}
        last_word: dict[str, int] = {}
        for place, event in enumerate(self.log):
            if isinstance(event.result, Order):
                began.setdefault(event.who, place)
            if isinstance(event.result, Decision):
                last_word[event.who] = place
        return [
            who
            for who, answer in self.answers.items()
            if isinstance(answer, Refused | Changed | Cancelled)
            and any(began[payer] < last_word[who] < place for payer, place in self.payers().items())
        ]


@pytest.mark.parametrize(("checkouts", "seeds"), [(2, 60), (20, 8)])
def test_at_the_same_time_an_order_is_charged_once(
    begin: Begin, checkouts: int, seeds: int
) -> None:
    for seed in range(seeds):
        # Given an order, and enough of all for more than one
        world = begin("enough")
        crowd = Crowd(world, seed)
        # When it is checked out many times at once
        for _ in range(checkouts):
            crowd.check_out()
        crowd.disperse()
        # Then all of them answer that it is paid, and it is charged once
        assert all(isinstance(answer, Paid) for answer in crowd.answers.values()), seed
        assert len(crowd.answers) == checkouts
        world.check()
        world.recover()
        world.check_settled()
        assert world.payment.balance("u") == (84, 0, 16)
        assert world.stock.balance("a") == (3, 0, 2)


class Forgetful(Orders):
    """An order store whose refused checkouts don't end the others that have begun."""

    def propose(self, tid: str, proposal: Proposal, by: str = "", why: str = "") -> Decision:
        return super().propose(tid, "abort" if proposal == "close" else proposal, by, why)


def crowd_before_a_sale(
    begin: Begin, seed: int, checkouts: int, store: type[Orders] = Orders
) -> Crowd:
    """Checkouts of the last piece of an item, which a rival holds, and then buys; and then there
    is one more: what is short for now becomes short, and then is there again."""
    world = begin("enough")
    world.stock.adjust("b", 1)
    world.payment.open("v", 100)
    rival = world.read(world.order("rival", "v", ("b", 4, 2)))
    world.stock.hold(rival.tid, ("b", 4))
    world.payment.hold(rival.tid, ("v", 8))
    crowd = Crowd(world, seed)
    crowd.join(
        lambda: world.orders.propose(rival.tid, "commit"),
        lambda: world.reconciler("stock", Steps()).settle([rival.tid]),
        lambda: world.stock.adjust("b", 3),
    )
    for _ in range(checkouts):
        crowd.check_out(store)
    crowd.disperse()
    return crowd


@pytest.mark.parametrize(("checkouts", "seeds"), [(2, 150), (20, 8)])
def test_nothing_that_had_begun_before_a_refusal_pays_the_order(
    begin: Begin, checkouts: int, seeds: int
) -> None:
    refused = paid = 0
    for seed in range(seeds):
        # Given checkouts of one order, while what they lack comes and goes
        crowd = crowd_before_a_sale(begin, seed, checkouts)
        # Then whoever answers that it isn't paid ends all that had begun
        assert crowd.liars() == [], seed
        assert len(crowd.payers()) <= checkouts
        refused += any(isinstance(answer, Refused) for answer in crowd.answers.values())
        paid += crowd.world.read("o").paid_at is not None
        # And the books balance
        crowd.world.check()
        crowd.world.recover()
        crowd.world.check_settled()
    # And that was about something: there were both
    assert refused
    assert paid


def test_without_close_something_would(begin: Begin) -> None:
    # The same crowds, and refusals that only abort: the test above has to find it.
    liars = [crowd_before_a_sale(begin, seed, 2, Forgetful).liars() for seed in range(150)]
    assert any(liars)
