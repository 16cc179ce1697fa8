"""HTTP: the status a page gives, and where it gives JSON, a value in it. One small request, no redirect followed.

Of https what its certificate says is told too, as the TLS driver tells it. Where the certificate is refused the page is
not asked: nothing secret is said to a stranger.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from edge.auth import answer
from edge.json_path import find, parse_path
from edge.probes.http.settings import PUSH, HttpSettings
from edge.probes.tcp import said
from edge.probes.tls import Connected, client_context, connect
from edge.probing import Answer, Around, Probe, ProbeConfigError
from edge.steps import CONNECT, step
from shouwang.vocabulary import Driver

_HEAD_BYTES_MAX = 32_768
_BODY_BYTES_MAX = 262_144
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})")


@dataclass(slots=True)
class _Page:
    """What came. `certificate`: fields of the reading; `refused`: why it is not trusted, and then there is no page."""

    status: int = 0
    challenges: list[str] = field(default_factory=list)
    body: bytes = b""
    certificate: dict[str, Any] = field(default_factory=dict)
    refused: str = ""


class HttpProbe(Probe):
    """Target: `http://host[:port]/path` or `https://…`. `page_ok` is whether status and value are as they should be."""

    driver = Driver.HTTP
    Settings = HttpSettings

    @classmethod
    def asks(cls, target: str) -> bool:
        return target != PUSH

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        if target == PUSH:
            raise ProbeConfigError(
                "a device whose target is `push` calls the agent, with its push_key; it is not asked"
            )
        try:
            parts = urlsplit(target)
            host, port = parts.hostname, parts.port
            self._wanted = parse_path(settings.json_path) if settings.json_path else None
            self._fields = {name: parse_path(path) for name, path in settings.fields.items()}
        except ValueError as error:
            raise ProbeConfigError(f"target {target!r} or its settings: {error}") from error
        if (
            parts.scheme not in ("http", "https")
            or not host
            or not target.isascii()
            or any(c.isspace() for c in target)
        ):
            raise ProbeConfigError(f"target {target!r}: expected http://host/path or https://host/path")
        self._host, self._secure = host, parts.scheme == "https"
        self._port = port or (443 if self._secure else 80)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._authority = settings.host or parts.netloc
        if any(character in self._authority for character in "\r\n"):
            raise ProbeConfigError("host: no line breaks")

    async def ask(self, timeout_s: float) -> Answer:
        """`reachable` when there is an HTTP answer of whatever status; `latency_ms` is the time to it."""
        clock = self.around.clock
        sent_s = clock.now().mono_s
        try:
            async with asyncio.timeout(timeout_s):
                page = await self._get("")
                latency_ms = (clock.now().mono_s - sent_s) * 1000
                if page.status == 401 and self.settings.user:
                    wanted = answer(page.challenges, "GET", self._path, self.settings.user, self.settings.password)
                    if wanted is not None:
                        page = await self._get(wanted)
        except TimeoutError:
            return Answer(False, reason=f"no answer within {timeout_s:g} s")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            return Answer(False, reason=f"no HTTP: {error}")
        except OSError as error:
            return Answer(False, reason=said(error))
        return self._judged(page, latency_ms)

    def _judged(self, page: _Page, latency_ms: float) -> Answer:
        if page.refused:
            return Answer(True, latency_ms, {"page_ok": False} | page.certificate, page.refused)
        well = page.status in self.settings.status if self.settings.status else 200 <= page.status < 400
        fields = {"page_ok": well} | page.certificate
        made = Answer(True, latency_ms, fields, "" if well else f"status {page.status}")
        if self._wanted is None and not self._fields:
            return made
        try:
            content = msgspec.json.decode(page.body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            made.fields["page_ok"] = False
            made.reason = made.reason or f"its JSON cannot be read: {error}"
            return made
        if self._wanted is not None:
            value = find(content, self._wanted)
            expected = self.settings.equals
            right = value is not None if expected is None else value == expected
            if not right:
                made.fields["page_ok"] = False
                made.reason = made.reason or f"{self.settings.json_path} is {str(value)[:60]!r}"
        for name, path in self._fields.items():
            value = find(content, path)
            if isinstance(value, bool | int | float | str):
                made.fields[name] = value
        return made

    async def _get(self, authorization: str) -> _Page:
        address = await self.around.allowed.resolve(self._host, self._port)
        made = await self._connect(address)
        writer, reader = made.writer, made.reader
        try:
            if made.refused:
                return _Page(certificate=made.fields, refused=made.refused)
            lines = [f"GET {self._path} HTTP/1.1", f"Host: {self._authority}", "User-Agent: shouwang", "Accept: */*"]
            lines += ["Connection: close", "Accept-Encoding: identity"]
            lines += [f"Authorization: {authorization}"] if authorization else []
            writer.write("\r\n".join([*lines, "", ""]).encode())
            with step("GET"):
                head = await reader.readuntil(b"\r\n\r\n")
            status = _STATUS.match(head)
            if status is None:
                raise ValueError(f"it answered {head[:40]!r}")
            headers = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
            named = [(name.strip().lower(), value.strip().decode("latin-1")) for name, _, value in headers]
            challenges = [value for name, value in named if name == b"www-authenticate"]
            body = await _body(reader, dict(named)) if self._wanted or self._fields else b""
            return _Page(int(status[1]), challenges, body, made.fields)
        finally:
            writer.transport.abort()

    async def _connect(self, address: str) -> Connected:
        if self._secure:
            trusting = client_context("", trust=self.settings.trust)
            return await connect(address, self._port, self._host, trusting, self.around.clock, _HEAD_BYTES_MAX)
        with step(CONNECT):
            return Connected(*await asyncio.open_connection(address, self._port, limit=_HEAD_BYTES_MAX))


async def _body(reader: asyncio.StreamReader, headers: dict[bytes, str]) -> bytes:
    """At most 256 KiB of it; more is cut, and then its JSON cannot be read, which is said."""
    if headers.get(b"transfer-encoding", "").lower() == "chunked":
        read = bytearray()
        while len(read) < _BODY_BYTES_MAX:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            if size == 0:
                break
            read += await reader.readexactly(min(size, _BODY_BYTES_MAX))
            await reader.readexactly(2)
        return bytes(read)
    length = headers.get(b"content-length")
    if length is not None:
        return await reader.readexactly(min(int(length), _BODY_BYTES_MAX))
    read = bytearray()
    while len(read) < _BODY_BYTES_MAX and (piece := await reader.read(_BODY_BYTES_MAX - len(read))):
        read += piece
    return bytes(read)
