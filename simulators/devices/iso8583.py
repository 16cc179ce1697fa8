"""A bank's host that answers network management messages of ISO 8583 on a real socket, and what goes wrong with it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from dataclasses import dataclass, field
from typing import Any

from edge.probes.iso8583 import wording
from edge.probes.iso8583.settings import Iso8583Settings


@dataclass(slots=True)
class BankHost:
    """Speaks the dialect of `said`. What it does wrong may be changed while it runs.

    `code`: its response code (91: inoperative, 96: malfunction). `silent`: it takes connections and says nothing.
    `reset`: RST instead of an answer. `half`: it closes in the middle of one. `other_stan`: an answer to another
    question. `late_first`: an answer to somebody else before ours. `unasked`: it first sends a 0800 of its own.
    `wait_s`: so late. `noise`: bytes of no meaning. `endless`: it goes on sending.
    """

    said: Iso8583Settings = field(default_factory=Iso8583Settings)
    code: str = "00"
    silent: bool = False
    reset: bool = False
    half: bool = False
    other_stan: bool = False
    late_first: bool = False
    unasked: bool = False
    wait_s: float = 0.0
    noise: bytes = b""
    endless: bool = False
    tls: ssl.SSLContext | None = None
    port: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    _server: Any = field(default=None, repr=False)

    async def start(self, address: str = "127.0.0.1", port: int = 0) -> BankHost:
        """Listens; the port it got stands in `port`."""
        self._server = await asyncio.start_server(self._serve, address, port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        spec = wording.specification(self.said)
        try:
            while head := await reader.readexactly(wording.size_of_head(self.said)):
                got = wording.read(spec, await reader.readexactly(wording.size_in(self.said, head)))
                self.asked.append(got)
                await self._answer(writer, spec, got)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, wording.NotOursError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, spec: dict[str, Any], got: dict[str, str]) -> None:
        if self.silent:
            await asyncio.Event().wait()
        if self.reset:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return
        await asyncio.sleep(self.wait_s)
        if self.noise:
            writer.write(self.noise)
        if self.unasked:
            writer.write(self._packed(spec, {"t": self.said.message, "11": "000777"} | _kept(got)))
        if self.late_first:
            writer.write(self._reply(spec, got, "000042"))
        answer = self._reply(spec, got, "999999" if self.other_stan else got["11"])
        writer.write(answer[: len(answer) // 2] if self.half else answer)
        while self.endless:
            writer.write(self._reply(spec, got, "000042"))
            await writer.drain()
            await asyncio.sleep(0)
        await writer.drain()
        if self.half:
            writer.close()

    def _reply(self, spec: dict[str, Any], got: dict[str, str], stan: str) -> bytes:
        return self._packed(spec, _kept(got) | {"t": self.said.answer, "11": stan, "39": self.code})

    def _packed(self, spec: dict[str, Any], fields: dict[str, str]) -> bytes:
        return wording.packed(self.said, spec, fields)


def _kept(got: dict[str, str]) -> dict[str, str]:
    """What a host gives back of a question."""
    return {name: got[name] for name in ("h", "7", "11", "41", "60", "70") if name in got}
