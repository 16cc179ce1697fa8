"""The port that SIP devices speak to: one a machine, shared by all drivers that listen for SIP (RFC 3261, 18)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections import Counter, OrderedDict
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from edge.places import Neighbours
from edge.probing import Around
from edge.sip.message import (
    Framer,
    Request,
    Response,
    UnreadableError,
    answer,
    parse,
    user_in,
    with_headers,
)
from edge.sip.transactions import Answered, Asked, Peer, make_request, new_tag

_log = logging.getLogger("edge.sip")

CONNECTIONS_MAX = 128
CONNECTIONS_A_HOST = 16
IDLE_S = 1_800.0
"""A stream that says nothing for so long is closed; recorders speak each minute."""
_FIRST_WORD_S = 30.0
_UNSENT_MAX = 262_144
_BURST, _A_SECOND = 400.0, 100.0
_PIECE = 8_192.0
"""A message counts as one, and one more for each so many bytes: a large one takes that much longer to read."""
_HOSTS_MAX = 1_024
_STRANGERS_EVERY_S = 60.0
_METHODS = "REGISTER, MESSAGE, OPTIONS, NOTIFY"


@dataclass(slots=True, frozen=True)
class Received:
    """A request as it came: from whom, and when on the monotonic clock."""

    request: Request
    peer: Peer
    at_s: float
    port: SipPort

    @property
    def user(self) -> str:
        """Who it says it is: the user of its From."""
        return user_in(self.request.first("from"))

    def answer(self, status: int, reason: str, *headers: tuple[str, str], body: bytes = b"") -> Response:
        """A response to it."""
        made = answer(self.request, status, reason, new_tag(), (self.peer.host, self.peer.port))
        return with_headers(made, *headers, body=body)


class Answerer(Protocol):
    """One driver's listener. Both are called for each request, and must not take long."""

    def wants(self, got: Received) -> bool:
        """Whether the request is from one of its devices, in its language."""

    def answer(self, got: Received) -> Response | Coroutine[Any, Any, Response]:
        """What it says to that, or what will be said when something is done (an event is kept)."""


class SipPort:
    """Sockets (UDP and TCP) on one address and port. What one peer sends, whatever it is, costs the others nothing."""

    def __init__(self, around: Around, bind: str, port: int) -> None:
        self.bind, self.port = bind, port
        self._clock = around.clock
        self._neighbours = Neighbours(around.allowed, around.clock)
        self._answerers: list[Answerer] = []
        self._answered, self._asked = Answered(), Asked()
        self._opening = asyncio.Lock()
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._lines: dict[int, _Line] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._number = 0
        self._rates: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._local: OrderedDict[str, str] = OrderedDict()
        self._strangers: Counter[str] = Counter()
        self._strangers_said_s = -_STRANGERS_EVERY_S
        self.unreadable = 0
        self.too_many = 0

    # --- life

    async def join(self, answerer: Answerer) -> None:
        """Listens for one more driver; the first opens the sockets. Raises OSError."""
        async with self._opening:  # two drivers begin at once
            if self._udp is None:
                await self._open()
            self._answerers.append(answerer)

    def leave(self, answerer: Answerer) -> None:
        """Listens for it no more; the last closes the sockets."""
        if answerer in self._answerers:
            self._answerers.remove(answerer)
        if not self._answerers:
            self.close()

    def close(self) -> None:
        """Ends at once."""
        self._answerers.clear()
        if self._udp is not None:
            self._udp.abort()
        if self._tcp is not None:
            self._tcp.close()
        for line in list(self._lines.values()):
            line.abort()
        self._udp = self._tcp = None
        for task in self._answering:
            task.cancel()
        self._asked.all_failed(ConnectionAbortedError(errno.ECONNABORTED, "the port was closed"))

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)  # sockets that were just aborted close in the loop's next turn
        family = socket.AF_INET6 if ":" in self.bind else socket.AF_INET
        tcp = socket.create_server((self.bind, self.port), family=family, backlog=64)
        try:
            self.port = tcp.getsockname()[1]  # 0 was "any"
            udp = socket.socket(family, socket.SOCK_DGRAM)
            try:
                if family == socket.AF_INET6:
                    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                udp.setblocking(False)
                udp.bind((self.bind, self.port))
                transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=udp)
            except BaseException:
                udp.close()
                raise
            self._udp = transport
            self._tcp = await loop.create_server(lambda: _Line(self), sock=tcp)
        except BaseException:
            tcp.close()
            if self._udp is not None:
                self._udp.abort()
                self._udp = None
            raise
        _log.info("listening for SIP at=%s port=%d", self.bind, self.port)

    # --- what comes

    def datagram(self, data: bytes, host: str, port: int) -> None:
        """One datagram, whatever it holds."""
        if len(data) <= 4 and not data.strip(b"\r\n\0"):
            return  # a keep-alive of a NAT
        if not self._neighbours.may_speak(host):
            return
        peer = Peer(host, port)
        try:
            self.message(data, peer)
        except UnreadableError as error:
            self.refuse(error, peer)

    def message(self, data: bytes, peer: Peer) -> None:
        """One message, whatever it holds. Raises UnreadableError."""
        now_s = self._clock.now().mono_s
        if not self._may_speak(peer.host, now_s, 1 + len(data) / _PIECE):
            self.too_many += 1
            return
        said = parse(data)
        if isinstance(said, Response):
            self._asked.take(said)
        elif said.method != "ACK":
            self._request(Received(said, peer, now_s, self))

    def refuse(self, error: UnreadableError, peer: Peer) -> None:
        """What is no SIP is counted."""
        self.unreadable += 1
        _log.debug("unreadable from=%s reason=%r", peer.where, str(error))

    def _request(self, got: Received) -> None:
        known = self._answered.find(got.request, got.peer, got.at_s)
        if known is None:
            made = self._answer(got)
            if not isinstance(made, Response):
                self._answered.keep(got.request, got.peer, b"", got.at_s)  # asked again meanwhile, it is not done again
                task = asyncio.get_running_loop().create_task(self._answer_later(got, made))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
                return
            known = made.encode()
            self._answered.keep(got.request, got.peer, known, got.at_s)
        if known:
            self._reply(known, got.peer)

    def _reply(self, answer: bytes, peer: Peer) -> None:
        with contextlib.suppress(OSError):  # who is gone again asks again
            self._send(answer, peer)

    async def _answer_later(self, got: Received, work: Coroutine[Any, Any, Response]) -> None:
        try:
            made = await work
        except Exception as error:
            made = self._failed_to_answer(got, error)
        answer = made.encode()
        self._answered.keep(got.request, got.peer, answer, got.at_s)
        self._reply(answer, got.peer)

    def _failed_to_answer(self, got: Received, error: Exception) -> Response:
        _log.error("a request could not be answered from=%s error=%s", got.peer.where, type(error).__name__)
        _log.debug("why", exc_info=error)
        return got.answer(500, "Server Internal Error")

    def _answer(self, got: Received) -> Response | Coroutine[Any, Any, Response]:
        try:
            for answerer in self._answerers:
                if answerer.wants(got):
                    return answerer.answer(got)
        except Exception as error:
            return self._failed_to_answer(got, error)
        if got.request.method == "OPTIONS":
            return got.answer(200, "OK", ("allow", _METHODS))
        if got.request.method not in ("REGISTER", "MESSAGE", "NOTIFY"):
            return got.answer(405, "Method Not Allowed", ("allow", _METHODS))
        return self.nobody(got)

    def nobody(self, got: Received) -> Response:
        """Who is on no list is counted, named once a minute, and believed nothing."""
        name = f"{got.user or '?'}@{got.peer.host}"
        if name in self._strangers or len(self._strangers) < _HOSTS_MAX:
            self._strangers[name] += 1
        if got.at_s - self._strangers_said_s >= _STRANGERS_EVERY_S:
            self._strangers_said_s = got.at_s
            named = ", ".join(f"{who} ({times})" for who, times in self._strangers.most_common(5))
            _log.warning("SIP from nobody on the list who=%r kinds=%d", named, len(self._strangers))
            self._strangers.clear()
        return got.answer(403, "Forbidden")

    def _may_speak(self, host: str, now_s: float, cost: float) -> bool:
        left, at_s = self._rates.pop(host, (_BURST, now_s))
        left = min(_BURST, left + (now_s - at_s) * _A_SECOND)
        self._rates[host] = (max(0.0, left - cost), now_s)
        if len(self._rates) > _HOSTS_MAX:
            self._rates.popitem(last=False)
        return left >= 1

    # --- what goes

    async def ask(
        self, method: str, uri: str, peer: Peer, *, from_user: str, more: list[tuple[str, str]], body: bytes = b""
    ) -> Response:
        """Asks a device that speaks to this port, from this port. The caller bounds the time. Raises OSError when its
        stream is gone or nobody listens there."""
        local = self.local(peer)
        request = make_request(
            method,
            uri,
            local=local,
            transport=peer.transport,
            from_uri=f"sip:{from_user}@{local}",
            more=more,
            body=body,
        )
        return await self._asked.exchange(
            request, lambda data: self._send(data, peer), reliable=peer.transport == "tcp"
        )

    def local(self, peer: Peer) -> str:
        """Our address as this peer sees it, with our port."""
        known = self._local.get(peer.host)
        if known is None:
            family = socket.AF_INET6 if ":" in peer.host else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as route:
                route.connect((peer.host, peer.port or 9))
                known = Peer(route.getsockname()[0], self.port).where
            self._local[peer.host] = known
            if len(self._local) > _HOSTS_MAX:
                self._local.popitem(last=False)
        return known

    def _send(self, data: bytes, peer: Peer) -> None:
        if peer.transport == "udp":
            if self._udp is None:
                raise ConnectionAbortedError(errno.ECONNABORTED, "the port was closed")
            self._udp.sendto(data, (peer.host, peer.port))
            return
        line = self._lines.get(peer.connection)
        if line is None:
            raise ConnectionResetError(errno.ECONNRESET, "the device has closed its connection")
        line.send(data)

    def failed(self, error: OSError) -> None:
        """The datagram socket said that something went wrong; of which peer is not known."""
        _log.debug("datagram error=%r", error)

    def opened(self, line: _Line, host: str) -> int | None:
        """A number for a new stream; None when there are too many, or nobody may speak from there."""
        if not self._neighbours.may_speak(host):
            return None
        of_host = sum(1 for each in self._lines.values() if each.peer.host == host)
        if len(self._lines) >= CONNECTIONS_MAX or of_host >= CONNECTIONS_A_HOST:
            self.too_many += 1
            return None
        self._number += 1
        self._lines[self._number] = line
        return self._number

    def closed(self, number: int) -> None:
        self._lines.pop(number, None)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, port: SipPort) -> None:
        self._port = port

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._port.datagram(data, str(addr[0]), int(addr[1]))

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, OSError):
            self._port.failed(exc)


class _Line(asyncio.Protocol):
    """One stream of a device."""

    def __init__(self, port: SipPort) -> None:
        self._port = port
        self._framer = Framer()
        self._number: int | None = None
        self._limit: asyncio.TimerHandle | None = None
        self.peer = Peer("", 0, "tcp")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        host, port = transport.get_extra_info("peername")[:2]
        self._number = self._port.opened(self, str(host))
        if self._number is None:
            self._transport.abort()
            return
        self.peer = Peer(str(host), int(port), "tcp", self._number)
        self._set_limit(_FIRST_WORD_S)

    def data_received(self, data: bytes) -> None:
        if self._number is None:
            return
        try:
            whole = self._framer.feed(data)
            for message in whole:
                self._port.message(message, self.peer)
        except UnreadableError as error:
            self._port.refuse(error, self.peer)
            self.abort()  # where the next message begins is not known
            return
        if whole:
            self._set_limit(IDLE_S)  # half a message does not keep a stream open

    def connection_lost(self, exc: Exception | None) -> None:
        if self._limit is not None:
            self._limit.cancel()
        if self._number is not None:
            self._port.closed(self._number)

    def send(self, data: bytes) -> None:
        if self._transport.get_write_buffer_size() > _UNSENT_MAX:
            self.abort()  # it takes nothing any more
            return
        self._transport.write(data)

    def abort(self) -> None:
        self._transport.abort()

    def _set_limit(self, wait_s: float) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = asyncio.get_running_loop().call_later(wait_s, self.abort)


async def join_all(around: Around, binds: Sequence[str], port: int, answerer: Answerer) -> list[SipPort]:
    """Listens at several addresses, or at none: what was opened is left again when one fails. Raises OSError."""
    joined: list[SipPort] = []
    try:
        for bind in binds:
            at = shared_port(around, bind, port)
            await at.join(answerer)
            joined.append(at)
    except BaseException:
        for at in joined:
            at.leave(answerer)
        raise
    return joined


def shared_port(around: Around, bind: str, port: int) -> SipPort:
    """The port at this address: the same for all drivers of an agent."""
    key = f"sip-port {bind} {port}"
    found = around.shared.get(key)
    if found is None:
        found = around.shared[key] = SipPort(around, bind, port)
    return cast(SipPort, found)
