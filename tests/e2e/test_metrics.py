"""docs/metrics.md and a running instance tell of the same metrics, by the same labels."""

from __future__ import annotations

from collections import defaultdict

import urllib3
from prometheus_client.parser import text_string_to_metric_families

from recoup.processes import processes
from tests.documented import documented
from tests.e2e.client import Shop, eventually
from tests.e2e.stack import Stack

OWN = "recoup_"
"""How the names begin that aren't the Prometheus library's."""


def page(stack: Stack, port: int) -> str:
    url = f"http://{stack.settings.host}:{port}/metrics"
    answer = urllib3.request("GET", url, retries=False, timeout=10)
    assert answer.status == 200
    return answer.data.decode()


def ports(stack: Stack) -> dict[str, int]:
    """Where each process tells its metrics."""
    found = {
        each.name: each.metrics_port for each in processes(stack.settings) if each.metrics_port
    }
    return found | {"gateway": stack.settings.port}


def test_what_is_documented_is_exported_and_nothing_else(stack: Stack) -> None:
    # given an instance that has sold something
    with Shop(stack.url) as shop:
        assert shop.check_out(shop.new_order(shop.new_user(5), (shop.new_item(1, 5), 1))).ok
    # when every process is asked
    types: dict[str, str] = {}
    labels: dict[str, set[frozenset[str]]] = defaultdict(set)
    told_by: dict[str, set[str]] = defaultdict(set)
    for process, port in ports(stack).items():
        for family in text_string_to_metric_families(page(stack, port)):
            for sample in family.samples if family.name.startswith(OWN) else ():
                name = sample.name if family.type == "counter" else family.name
                types[name] = family.type
                labels[name].add(frozenset(sample.labels) - {"le"})
                told_by[name].add(process)
    # then it is what is documented
    promised = {each.name: each for each in documented()}
    assert types == {name: each.type for name, each in promised.items()}
    assert labels == {name: {each.labels} for name, each in promised.items()}
    assert told_by == {name: each.told_by for name, each in promised.items()}


def test_who_is_away_is_told_as_such(stack: Stack) -> None:
    told = ports(stack)

    def says(process: str, line: str) -> bool:
        return f"\n{line}\n" in page(stack, told[process])

    # given a party whose database and worker are away
    assert says("payment", 'recoup_workers{queue="payment"} 1.0')
    with stack.without("payment-worker", "payment-db"):
        # when others are asked, then they say so
        eventually(lambda: says("payment", 'recoup_workers{queue="payment"} 0.0'))
        assert says("payment", 'recoup_store_up{store="payment"} 0.0')
        assert says("gateway", 'recoup_peer_up{from="gateway",to="payment"} 0.0')
        assert says("stock-worker", 'recoup_peer_up{from="stock-worker",to="payment"} 0.0')
        # and what can't be known isn't told
        assert "\nrecoup_store_durable{" not in page(stack, told["payment"])
    eventually(lambda: says("payment", 'recoup_workers{queue="payment"} 1.0'))
