"""Asks one device for objects and columns (RFC 3416, 4.2): GET, GETNEXT and GETBULK, with bounds and a second try."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from edge.probes.snmp import ber, pdu
from edge.probes.snmp.ber import MalformedError
from edge.probes.snmp.mapping import ROWS_MAX, Value
from edge.probes.snmp.pdu import Pdu
from edge.probes.snmp.settings import SnmpSettings
from edge.probes.snmp.talking import ByCommunity, ByUser, RefusedError, Talk
from edge.probing import Around

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_AT_ONCE = 24
"""Objects in one question: an answer that fits an Ethernet frame, whatever they are."""
_ROWS_AT_ONCE = 25
_SOCKETS_MAX = 256
_TRIES = 2
_TOO_BIG, _NO_SUCH_NAME = 1, 2
_NULL = ber.tlv(ber.NULL, b"")

__all__ = ["Asker", "NonsenseError", "RefusedError", "Session"]


class NonsenseError(Exception):
    """The device answers what cannot be meant; the message says what."""


class Asker:
    """One device's. It keeps what is known of a v3 device's engine, and holds a socket only while it asks."""

    def __init__(self, settings: SnmpSettings, around: Around) -> None:
        self._around = around
        self._talk: Talk = ByUser(settings, around.clock) if settings.version == "3" else ByCommunity(settings)
        self._first_version = settings.version == "1"

    @asynccontextmanager
    async def session(self, address: str, port: int, timeout_s: float) -> AsyncIterator[Session]:
        """A conversation. Everything of it raises RefusedError, NonsenseError, TimeoutError or OSError."""
        await self._talk.prepare()
        slots = self._around.shared.setdefault("snmp-sockets", _Slots())
        async with slots.free:
            transport, ear = await asyncio.get_running_loop().create_datagram_endpoint(
                _Ear, remote_addr=(address, port)
            )
            try:
                yield Session(transport, ear, self._talk, 0.95 * timeout_s / _TRIES, self._first_version)
            finally:
                transport.abort()


class Session:
    """One conversation with one device."""

    def __init__(
        self, transport: asyncio.DatagramTransport, ear: _Ear, talk: Talk, wait_s: float, first_version: bool
    ) -> None:
        self._transport = transport
        self._ear = ear
        self._talk = talk
        self._wait_s = wait_s
        self._first_version = first_version
        self._strange = ""

    async def objects(self, oids: Sequence[str]) -> dict[str, Value]:
        """Those of `oids` that the device has."""
        told: dict[str, Value] = {}
        for start in range(0, len(oids), _AT_ONCE):
            told |= await self._get(list(oids[start : start + _AT_ONCE]))
        return told

    async def _get(self, oids: list[str]) -> dict[str, Value]:
        asked = oids
        while asked:
            answer = await self._exchange(pdu.GET, asked)
            if not answer.error:
                wanted = set(oids)
                return {name: value for name, value in answer.bindings if value is not None and name in wanted}
            if answer.error == _TOO_BIG and len(asked) > 1:
                half = len(asked) // 2
                return await self._get(asked[:half]) | await self._get(asked[half:])
            if answer.error == _TOO_BIG or (answer.error != _NO_SUCH_NAME and len(asked) == 1):
                raise NonsenseError(f"error {answer.error}")
            # The one it stumbles over is left out; SNMPv1 refuses a whole question for one that is not there.
            at = answer.index - 1 if 1 <= answer.index <= len(asked) else 0
            asked = asked[:at] + asked[at + 1 :]
        return {}

    async def column(self, oid: str) -> dict[str, Value]:
        """All rows of a column, as `oid.row` → value; at most ROWS_MAX."""
        told: dict[str, Value] = {}
        start, last = f"{oid}.", oid
        while len(told) < ROWS_MAX:
            answer = await self._exchange(pdu.GETNEXT if self._first_version else pdu.GETBULK, [last])
            if answer.error == _NO_SUCH_NAME:
                break  # SNMPv1's end of everything
            if answer.error:
                raise NonsenseError(f"error {answer.error}")
            for name, value in answer.bindings:
                if value is None or not name.startswith(start) or name in told or len(told) >= ROWS_MAX:
                    return told  # past its end, or a device that goes round in circles
                told[name], last = value, name
            if not answer.bindings:
                break
        return told

    async def _exchange(self, tag: int, oids: list[str]) -> Pdu:
        bindings = b"".join(pdu.binding(oid, _NULL) for oid in oids)
        request = random.getrandbits(31)  # it tells answers apart; who wrote them is told by keys
        repetitions = _ROWS_AT_ONCE if tag == pdu.GETBULK else 0
        question = pdu.write_pdu(tag, request, bindings, 0, repetitions)
        for _ in range(_TRIES):
            try:
                async with asyncio.timeout(self._wait_s):
                    return await self._answered(question, request)
            except TimeoutError:
                continue
        if self._strange:
            raise NonsenseError(self._strange)
        raise self._talk.silence()

    async def _answered(self, question: bytes, request: int) -> Pdu:
        self._transport.sendto(self._talk.write(question))
        while True:
            data = await self._ear.heard()
            try:
                said = self._talk.read(data, request)
            except MalformedError as error:
                self._strange = str(error)
                continue  # late, forged or mangled: the true one may still come
            if said is None:  # what it said makes us ask in another way
                self._transport.sendto(self._talk.write(question))
            else:
                return said


class _Slots:
    """How many sockets are open at once, over all devices."""

    def __init__(self) -> None:
        self.free = asyncio.Semaphore(_SOCKETS_MAX)

    def close(self) -> None:
        """Nothing: each socket is closed by its session."""


class _Ear(asyncio.DatagramProtocol):
    """What came to a socket, a few datagrams of it."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | OSError] = asyncio.Queue(16)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self._queue.full():
            self._queue.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, OSError) and not self._queue.full():
            self._queue.put_nowait(exc)  # a port that nobody listens on

    async def heard(self) -> bytes:
        """Raises OSError."""
        said = await self._queue.get()
        if isinstance(said, OSError):
            raise said
        return said
