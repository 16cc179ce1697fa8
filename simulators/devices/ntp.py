"""Time servers that speak NTP on real sockets: right, wrong by so much, lost, unwilling, or talking nonsense."""

from __future__ import annotations

import asyncio
import os
import struct
from dataclasses import dataclass, field
from typing import Any, cast

from shouwang import clock

_FROM_1900_S = 2_208_988_800


@dataclass(slots=True)
class TimeServer(asyncio.DatagramProtocol):
    """One server; what it does wrong may be changed while it runs.

    `ahead_ms`: how far its clock is ahead of the machine's. `kiss`: it answers with this kiss-of-death code.
    `delay_s`: it takes so long. `silent`, `half`, `forged` (another's token), `noise` (random bytes): as they say.
    """

    ahead_ms: float = 0.0
    stratum: int = 2
    leap: int = 0
    root_delay_s: float = 0.01
    root_dispersion_s: float = 0.005
    kiss: str = ""
    delay_s: float = 0.0
    silent: bool = False
    half: bool = False
    forged: bool = False
    noise: bool = False
    port: int = 0
    asked: int = 0
    _transport: Any = field(default=None, repr=False)

    @classmethod
    async def start(cls, address: str = "127.0.0.1", port: int = 0, **how: Any) -> TimeServer:
        """Listens; the port it got stands in `port`."""
        made = cls(**how)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, local_addr=(address, port))
        return made

    def stop(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self.asked += 1
        if self.silent or len(data) < 48:
            return
        answer = self._answer(data)
        send = cast(asyncio.DatagramTransport, self._transport).sendto
        asyncio.get_running_loop().call_later(self.delay_s, send, answer, addr)

    def _answer(self, asked: bytes) -> bytes:
        if self.noise:
            return os.urandom(48)
        reference = self.kiss.encode().ljust(4, b"\0") if self.kiss else b"\x7f\x00\x00\x01"
        head = struct.pack(
            "!BBbbII4s",
            self.leap << 6 | 4 << 3 | 4,
            0 if self.kiss else self.stratum,
            6,
            -20,
            round(self.root_delay_s * 2**16),
            round(self.root_dispersion_s * 2**16),
            reference,
        )
        now = round((clock.wall_ms() / 1000 + self.ahead_ms / 1000 + _FROM_1900_S) * 2**32) & (2**64 - 1)
        stamp = now.to_bytes(8, "big")
        token = os.urandom(8) if self.forged else asked[40:48]
        made = head + stamp + token + stamp + stamp
        return made[:20] if self.half else made
