"""Asks an ONVIF device: one HTTP/1.1 connection for a request, both ways to sign in, bounded in time and bytes."""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass

from edge.auth import answer
from edge.probes.onvif.soap import Fault, envelope, response_of, username_token
from edge.sip.xml import Element

_HEAD_BYTES_MAX = 16_384
_BODY_BYTES_MAX = 262_144
_STATUS = re.compile(r"HTTP/1\.[01] (\d{3}) ?(.*)")


class HttpError(Exception):
    """An answer by HTTP that carries no SOAP; the message is its status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text}".strip())
        self.status, self.text = status, text


@dataclass(frozen=True, slots=True)
class _Answered:
    status: int
    text: str
    challenges: list[str]
    body: bytes


@dataclass(slots=True)
class Device:
    """A device at a checked address. `offset_ms`: how far its clock is ahead of ours, once it is known. Paths of other
    services are taken from what it says, their hosts never: it is this address that was allowed."""

    address: str
    port: int
    host: str
    user: str
    password: str
    secure: ssl.SSLContext | None = None
    offset_ms: float = 0.0

    async def call(
        self, path: str, namespace: str, request: str, now_ms: int, inside: str = "", *, signed: bool = True
    ) -> Element:
        """The response to a request. Raises Fault, HttpError, OSError, IncompleteReadError, ValueError."""
        token = ""
        if signed and self.user:
            token = username_token(self.user, self.password, round(now_ms + self.offset_ms))
        sent = envelope(request, namespace, inside, token)
        action = f"{namespace}/{request}"
        answered = await self._post(path, sent, action, "")
        if answered.status == 401 and self.user and answered.challenges:
            ours = answer(answered.challenges, "POST", path, self.user, self.password)
            if ours is not None:
                answered = await self._post(path, sent, action, f"Authorization: {ours}\r\n")
        if answered.status == 401:
            raise Fault("NotAuthorized", f"401 {answered.text}")
        if answered.status not in (200, 400, 500) or (answered.status != 200 and b"Fault" not in answered.body):
            raise HttpError(answered.status, answered.text)
        return response_of(answered.body, request)

    async def _post(self, path: str, sent: bytes, action: str, more: str) -> _Answered:
        reader, writer = await asyncio.open_connection(
            self.address,
            self.port,
            limit=_HEAD_BYTES_MAX,
            ssl=self.secure,
            server_hostname=self.host if self.secure else None,
        )
        try:
            named = f"[{self.host}]" if ":" in self.host else self.host
            writer.write(
                f"POST {path} HTTP/1.1\r\nHost: {named}:{self.port}\r\nUser-Agent: shouwang\r\nConnection: close\r\n"
                f'Content-Type: application/soap+xml; charset=utf-8; action="{action}"\r\n'
                f"{more}Content-Length: {len(sent)}\r\n\r\n".encode()
                + sent
            )
            return await _read(reader)
        finally:
            writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> _Answered:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    status = _STATUS.fullmatch(first.strip())
    if status is None:
        raise ValueError(f"no HTTP: it answered {first[:60]!r}")
    headers = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    named = dict(headers)
    if "chunked" in named.get("transfer-encoding", "").lower():
        body = await _read_chunks(reader)
    elif "content-length" in named:
        length = int(named["content-length"])
        if not 0 <= length <= _BODY_BYTES_MAX:
            raise ValueError(f"a body of {length} bytes")
        body = await reader.readexactly(length)
    else:
        body = await _read_to_the_end(reader)
    challenges = [value for name, value in headers if name == "www-authenticate"]
    return _Answered(int(status[1]), status[2][:60], challenges, body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if size < 0 or len(body) + size > _BODY_BYTES_MAX:
            raise ValueError(f"a body over {_BODY_BYTES_MAX} bytes")
        if not size:
            return body
        body += await reader.readexactly(size)
        await reader.readexactly(2)


async def _read_to_the_end(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while piece := await reader.read(65_536):
        body += piece
        if len(body) > _BODY_BYTES_MAX:
            raise ValueError(f"a body over {_BODY_BYTES_MAX} bytes")
    return body
