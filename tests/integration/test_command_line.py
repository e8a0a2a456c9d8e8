"""The command line: what each command prints, for people and for programs, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner, Result

from recoup import cli
from recoup.operate import actions
from recoup.operate.overview import BrokerView, GatewayView, Observer
from recoup.settings import Settings
from tests.integration.books import COMMIT
from tests.integration.operators import Shop
from tests.integration.world import Steps

Recoup = Callable[..., Result]

COMMANDS = list(cli.main.commands)


@pytest.fixture
def shop(client: redis.Redis, settings: Settings) -> Shop:
    return Shop(client, settings)


@pytest.fixture
def recoup(
    shop: Shop, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Recoup:
    """Runs the command line on a shop. Whoever waits lets the sweeps run meanwhile."""

    def sweep(_: float) -> None:
        for name in shop.world.parties:
            if not shop.clients.away:
                shop.world.sweep(name, Steps())

    own = settings.model_copy(update={"data_dir": tmp_path})
    (tmp_path / "run").mkdir()
    shop.clients.settings = own
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("recoup.settings.settings", lambda: own)
    monkeypatch.setattr("recoup.operate.clients.Clients", lambda _: shop.clients)
    monkeypatch.setattr(actions, "WATCH_S", 0.05)
    monkeypatch.setattr(actions.time, "sleep", sweep)
    at_work = BrokerView({"stock": 0, "payment": 0}, ("stock-worker", "payment-worker"))
    monkeypatch.setattr(Observer, "_gateway", lambda _: GatewayView(True, {}, ()))
    monkeypatch.setattr(Observer, "_broker", lambda _: at_work)
    cli.command.out.cache_clear()
    cli.command.say.cache_clear()

    def run(*words: str) -> Result:
        cli.command.out.cache_clear()  # it keeps the file that was standard output when it began
        cli.command.say.cache_clear()
        return CliRunner().invoke(cli.main, words)

    return run


# --- every command -----------------------------------------------------------------------------


def test_help_lists_every_command() -> None:
    lines = CliRunner().invoke(cli.main, ["--help"]).stdout.splitlines()
    words = [line.split() for line in lines if line.startswith("  recoup ")]
    assert {each[1] for each in words} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches_by_example(name: str) -> None:
    done = CliRunner().invoke(cli.main, [name, "--help"])
    assert done.exit_code == 0
    assert f"  recoup {name}" in done.stdout or f"(recoup {name}" in done.stdout
    assert "Exit status: 0" in done.stdout or name == "completion"


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "completion"])
def test_every_command_has_json(name: str) -> None:
    assert "--json" in CliRunner().invoke(cli.main, [name, "--help"]).stdout


WRONG = [
    ("nonsense",),
    ("status", "--limit", "soon"),
    ("pending", "--party", "nobody"),
    ("pending", "--limit", "0"),
    ("show",),
    ("show", "no id!"),
    ("retry",),
    ("retry", "no tid", "--yes"),
    ("retry", "o.1", "--all"),
    ("retry", "--all", "--rate", "0"),
    ("retry", "--all"),  # nobody can be asked whether to go on
    ("abort", "o.2"),  # without a reason
    ("abort", "o.2", "--reason", "x"),  # nobody can be asked
    ("abort", "no tid", "--reason", "x"),
    ("tail", "o.2"),  # a word goes with --logs
    ("completion", "csh"),
]


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_wrong_usage_says_what_to_try_and_does_nothing(
    shop: Shop, recoup: Recoup, words: tuple[str, ...]
) -> None:
    shop.hold("o")
    done = recoup(*words)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert "--help" in done.stderr or "Next: recoup" in done.stderr or "--yes" in done.stderr
    assert shop.world.held() == {"o.2"}
    assert actions.log(shop.clients, 10) == []


READING = [
    ("status",),
    ("status", "--wait", "--limit", "1s"),
    ("pending",),
    ("pending", "--by", "cause"),
    ("show", "o"),
    ("show", "u1"),
    ("log",),
    ("tail", "--for", "0s"),
]


@pytest.mark.parametrize("words", READING, ids=" ".join)
@pytest.mark.parametrize("as_json", [False, True])
def test_stdout_is_data(shop: Shop, recoup: Recoup, words: tuple[str, ...], as_json: bool) -> None:
    # given an order that is paid and settled, and a noted action
    tid = shop.hold("o")
    actions.retry(shop.clients, actions.Operator("eve"), tid)
    shop.world.sweep("stock", Steps()), shop.world.sweep("payment", Steps())
    # when someone looks, then all is fine; and JSON is one object, or one a line
    done = recoup(*words, *(["--json"] if as_json else []))
    assert done.exit_code == 0, done.output
    if as_json:
        documents = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(documents) == {"log": 2, "tail": 0}.get(words[0], 1)
    else:
        assert "\x1b" not in done.output


# --- how they end ------------------------------------------------------------------------------

AWAY = [("status",), ("pending",), ("show", "o"), ("retry", "o.2"), ("retry", "--all", "--yes")]


@pytest.mark.parametrize("words", AWAY, ids=" ".join)
def test_it_can_not_tell_while_a_party_is_away(
    shop: Shop, recoup: Recoup, words: tuple[str, ...]
) -> None:
    shop.hold("o")
    shop.clients.away = {"payment"}
    for options in ([], ["--json"]):
        done = recoup(*words, *options)
        assert done.exit_code == 3, done.output
        assert "payment" in done.stderr or (not options and "payment" in done.stdout)
        if options:
            assert "payment" in done.stdout


@pytest.mark.parametrize(
    "words", [("log",), ("abort", "o.2", "--reason", "x", "--yes"), ("retry", "o.2")]
)
def test_the_order_store_is_away(shop: Shop, recoup: Recoup, words: tuple[str, ...]) -> None:
    shop.hold("o")
    shop.clients.away = {"orders"}
    done = recoup(*words)
    assert (done.exit_code, done.stdout) == (3, "")
    assert "recoup: orders can't be reached (no answer in time)" in done.stderr
    assert done.stderr.endswith("\nNext: recoup status\n")
    assert shop.world.held() == {"o.2"}


def test_status_tells_what_a_store_said_before_it_went(shop: Shop, recoup: Recoup) -> None:
    # given a shop that someone has looked at
    shop.hold("o")
    assert recoup("status").exit_code == 0
    # when payment is gone, and someone looks again
    shop.clients.away = {"payment"}
    done = recoup("status")
    # then its last figures are told, with their time
    assert done.exit_code == 3
    assert "it was last seen at" in done.stdout
    assert "when it held 1 leg)" in done.stdout


def test_parked_legs_are_something_found(shop: Shop, recoup: Recoup) -> None:
    tid = shop.hold("o")
    shop.world.payment.ledger.park(tid, "missing account")
    for words in (("status",), ("pending",), ("pending", "--by", "cause"), ("show", "o")):
        done = recoup(*words)
        assert done.exit_code == 1, done.output
        assert "missing account" in done.stdout
    found = json.loads(recoup("pending", "--parked", "--json").stdout)
    assert [(leg["tid"], leg["party"], leg["why"]) for leg in found["legs"]] == [
        (tid, "payment", "missing account")
    ]


def test_what_nobody_knows_is_something_found(recoup: Recoup) -> None:
    done = recoup("show", "nobody")
    assert (done.exit_code, done.stderr) == (1, "Nobody knows nobody.\nNext: recoup pending\n")


def test_a_retry_of_one_and_of_many(shop: Shop, recoup: Recoup) -> None:
    for i in range(3):
        shop.hold(f"o{i}")
    one = recoup("retry", "o0.2")
    assert (one.exit_code, one.stdout) == (0, "stock: committed\npayment: committed\n")
    many = recoup("retry", "--party", "stock", "--yes", "--reason", "now", "--as", "eve", "--json")
    told = json.loads(many.stdout)
    assert (many.exit_code, told["chosen"], told["settled"], told["failed"]) == (0, 2, 2, 0)
    (_, last) = recoup("log", "-n", "2", "--json").stdout.splitlines()
    noted = json.loads(last)
    assert (noted["who"], noted["verb"], noted["reason"]) == ("eve", "retry", "now")
    assert noted["result"] == "2 settled"
    assert noted["target"] == "--party stock (2 legs)"
    none = recoup("retry", "--party", "stock", "--yes")
    assert (none.exit_code, none.stdout) == (0, "nothing that fits waits\n")


def test_an_abort_and_its_refusal(shop: Shop, recoup: Recoup) -> None:
    shop.hold("o1"), shop.hold("o2")
    done = recoup("abort", "o1.2", "--reason", "customer asked", "--yes")
    assert done.exit_code == 0
    assert done.stdout == "aborted o1.2: stock: returned, payment: returned\n"
    assert "gives back by payment: 10 credits to user u1" in done.stderr
    shop.world.orders.propose("o2.2", "commit")
    refused = recoup("abort", "o2.2", "--reason", "x", "--yes", "--json")
    told = json.loads(refused.stdout)
    assert (refused.exit_code, told["aborted"]) == (1, False)
    assert "its verdict is commit since" in told["refusal"]


def test_a_leg_that_can_not_be_settled_is_told_after_a_retry(shop: Shop, recoup: Recoup) -> None:
    tid = shop.hold("o")
    shop.world.orders.propose(tid, "commit")
    shop.world.stock.settle(tid, COMMIT)
    shop.world.client.delete(shop.world.payment.key("account:u1"))
    done = recoup("retry", tid)
    assert (done.exit_code, done.stdout) == (1, "payment: parked again: missing account\n")
    assert f"Next: recoup show {tid}" in done.stderr


# --- following and completing ------------------------------------------------------------------


def test_tail_follows_the_logs_of_all_processes(recoup: Recoup, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "stock.log").write_text("2026-01-01T00:00:02Z INFO stock o.2 later\n")
    (tmp_path / "logs" / "gateway.log").write_text(
        "2026-01-01T00:00:01Z INFO gateway o.2 first\n2026-01-01T00:00:01Z INFO gateway other\n"
    )
    done = recoup("tail", "--logs", "o.2", "--for", "0s")
    assert [line.split()[-1] for line in done.stdout.splitlines()] == ["first", "later"]
    done = recoup("tail", "--logs", "o.2", "--process", "stock", "--for", "0s", "--json")
    assert json.loads(done.stdout)["process"] == "stock"
    # and without a word, only what is new
    assert recoup("tail", "--logs", "--for", "0s").stdout == ""


def test_tail_without_logs_says_so(recoup: Recoup) -> None:
    done = recoup("tail", "--logs", "--for", "0s")
    assert done.exit_code == 3
    assert "there are no logs in" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_each_shell(shell: str) -> None:
    done = CliRunner().invoke(cli.main, ["completion", shell])
    assert done.exit_code == 0
    assert "_RECOUP_COMPLETE" in done.stdout


def test_tries_that_failed_for_one_reason_are_one_line(shop: Shop, recoup: Recoup) -> None:
    tid = shop.hold("o")
    for cause in ("first", "then", "then"):
        shop.world.payment.ledger.note(tid, cause, orders_unreachable=False)
    lines = recoup("show", tid).stdout.splitlines()
    tried = [line.split(":")[-1] for line in lines if line.startswith("    tried")]
    assert tried == [" first", " then"]
    assert any(line.startswith("    tried 2 times, ") for line in lines)
