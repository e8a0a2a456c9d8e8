"""Whether the order store and the parties answer this process: asked when Prometheus asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from reconcile import clients
from recoup import logs
from recoup.bounds import PROBE_TID
from recoup.errors import RecoupError

log = logs.logger(__name__)

Ask = Callable[[], object]


class Peers(Collector):
    """Asks all at once; one that is away takes the limit of one question."""

    def __init__(self, process: str, asks: Mapping[str, Ask]) -> None:
        """`asks`: by the peer's name a question; it raises RecoupError when nobody answers."""
        self._process = process
        self._asks = asks

    def describe(self) -> Iterable[Metric]:
        """Nothing: else they would be asked already when it is registered. (Prometheus's hook)"""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Whether each answers."""
        up = GaugeMetricFamily(
            "recoup_peer_up",
            "1: `to` answers `from`, and so does its database",
            None,
            ["from", "to"],
        )
        with ThreadPoolExecutor(len(self._asks)) as pool:
            for peer, answers in zip(self._asks, pool.map(self._answers, self._asks), strict=True):
                up.add_metric([self._process, peer], int(answers))
        yield up

    def _answers(self, peer: str) -> bool:
        try:
            self._asks[peer]()
        except RecoupError as error:
            log.debug("%s can't reach %s: %s", self._process, peer, error)
            return False
        return True


def peers(process: str, parties: Sequence[str]) -> Peers:
    """The order store and these parties, as `process` sees them."""
    asks: dict[str, Ask] = {"orders": lambda: clients.orders().verdicts([PROBE_TID])}
    for name in parties:
        asks[name] = lambda name=name: clients.party(name).status([PROBE_TID])  # type: ignore[misc]
    return Peers(process, asks)
