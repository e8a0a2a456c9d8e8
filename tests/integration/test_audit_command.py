"""`recoup audit`: what it prints, and how it ends."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from recoup import cli
from recoup.audit import findings, run
from recoup.settings import Settings
from tests.integration.books import COMMIT, Books
from tests.integration.test_audit import Shop, settings, shop

__all__ = ["settings", "shop"]

Recoup = Callable[..., Result]


@pytest.fixture
def recoup(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Recoup:
    """Runs the command line against the tests' database."""
    monkeypatch.setattr(run, "LOOK_PAUSE_S", 0)
    monkeypatch.setattr("recoup.settings.settings", lambda: settings)
    return lambda *words: CliRunner().invoke(cli.main, words)


def test_books_that_agree_are_shown_and_end_well(shop: Shop, recoup: Recoup) -> None:
    done = recoup("audit")
    assert done.exit_code == 0
    assert "The books agree." in done.stdout
    assert "3 orders, 6 legs read; 2 legs held, 0 parked." in done.stdout
    assert done.stderr == ""


def test_one_json_object_tells_all(shop: Shop, recoup: Recoup) -> None:
    done = recoup("audit", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "balanced": True,
        "unaccounted": {"items": 0, "credits": 0, "orders": 0},
        "held_legs": 2,
        "parked_legs": 0,
        "checked": {
            "accounts_payment": 1,
            "accounts_stock": 1,
            "legs": 6,
            "legs_held": 2,
            "legs_parked": 0,
            "orders": 3,
            "orders_forgotten": 0,
            "orders_paid": 1,
        },
        "bracketed": [],
        "counts": {},
        "differences": [],
    }


def test_what_differs_is_told_with_what_it_means_and_what_to_do(shop: Shop, recoup: Recoup) -> None:
    # Given a leg that was kept, of an order that is not paid
    shop.stock.settle(shop.held, COMMIT)
    # When it is audited
    done = recoup("audit", "--json")
    found = json.loads(done.stdout)
    # Then the order is wrong, and the pieces that it took are unaccounted for
    assert done.exit_code == 1
    assert not found["balanced"]
    assert found["unaccounted"] == {"items": 2, "credits": 0, "orders": 1}
    (difference,) = found["differences"]
    assert difference["kind"] == "committed-without-commit"
    assert (difference["subject"], difference["tid"]) == ("stock's leg", shop.held)
    assert difference["detail"] == "committed, and its order says nothing yet"
    assert difference["means"]
    assert difference["do"]
    # And people are told the same
    shown = recoup("audit")
    assert shown.exit_code == 1
    assert f"stock's leg of {shop.held}: committed, and its order says nothing yet" in shown.stdout
    assert "docs/audit.md" in shown.stdout


def test_an_order_that_contradicts_two_legs_is_one(shop: Shop, recoup: Recoup) -> None:
    shop.client.hdel("{orders}:order:settled", "paid_at")
    found = json.loads(recoup("audit", "--json").stdout)
    assert found["counts"] == {"committed-without-commit": 2}
    assert found["unaccounted"] == {"items": 2, "credits": 10, "orders": 1}


def test_many_of_a_kind_are_counted_and_some_are_kept(
    shop: Shop, recoup: Recoup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "KEPT", 2)
    for number in range(5):
        shop.client.set(shop.stock.key(f"account:bad{number}"), "what is this?")
    found = json.loads(recoup("audit", "--json").stdout)
    assert found["counts"] == {"unreadable": 5}
    assert len(found["differences"]) == 2
    assert "… and 3 more." in recoup("audit").stdout


def test_a_database_that_is_away_is_no_verdict(
    shop: Shop, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        url = f"redis://user:secret@127.0.0.1:{port}/0"
        away = settings.model_copy(update={"payment_db_url": url})
        monkeypatch.setattr("recoup.settings.settings", lambda: away)
        for options in ([], ["--json"], ["--wait"]):
            done = CliRunner().invoke(cli.main, ["audit", *options])
            assert done.exit_code == 3
            assert done.stdout == ""
            assert f"payment-db at 127.0.0.1:{port} is away" in done.stderr
            assert "RECOUP_PAYMENT_DB_URL" in done.stderr
            assert "secret" not in done.stderr


def test_a_database_that_refuses_is_no_verdict(
    shop: Shop, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a database whose user may look at keys, and at no record
    rules = ("on", ">secret", "~*", "+@connection", "+dbsize", "+time", "+scan", "+type")
    shop.client.execute_command("ACL", "SETUSER", "auditor", *rules)
    url = settings.stock_db_url.replace("redis://", "redis://auditor:secret@")
    refused = settings.model_copy(update={"stock_db_url": url})
    monkeypatch.setattr("recoup.settings.settings", lambda: refused)
    # When it is audited, then nothing is said of its records
    done = CliRunner().invoke(cli.main, ["audit", "--json"])
    assert done.exit_code == 3
    assert done.stdout == ""
    assert "stock-db refuses to be read" in done.stderr


def test_a_fault_of_the_audit_is_no_verdict(
    shop: Shop, recoup: Recoup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recoup.audit.command.run", lambda *_: 1 / 0)
    done = recoup("audit")
    assert done.exit_code == 3
    assert "ZeroDivisionError" in done.stderr


def test_it_waits_until_nothing_is_held(
    shop: Shop, recoup: Recoup, monkeypatch: pytest.MonkeyPatch, payment: Books
) -> None:
    # Given something that is settled while somebody waits
    shop.orders.propose(shop.held, "commit")

    def settle(_: float) -> None:
        for books in (shop.stock, shop.payment):
            books.settle(shop.held, COMMIT)

    monkeypatch.setattr(run.time, "sleep", settle)
    assert json.loads(recoup("audit", "--json", "--wait").stdout)["held_legs"] == 0


def test_it_does_not_wait_for_ever(
    shop: Shop, recoup: Recoup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "WAIT_LIMIT_S", 0)
    done = recoup("audit", "--json", "--wait")
    assert done.exit_code == 0
    assert "still held" in done.stderr
    assert json.loads(done.stdout)["held_legs"] == 2


def test_wrong_usage_ends_with_2(recoup: Recoup) -> None:
    assert recoup("audit", "--colour").exit_code == 2
