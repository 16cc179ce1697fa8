"""TCP: does a port take a connection, and how quickly."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from edge.probing import Answer, Around, Probe, host_and_port
from edge.steps import CONNECT, step
from shouwang.vocabulary import Driver


class TcpProbe(Probe):
    """Target: `host:port`."""

    driver = Driver.TCP

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        self._host, self._port = host_and_port(target)

    async def ask(self, timeout_s: float) -> Answer:
        """`reachable` when the connection is made; `latency_ms` is the time it took."""
        clock = self.around.clock
        began_s = clock.now().mono_s
        try:
            async with asyncio.timeout(timeout_s):
                address = await self.around.allowed.resolve(self._host, self._port)
                began_s = clock.now().mono_s
                with step(CONNECT):
                    _, writer = await asyncio.open_connection(address, self._port)
        except TimeoutError:
            return Answer(False, reason=f"no connection within {timeout_s:g} s")
        except OSError as error:
            return Answer(False, reason=said(error))
        latency_ms = (clock.now().mono_s - began_s) * 1000
        writer.transport.abort()
        return Answer(True, latency_ms)


def said(error: OSError) -> str:
    """An error of the network in words."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
