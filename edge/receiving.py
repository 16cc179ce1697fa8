"""A port that takes small HTTP requests from anybody: bounded in bytes, time, connections and rate, by address."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import msgspec

from edge.places import Neighbours
from shouwang.clock import Clock

_log = logging.getLogger("edge.receiving")

_PARAMETERS_MAX = 64
_ADDRESSES_MAX = 1_024
_LINE = re.compile(rb"(GET|POST|PUT|HEAD|[A-Z]{1,12}) (\S{1,4000}) HTTP/1\.[01]\r\n")
_WORDS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    429: "Too Many Requests",
    503: "Service Unavailable",
}


@dataclass(slots=True)
class Asked:
    """One request. `parameters`: of its query, then of a form; `headers`: names in lower case."""

    method: str
    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    body: bytes
    address: str
    at_s: float


Answered = tuple[int, dict[str, object]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one port: bytes of a head and of a body, connections in all and of one address, seconds for a whole request.
    `connects` and `refusals`: of one address, so many at once, and so many a second after that; whoever has the right
    key is not refused."""

    head: int = 8_192
    body: int = 16_384
    connections: int = 64
    of_one: int = 8
    within_s: float = 10.0
    connects: tuple[float, float] = (200.0, 50.0)
    refusals: tuple[float, float] = (40.0, 10.0)


DEVICES = Bounds()
"""For devices, each of which says little."""


@dataclass(slots=True)
class _Budget:
    left: float
    at_s: float


@dataclass(slots=True)
class Rate:
    """So many of one address at once, and so many a second after that. Pure; bounded."""

    at_once: float
    a_second: float
    budgets: OrderedDict[str, _Budget] = field(default_factory=OrderedDict)

    def may(self, address: str, now_s: float) -> bool:
        """Whether one more is taken."""
        budget = self.budgets.pop(address, None) or _Budget(self.at_once, now_s)
        self.budgets[address] = budget
        if len(self.budgets) > _ADDRESSES_MAX:
            self.budgets.popitem(last=False)
        budget.left = min(self.at_once, budget.left + max(0.0, now_s - budget.at_s) * self.a_second)
        budget.at_s = now_s
        if budget.left < 1:
            return False
        budget.left -= 1
        return True


class WrongRequestError(Exception):
    """`status` and a sentence for who sent it."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


class Receiver:
    """One port. `take` decides what is answered to a request; `neighbours`, who may make one at all."""

    def __init__(
        self,
        take: Callable[[Asked], Awaitable[Answered]],
        clock: Clock,
        bounds: Bounds = DEVICES,
        neighbours: Neighbours | None = None,
    ) -> None:
        self._take, self._clock, self._bounds, self._neighbours = take, clock, bounds, neighbours
        self._connections, self._refusals = Rate(*bounds.connects), Rate(*bounds.refusals)
        self._open: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, bind: str | Sequence[str], port: int, tls: ssl.SSLContext | None) -> None:
        """Raises OSError."""
        self._server = await asyncio.start_server(
            self._serve,
            bind,
            port,
            limit=self._bounds.head,
            ssl=tls,
            ssl_handshake_timeout=self._bounds.within_s if tls else None,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = str((writer.get_extra_info("peername") or ("?",))[0])
        if self._neighbours is not None and not self._neighbours.may_speak(address):
            writer.transport.abort()
            return
        full = self._open.total() >= self._bounds.connections or self._open[address] >= self._bounds.of_one
        if full or not self._connections.may(address, self._clock.now().mono_s):
            writer.transport.abort()
            return
        self._open[address] += 1
        try:
            async with asyncio.timeout(self._bounds.within_s):
                status, said = await self._answer(reader, address)
                await _write(writer, status, said)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # half a request, too slow, or gone
        except Exception:
            _log.exception("a request failed from=%s", address)
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, address: str) -> Answered:
        try:
            status, said = await self._take(await self._read(reader, address))
        except WrongRequestError as error:
            status, said = error.status, {"ok": False, "said": str(error)}
        if status != 200 and not self._refusals.may(address, self._clock.now().mono_s):
            return 429, {"ok": False, "said": "too many wrong requests"}
        return status, said

    async def _read(self, reader: asyncio.StreamReader, address: str) -> Asked:
        head = await reader.readuntil(b"\r\n\r\n")
        line = _LINE.match(head)
        if line is None:
            raise WrongRequestError(400, "this is no HTTP/1.1")
        named = [each.partition(b":") for each in head[line.end() :].split(b"\r\n")]
        headers = {name.strip().lower().decode("latin-1"): value.strip().decode("latin-1") for name, _, value in named}
        method = line[1].decode()
        if method not in ("GET", "POST"):
            raise WrongRequestError(405, "GET or POST")
        try:
            parts = urlsplit(line[2].decode("latin-1"))
        except ValueError as error:
            raise WrongRequestError(400, "its address cannot be read") from error
        body = await _body(reader, headers, self._bounds.body) if method == "POST" else b""
        parameters = _pairs(parts.query)
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            parameters |= _pairs(body.decode("latin-1"))
        return Asked(method, parts.path, parameters, headers, body, address, self._clock.now().mono_s)


async def _body(reader: asyncio.StreamReader, headers: dict[str, str], most: int) -> bytes:
    length = headers.get("content-length", "0" if "transfer-encoding" not in headers else "")
    if not re.fullmatch(r"[0-9]{1,9}", length):
        raise WrongRequestError(411, "say Content-Length; pieces (chunked) are not taken")
    if int(length) > most:
        raise WrongRequestError(413, f"at most {most} bytes")
    return await reader.readexactly(int(length))


def _pairs(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_PARAMETERS_MAX))
    except ValueError as error:
        raise WrongRequestError(413, f"at most {_PARAMETERS_MAX} parameters") from error


async def _write(writer: asyncio.StreamWriter, status: int, said: dict[str, object]) -> None:
    body = msgspec.json.encode(said) + b"\n"
    head = f"HTTP/1.1 {status} {_WORDS[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Cache-Control: no-store\r\nConnection: close\r\n\r\n".encode() + body)
    await writer.drain()
