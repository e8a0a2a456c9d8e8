"""What operators see and do on a running instance, also with a party away."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from subprocess import CompletedProcess

from proto import ledger_pb2 as pb
from recoup.operate.abort import abort, plan_abort
from recoup.operate.actions import Operator
from recoup.operate.clients import Clients
from recoup.operate.overview import Observer
from recoup.operate.story import story
from recoup.rpc import ask
from tests.e2e.client import Shop
from tests.e2e.stack import Stack

LIMIT_S = 10.0


def all_at_once(stack: Stack, *commands: str) -> list[CompletedProcess[str]]:
    """Runs commands of `recoup`. Most of their time they wait for who is away."""
    with ThreadPoolExecutor(len(commands)) as pool:
        return list(pool.map(lambda command: stack.recoup(*command.split()), commands))


def test_an_operator_sees_who_is_away_and_can_not_do_harm(stack: Stack) -> None:
    with Shop(stack.url) as shop:
        # given a paid order, and payment away
        order_id = shop.new_order(shop.new_user(10), (shop.new_item(3, 5), 2))
        assert shop.check_out(order_id).status == 200
        tid = shop.order(order_id)["tid"]
        with stack.without("payment"):
            status, pending, show, retry, aborted = all_at_once(
                stack,
                "status --json",
                "pending --json",
                f"show {order_id} --json",
                f"retry {tid} --json",
                f"abort {tid} --reason mistaken --yes --as eve",
            )
        # then all say so, and none takes it for nothing
        told = json.loads(status.stdout)
        assert (status.returncode, told["kind"]) == (3, "store-unreachable")
        assert not told["parties"]["payment"]["answers"]
        assert told["parties"]["stock"]["view"]["imbalance"] == 0
        assert (pending.returncode, json.loads(pending.stdout)["away"]) == (3, ["payment"])
        assert (retry.returncode, json.loads(retry.stdout)["away"]) == (3, ["payment"])
        told = json.loads(show.stdout)
        assert (show.returncode, list(told["away"])) == (3, ["payment"])
        assert (told["order"]["state"], told["told"]) == ("paid", "200, paid")
        # and a verdict is not aborted
        assert aborted.returncode == 1
        assert f"refused: can't abort {tid}: its verdict is commit since" in aborted.stdout
        # when payment is back, then all is as it should be, and what was done is noted
        waited, shown, log = all_at_once(stack, "status --wait", f"show {tid}", "log --json")
        assert waited.returncode == 0, waited.stdout
        assert shown.returncode == 0, shown.stdout
        assert "in 10 = available 4 + held 0 + spent 6" in shown.stdout
        done = [json.loads(line) for line in log.stdout.splitlines()]
        (entry,) = (each for each in done if each["target"] == tid and each["who"] == "eve")
        assert (entry["verb"], entry["count"], entry["reason"]) == ("abort", 0, "mistaken")


def test_an_undecided_checkout_is_aborted_and_given_back(stack: Stack) -> None:
    clients = Clients(stack.settings)
    with Shop(stack.url) as shop:
        # given a checkout whose gateway has died after the votes
        user_id, item_id = shop.new_user(10), shop.new_item(3, 5)
        order_id = shop.new_order(user_id, (item_id, 2))
        tid = shop.order(order_id)["tid"]
        overview = Observer(clients).look()
        assert overview.orders.view is not None
        deadline_ms = overview.orders.view.clock_ms + stack.settings.deadline_ms
        for party, line in (("stock", (item_id, 2)), ("payment", (user_id, 10))):
            held = pb.Line(account_id=line[0], amount=line[1])
            deduction = pb.Deduction(
                tid=tid, deadline_ms=deadline_ms, lines=[held], parties=stack.settings.parties
            )
            request = pb.ApplyRequest(deductions=[deduction])
            (vote,) = ask(clients.party(party).Apply, request, LIMIT_S).votes
            assert vote.answer == pb.Vote.YES
        # when an operator aborts it
        plan = plan_abort(clients, tid)
        result = abort(clients, Operator("eve", "the customer asked"), tid)
        # then it is given back as was said, and the order's history says who did it
        assert plan.gives_back == (
            f"stock: 2 pieces to item {item_id}",
            f"payment: 10 credits to user {user_id}",
        )
        assert result.retried is not None
        assert result.retried.outcomes == {"stock": "returned", "payment": "returned"}
        assert shop.user(user_id)["credit"] == 10
        last = story(clients, order_id).history[-1]
        assert (last.tid, last.verdict, last.by) == (tid, "abort", "operator eve")
        # and the order can be paid after all
        assert shop.check_out(order_id).status == 200
