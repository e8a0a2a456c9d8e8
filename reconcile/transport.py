"""Redis as kombu speaks it, but that a message nobody understands doesn't end the worker.

kombu takes a message from the queue before it reads it, so what it then can't read is gone; but
the error ends the consumer, and with it the process and all that it was about to retry. Here such
a message is logged and dropped. Nothing is lost by it: what is held stands in the parties' due
indexes, and no message is needed to settle it.
"""

from __future__ import annotations

import contextlib
from typing import Any

from kombu.transport import redis

from recoup import logs

log = logs.logger(__name__)


class Channel(redis.Channel):  # type: ignore[misc]
    """Drops what isn't JSON."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or nested too deeply
            log.error("dropped a message that can't be read: %s", error)
            return True


class Transport(redis.Transport):  # type: ignore[misc]
    """Drops what isn't a message of Celery's form."""

    Channel = Channel

    # The worker looks for messages to restore (of a worker that died) only when its wait of 2 s
    # for news ends without any. By default each blocking read of the queue ends sooner, so that
    # there always is some, and with the gevent pool nothing is ever restored (kombu#1025,
    # celery#4976).
    brpop_timeout = 3

    def _deliver(self, message: Any, queue: str) -> None:
        try:
            super()._deliver(message, queue)
        except Exception as error:  # there is no end to what a message can be
            # kombu counts a KeyError as a lost connection; here it is a part that is missing.
            if isinstance(error, self.connection_errors) and not isinstance(error, KeyError):
                raise
            log.exception("dropped a message of %s that isn't one", queue)
            self._give_up(message)

    def _give_up(self, message: Any) -> None:
        """What failed half-way stands among the messages under way, of which there may only be so
        many; and it would come back."""
        with contextlib.suppress(KeyError, TypeError):  # it has no tag: nobody knows it
            tag = message["properties"]["delivery_tag"]
            for channel in self.channels:
                if tag in channel.qos._delivered:
                    channel.basic_reject(tag, requeue=False)
