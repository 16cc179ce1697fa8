"""Name servers on real sockets, UDP and TCP on one port: right, wrong, slow, refusing, or talking nonsense."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import struct
from dataclasses import dataclass, field
from typing import Any

_A, _CNAME, _AAAA = 1, 5, 28
_NXDOMAIN = 3


@dataclass(slots=True)
class NameServer(asyncio.DatagramProtocol):
    """`names`: name → its addresses; one address that is a name is an alias.

    What it does wrong may be changed while it runs. `code`: it answers this (2 SERVFAIL, 5 REFUSED). `truncate`: over
    UDP it says no more than that there is more. `lose`: the next so many questions are lost. `silent`, `half`, `noise`,
    `forged` (the answer to another question first), `circles` (a name that points at itself): as they say.
    """

    names: dict[str, list[str]] = field(default_factory=dict)
    code: int = 0
    truncate: bool = False
    lose: int = 0
    silent: bool = False
    half: bool = False
    noise: bool = False
    forged: bool = False
    circles: bool = False
    port: int = 0
    asked: int = 0
    _transport: Any = field(default=None, repr=False)
    _server: Any = field(default=None, repr=False)

    async def start(self, address: str = "127.0.0.1", port: int = 0) -> NameServer:
        """Listens; the port it got stands in `port`."""
        self._server = await asyncio.start_server(self._serve, address, port)
        self.port = self._server.sockets[0].getsockname()[1]
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=(address, self.port))
        return self

    def stop(self) -> None:
        self._server.close()
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self.asked += 1
        if self.silent or len(data) < 17:
            return
        if self.lose > 0:
            self.lose -= 1
            return
        answer = self._answer(data, truncate=self.truncate)
        if self.forged:
            self._transport.sendto(bytes((answer[0] ^ 1,)) + answer[1:], addr)
        if self.noise:
            answer = os.urandom(60)
        self._transport.sendto(answer[: len(answer) // 2] if self.half else answer, addr)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            answer = self._answer(asked)
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, asked: bytes, *, truncate: bool = False) -> bytes:
        name, at = "", 12
        while asked[at]:
            name += asked[at + 1 : at + 1 + asked[at]].decode("ascii", "replace").lower() + "."
            at += asked[at] + 1
        section, kind = asked[12 : at + 5], int.from_bytes(asked[at + 1 : at + 3], "big")
        records: list[bytes] = []
        owner, known = b"\xc0\x0c", self.names.get(name.rstrip("."))
        for said in known or ():
            if not said.replace(".", "").replace(":", "").isalnum() or said[0].isalpha():
                alias = b"".join(bytes((len(label),)) + label.encode() for label in said.split(".")) + b"\0"
                records.append(_record(owner, _CNAME, alias))
                records += [
                    _record(alias, each_kind, packed)
                    for each_kind, packed in (_packed(each) for each in self.names.get(said, ()))
                    if each_kind == kind
                ]
            elif _packed(said)[0] == kind:
                records.append(_record(owner, kind, _packed(said)[1]))
        if self.circles:
            at_next = 12 + len(section)
            records = [_record(struct.pack(">H", 0xC000 | at_next), kind, bytes(4))]
        code = self.code or (_NXDOMAIN if known is None else 0)
        if truncate or code:
            records = []
        flags = 0x8180 | (0x0200 if truncate else 0) | code
        return asked[:2] + struct.pack(">5H", flags, 1, len(records), 0, 0) + section + b"".join(records)


def _record(owner: bytes, kind: int, content: bytes) -> bytes:
    return owner + struct.pack(">HHIH", kind, 1, 60, len(content)) + content


def _packed(address: str) -> tuple[int, bytes]:
    ip = ipaddress.ip_address(address)
    return (_A if ip.version == 4 else _AAAA), ip.packed
