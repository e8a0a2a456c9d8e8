"""How a worker talks to the broker."""

from __future__ import annotations

from kombu import Connection

from reconcile.app import app
from recoup.settings import settings
from tests.integration.conftest import Server


def test_all_tasks_of_a_worker_can_acknowledge_at_the_same_moment(server: Server) -> None:
    # given a worker's connection to a broker
    options = app.conf.broker_transport_options
    with Connection(server.url, transport_options=options) as connection:
        pool = connection.default_channel.pool
        # when every one of its tasks needs the broker, beside whoever waits for messages
        taken = [pool.get_connection() for _ in range(1 + settings().worker_most_tasks)]
        # then each gets a connection of its own
        assert all(each.is_connected for each in taken)
        for each in taken:
            pool.release(each)
        pool.disconnect()
