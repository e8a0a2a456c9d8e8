"""The scripts of accounts: create, find, adjust, init; their bounds and idempotency keys."""

from __future__ import annotations

import pytest

from proto import ledger_pb2 as pb
from recoup.settings import AMOUNT_MAX
from tests.integration.books import COMMIT, Books, Photographer
from workers.ledger.accounts import INIT_STEP

Result = pb.AccountResult


def create(stock: Books, account_id: str, price: int = 0, **idempotency: str) -> pb.AccountResult:
    new = pb.NewAccount(
        account_id=account_id, price=price, idempotency=pb.Idempotency(**idempotency)
    )
    (result,) = stock.accounts.create([new]).results
    return result


# --- create, find ---


def test_an_account_begins_empty(stock: Books) -> None:
    result = create(stock, "a", price=7)
    assert result.outcome == Result.OK
    assert result.account == pb.Account(account_id="a", price=7, generation=1)
    assert stock.account("a") == result.account


def test_an_account_is_not_created_twice(stock: Books, photograph: Photographer) -> None:
    stock.open("a", 5)
    before = photograph()
    assert create(stock, "a", price=9).outcome == Result.ERROR
    assert photograph() == before


def test_what_is_not_known_is_not_found(stock: Books, photograph: Photographer) -> None:
    before = photograph()
    (result,) = stock.accounts.find(["nobody"]).results
    assert result == Result(outcome=Result.NOT_FOUND)
    assert photograph() == before


def test_accounts_are_found_in_order_and_one_that_cannot_be_read_disturbs_no_other(
    stock: Books,
) -> None:
    stock.open("a", 1)
    stock.open("b", 2)
    stock.client.set(stock.key("account:bad"), "what is this?")
    results = stock.accounts.find(["b", "bad", "nobody", "a"]).results
    outcomes = [Result.OK, Result.ERROR, Result.NOT_FOUND, Result.OK]
    assert [result.outcome for result in results] == outcomes
    assert [result.account.available for result in results] == [2, 0, 0, 1]


# --- adjust ---


def test_adding_and_subtracting_moves_what_is_put_in(stock: Books) -> None:
    stock.open("a", 0)
    assert stock.adjust("a", 7).account.available == 7
    result = stock.adjust("a", -3)
    assert (result.account.available, result.account.put_in) == (4, 4)
    assert stock.balance("a") == (4, 0, 0)


def test_held_and_sold_cannot_be_subtracted(stock: Books, photograph: Photographer) -> None:
    # Given 10 pieces, of which 3 are held and 4 sold
    stock.open("a", 10)
    stock.hold("o.1", ("a", 3))
    stock.hold("o.2", ("a", 4))
    stock.settle("o.2", COMMIT)
    before = photograph()
    # When more than the rest is subtracted, nothing is
    assert stock.adjust("a", -4) == Result(outcome=Result.NOT_ENOUGH)
    assert photograph() == before
    # And when all the rest is, it is
    assert stock.adjust("a", -3).account.available == 0
    assert stock.balance("a") == (0, 3, 4)


def test_the_bound_holds_for_all_that_an_account_has(
    stock: Books, photograph: Photographer
) -> None:
    # Given an account that has the most there can be, held, sold and available
    stock.open("a", AMOUNT_MAX)
    stock.hold("o.1", ("a", 1))
    stock.hold("o.2", ("a", 1))
    stock.settle("o.2", COMMIT)
    before = photograph()
    # When one more is added, then it is too much
    assert stock.adjust("a", 1) == Result(outcome=Result.TOO_MUCH)
    assert stock.adjust("a", AMOUNT_MAX) == Result(outcome=Result.TOO_MUCH)
    assert photograph() == before
    # And there is room for what is taken out
    stock.adjust("a", -1)
    assert stock.adjust("a", 1).account.available == AMOUNT_MAX - 2


def test_the_largest_amount_comes_and_goes_exactly(stock: Books) -> None:
    stock.open("a", 0)
    assert stock.adjust("a", AMOUNT_MAX).account.available == AMOUNT_MAX
    assert stock.adjust("a", -AMOUNT_MAX + 1).account.available == 1


def test_nobody_knows_the_account(stock: Books, photograph: Photographer) -> None:
    before = photograph()
    assert stock.adjust("nobody", 1) == Result(outcome=Result.NOT_FOUND)
    assert photograph() == before


def test_one_account_that_cannot_be_read_disturbs_no_other(stock: Books) -> None:
    stock.open("a", 1)
    stock.client.set(stock.key("account:bad"), "what is this?")
    changes = [pb.Adjustment(account_id=account_id, amount=1) for account_id in ("bad", "a")]
    results = stock.accounts.adjust(changes).results
    assert [result.outcome for result in results] == [Result.ERROR, Result.OK]


# --- idempotency ---


def test_the_same_key_gives_the_first_answer_again(stock: Books, photograph: Photographer) -> None:
    # Given an account to which something was added under a key
    stock.open("a", 1)
    first = stock.adjust("a", 5, key="k", fingerprint="add a 5")
    stock.adjust("a", 1)
    before = photograph()
    # When the request is repeated
    again = stock.adjust("a", 5, key="k", fingerprint="add a 5")
    # Then it is answered as it was then, and nothing moves
    assert again == first
    assert again.account.available == 6
    assert photograph() == before


def test_the_same_key_for_another_request_is_refused(
    stock: Books, photograph: Photographer
) -> None:
    stock.open("a", 1)
    stock.adjust("a", 5, key="k", fingerprint="add a 5")
    before = photograph()
    reused = Result(outcome=Result.KEY_REUSED)
    assert stock.adjust("a", 6, key="k", fingerprint="add a 6") == reused
    assert create(stock, "b", key="k", fingerprint="create b") == reused
    assert stock.init(2, 5, key="k", fingerprint="init 2") == Result.KEY_REUSED
    assert photograph() == before


def test_a_refusal_is_remembered_too(stock: Books) -> None:
    stock.open("a", 1)
    assert stock.adjust("a", -5, key="k", fingerprint="f").outcome == Result.NOT_ENOUGH
    stock.adjust("a", 10)
    assert stock.adjust("a", -5, key="k", fingerprint="f").outcome == Result.NOT_ENOUGH
    assert stock.balance("a") == (11, 0, 0)


def test_a_creation_is_remembered(stock: Books) -> None:
    first = create(stock, "a", price=3, key="k", fingerprint="f")
    # Each request makes up an id; a repeat is told the first one.
    assert create(stock, "b", price=3, key="k", fingerprint="f") == first
    assert stock.accounts.find(["b"]).results[0].outcome == Result.NOT_FOUND


def test_a_key_is_kept_for_its_time_and_no_longer(stock: Books) -> None:
    stock.open("a", 1)
    stock.adjust("a", 5, key="k", fingerprint="f")
    kept_s = stock.settings.idempotency_kept_s
    assert kept_s - 10 < stock.client.ttl(stock.key("idem:k")) <= kept_s


def test_without_a_key_nothing_is_remembered(stock: Books) -> None:
    stock.open("a", 1)
    stock.adjust("a", 1)
    assert stock.client.keys("*idem*") == []


# --- init ---


@pytest.mark.parametrize("count", [1, 3, INIT_STEP, INIT_STEP + 1, 2 * INIT_STEP + 7])
def test_init_writes_so_many_accounts(stock: Books, count: int) -> None:
    assert stock.init(count, amount=5, price=2) == Result.OK
    assert len(list(stock.client.scan_iter(stock.key("account:*"), count=1000))) == count
    for account_id in ("0", str(count - 1)):
        assert stock.account(account_id) == pb.Account(
            account_id=account_id, price=2, available=5, put_in=5, generation=1
        )


def test_init_of_the_largest_amount_is_exact(stock: Books) -> None:
    stock.init(1, amount=AMOUNT_MAX, price=AMOUNT_MAX)
    assert stock.account("0").available == stock.account("0").price == AMOUNT_MAX


def test_init_over_existing_accounts_begins_a_new_generation(stock: Books) -> None:
    # Given accounts of which one has sold, and one holds something
    stock.init(2, amount=5)
    stock.hold("o.1", ("0", 2))
    stock.settle("o.1", COMMIT)
    stock.hold("o.2", ("1", 2))
    # When they are written anew
    stock.init(2, amount=9)
    # Then nothing of before is in them, and the held leg is still due
    assert stock.balance("0") == stock.balance("1") == (9, 0, 0)
    assert stock.account("0").generation == stock.account("1").generation == 2
    assert stock.leg("o.2").state == pb.Leg.HELD
    assert set(stock.due()) == {"o.2"}


@pytest.mark.parametrize("spoil", [("hdel", "price"), ("hset", "held", "many")])
def test_a_record_that_lacks_something_is_its_own_trouble(
    stock: Books, spoil: tuple[str, ...]
) -> None:
    # given an account whose record was damaged, beside one that is well
    stock.open("a", 5)
    stock.open("b", 7)
    command, *field = spoil
    getattr(stock.client, command)(stock.key("account:a"), *field)
    # when both are asked for in one call, then only the damaged one can't be told
    results = stock.accounts.find(["a", "b"]).results
    assert [result.outcome for result in results] == [Result.ERROR, Result.OK]
    assert results[1].account.available == 7


def test_init_leaves_other_accounts_alone(stock: Books) -> None:
    stock.open("a", 5)
    stock.init(2, amount=9)
    stock.init(1, amount=1)
    assert stock.balance("a") == (5, 0, 0)
    assert stock.balance("1") == (9, 0, 0)


def test_a_repeated_init_does_nothing(stock: Books) -> None:
    count = INIT_STEP + 1
    assert stock.init(count, amount=9, key="k", fingerprint="f") == Result.OK
    stock.adjust("0", 1)
    assert stock.init(count, amount=9, key="k", fingerprint="f") == Result.OK
    assert stock.balance("0") == (10, 0, 0)


def test_an_init_that_broke_off_begins_again(stock: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an init that dies after its first step
    count = 2 * INIT_STEP
    run_one = stock.accounts._scripts.run_one
    calls = 0

    def die_later(call: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:  # what is remembered, the first step, and then
            raise ConnectionError
        return run_one(call)  # type: ignore[arg-type]

    monkeypatch.setattr(stock.accounts._scripts, "run_one", die_later)
    with pytest.raises(ConnectionError):
        stock.init(count, amount=9, key="k", fingerprint="f")
    monkeypatch.undo()
    assert stock.accounts.find([str(count - 1)]).results[0].outcome == Result.NOT_FOUND
    # When it is repeated under its key, then it is carried out
    assert stock.init(count, amount=9, key="k", fingerprint="f") == Result.OK
    assert stock.balance(str(count - 1)) == (9, 0, 0)


def test_parties_share_a_database_and_no_key(stock: Books, payment: Books) -> None:
    stock.open("a", 5)
    payment.open("a", 7)
    stock.hold("o.1", ("a", 1))
    assert payment.balance("a") == (7, 0, 0)
    assert payment.leg("o.1").state == pb.Leg.NONE
