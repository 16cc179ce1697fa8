"""One UDP socket for all SIP questions of an agent, and a stream for one question over TCP."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import struct
from typing import cast

from edge.probing import Around
from edge.sip.message import Framer, Request, Response, UnreadableError, parse
from edge.sip.transactions import Asked

_log = logging.getLogger("edge.sip")

_AT_ONCE = 64
_READ_AT_ONCE = 256
_BUFFER = 1 << 20
_IP_RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}


class Questions:
    """A socket of one family. Answers find who asked by their branch; so does "nobody listens there" (ICMP), which
    Linux hands over together with the datagram that it is about (`IP_RECVERR`)."""

    def __init__(self, family: socket.AddressFamily) -> None:
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        with contextlib.suppress(OSError):  # then a closed port is a silence
            self._socket.setsockopt(*_IP_RECVERR[family], 1)
        self._socket.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))  # noqa: S104
        self.port: int = self._socket.getsockname()[1]
        self._asked = Asked()
        self._sent = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._readable)

    async def ask(self, request: Request, host: str, port: int) -> Response:
        """The final answer. The caller bounds the time. Raises OSError (refused, no route)."""
        self._sent += 1
        while self._sent > _AT_ONCE:  # a burst of thousands would overrun the buffers on the way
            await asyncio.sleep(0.002)
            self._sent = max(0, self._sent - _AT_ONCE)
        return await self._asked.exchange(request, lambda data: self._send(data, host, port), reliable=False)

    def _send(self, data: bytes, host: str, port: int) -> None:
        for _ in range(3):
            try:
                self._socket.sendto(data, (host, port))
            except BlockingIOError:
                return  # lost, as on any line: it is sent again
            except OSError as error:
                if error.errno not in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH):
                    raise
                self._errors()  # it may be about another one
                continue
            return

    def _readable(self) -> None:
        for _ in range(_READ_AT_ONCE):
            try:
                data = self._socket.recv(65_536)
            except BlockingIOError:
                break
            except OSError:
                self._errors()
                continue
            try:
                said = parse(data)
            except UnreadableError as error:
                _log.debug("unreadable answer reason=%r", str(error))
                continue
            if isinstance(said, Response):
                self._asked.take(said)
        self._errors()

    def _errors(self) -> None:
        for _ in range(_READ_AT_ONCE):
            try:
                data, ancillary, _, _ = self._socket.recvmsg(2_048, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            for level, kind, said in ancillary:
                if (level, kind) in _IP_RECVERR.values() and len(said) >= 4:
                    (code,) = struct.unpack_from("=I", said)
                    at = data.find(b"branch=")
                    branch = data[at + 7 : at + 7 + 64].split(b";")[0].decode("ascii", "replace")
                    self._asked.failed(branch, OSError(code, os.strerror(code)))

    @property
    def usable(self) -> bool:
        """A socket belongs to the loop that it was made in."""
        return self._loop is asyncio.get_running_loop()

    def close(self) -> None:
        """Ends at once; who still waits is told."""
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
        self._socket.close()
        self._asked.all_failed(ConnectionAbortedError(errno.ECONNABORTED, "the agent ends"))


def shared_questions(around: Around, host: str) -> Questions:
    """The socket for questions to this address. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    key = f"sip-questions {family}"
    found = cast("Questions | None", around.shared.get(key))
    if found is None or not found.usable:
        found = around.shared[key] = Questions(family)
    return found


async def ask_over_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> Response:
    """The final answer over a stream of its own. The caller bounds the time. Raises OSError, and UnreadableError for
    what is no SIP."""
    writer.write(request.encode())
    await writer.drain()
    framer = Framer()
    while True:
        data = await reader.read(16_384)
        if not data:
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
        for whole in framer.feed(data):
            said = parse(whole)
            if isinstance(said, Response) and said.branch == request.branch and said.status >= 200:
                return said
