"""A TCP proxy for one link between two processes, which can be cut, silenced and slowed.

pass       bytes go through
cut        what is open is reset, and whoever connects is reset at once
blackhole  connections stay, and carry nothing; what was under way arrives late, afterwards
slow       each piece waits for LATENCY_S, in either direction
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from enum import StrEnum

PIECE_BYTES = 65_536

LATENCY_S = 0.3
"""A hundred times what is usual between these processes, and far below any limit of theirs."""


class Mode(StrEnum):
    """What a proxy does with what comes."""

    PASS = "pass"
    CUT = "cut"
    BLACKHOLE = "blackhole"
    SLOW = "slow"


class Proxy:
    """One link. To be used in the event loop of its `Proxies` alone."""

    def __init__(self, host: str, port: int) -> None:
        """Leads to `port` of `host`."""
        self._to = host, port
        self.mode = Mode.PASS
        self._passable = asyncio.Event()
        self._passable.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def listen(self) -> int:
        """Begins, and returns the port at which it is reached."""
        self._server = await asyncio.start_server(self._connected, self._to[0], 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def close(self) -> None:
        """Listens no more."""
        if self._server:
            self._server.close()

    def set_mode(self, mode: Mode) -> None:
        """Changes what becomes of everything that comes from now on."""
        self.mode = mode
        if mode is Mode.BLACKHOLE:
            self._passable.clear()
        else:
            self._passable.set()
        if mode is Mode.CUT:
            for writer in list(self._open):
                writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with self._kept(writer):
            if self.mode is Mode.CUT:
                return
            await self._passable.wait()
            try:
                there, back = await asyncio.open_connection(*self._to)
            except OSError:
                return  # as if nobody listened here either
            with self._kept(back):
                pumps = [
                    asyncio.create_task(self._pump(reader, back)),
                    asyncio.create_task(self._pump(there, writer)),
                ]
                # When one side ends, so does the other: nobody here closes half a connection.
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                for pump in pumps:
                    pump.cancel()

    @contextlib.contextmanager
    def _kept(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        """A connection that can be cut meanwhile, and is gone afterwards."""
        self._open.add(writer)
        try:
            yield
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(PIECE_BYTES):
                if self.mode is Mode.SLOW:
                    await asyncio.sleep(LATENCY_S)
                await self._passable.wait()
                sink.write(piece)
                await sink.drain()


class Proxies:
    """Proxies in a thread of their own, until they are closed."""

    def __init__(self) -> None:
        self._proxies: list[Proxy] = []
        self._loop: asyncio.AbstractEventLoop
        self._stopping: asyncio.Event
        begun = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run(begun)), name="proxies", daemon=True
        )
        self._thread.start()
        begun.wait()

    async def _run(self, begun: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        begun.set()
        await self._stopping.wait()
        for proxy in self._proxies:
            proxy.close()

    def open(self, host: str, port: int) -> tuple[Proxy, int]:
        """A proxy that leads to this port, and the port at which it is reached."""

        async def begin() -> tuple[Proxy, int]:
            proxy = Proxy(host, port)
            self._proxies.append(proxy)
            return proxy, await proxy.listen()

        return asyncio.run_coroutine_threadsafe(begin(), self._loop).result()

    def set_mode(self, proxy: Proxy, mode: Mode) -> None:
        """Changes what a proxy does; it does so when this returns."""
        done = threading.Event()

        def change() -> None:
            proxy.set_mode(mode)
            done.set()

        self._loop.call_soon_threadsafe(change)
        done.wait()

    def close(self) -> None:
        """Ends all."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
