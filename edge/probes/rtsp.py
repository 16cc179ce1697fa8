"""RTSP (RFC 2326) over TCP: OPTIONS shows that a camera lives, DESCRIBE that it has its stream. No picture is taken."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

from edge.auth import answer
from edge.probes.tcp import said
from edge.probing import Answer, Around, Probe, ProbeConfigError
from shouwang.vocabulary import Driver

_HEAD_BYTES_MAX = 16_384
_BODY_BYTES_MAX = 65_536
_STATUS = re.compile(r"RTSP/\d\.\d (\d{3}) ?(.*)")
_FRAME_RATE = re.compile(r"(?m)^a=(?:x-)?framerate:\s*(\d+(?:\.\d+)?)")
_REFUSED = (401, 403)


class RtspSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`user` and `password` (as `secret:NAME`) where the stream wants them."""

    user: str = ""
    password: str = ""


class RtspProbe(Probe):
    """Target: `rtsp://host[:port]/path`."""

    driver = Driver.RTSP
    Settings = RtspSettings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        try:
            parts = urlsplit(target)
            host, port = parts.hostname, parts.port or 554
        except ValueError as error:
            raise ProbeConfigError(f"target {target!r}: {error}") from error
        if parts.scheme != "rtsp" or not host or not target.isascii() or any(c.isspace() for c in target):
            raise ProbeConfigError(f"target {target!r}: expected rtsp://host:554/path")
        self._host, self._port = host, port

    async def ask(self, timeout_s: float) -> Answer:
        """`reachable` when it answers OPTIONS and describes its stream; one that refuses the password is reachable, and
        the reason says so. `latency_ms` is that of OPTIONS; `fps_expected` is what the stream says of itself."""
        try:
            async with asyncio.timeout(timeout_s):
                address = await self.around.allowed.resolve(self._host, self._port)
                reader, writer = await asyncio.open_connection(address, self._port, limit=_HEAD_BYTES_MAX)
                try:
                    return await self._ask(_Talk(reader, writer))
                finally:
                    writer.transport.abort()
        except TimeoutError:
            return Answer(False, reason=f"no answer within {timeout_s:g} s")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            return Answer(False, reason=f"no RTSP: {error}")
        except OSError as error:
            return Answer(False, reason=said(error))

    async def _ask(self, talk: _Talk) -> Answer:
        clock = self.around.clock
        sent_s = clock.now().mono_s
        await talk.request("OPTIONS", self.target)
        latency_ms = (clock.now().mono_s - sent_s) * 1000
        accept = {"Accept": "application/sdp"}
        status, text, headers, body = await talk.request("DESCRIBE", self.target, accept)
        if status == 401 and self.settings.user:
            challenges = [value for name, value in headers if name == "www-authenticate"]
            authorization = answer(challenges, "DESCRIBE", self.target, self.settings.user, self.settings.password)
            if authorization is None:
                return Answer(True, latency_ms, reason=f"it asks for what the agent cannot do: {challenges}")
            status, text, headers, body = await talk.request(
                "DESCRIBE", self.target, accept | {"Authorization": authorization}
            )
        if status in _REFUSED:
            whose = f"user {self.settings.user!r}" if self.settings.user else "an unnamed user"
            return Answer(True, latency_ms, reason=f"it refuses {whose}: {status} {text}")
        if status != 200:
            return Answer(False, latency_ms, reason=f"DESCRIBE: {status} {text}")
        if "m=video" not in body:
            return Answer(False, latency_ms, reason="its description names no video")
        rate = _FRAME_RATE.search(body)
        return Answer(True, latency_ms, {"fps_expected": float(rate[1])} if rate else {})


class _Talk:
    """Requests and responses on one connection, bounded in size."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._cseq = 0

    async def request(
        self, method: str, uri: str, headers: dict[str, str] | None = None
    ) -> tuple[int, str, list[tuple[str, str]], str]:
        """Status, its text, headers in lower case, body. Raises ValueError for what is no RTSP."""
        self._cseq += 1
        lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {self._cseq}", "User-Agent: shouwang"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("utf-8", "replace")
        first, *rest = head.split("\r\n")
        status = _STATUS.fullmatch(first.strip())
        if status is None:
            raise ValueError(f"it answered {first[:60]!r}")
        pairs = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in rest)]
        length = int(dict(pairs).get("content-length", "0") or 0)
        if not 0 <= length <= _BODY_BYTES_MAX:
            raise ValueError(f"a body of {length} bytes")
        body = (await self._reader.readexactly(length)).decode("utf-8", "replace") if length else ""
        return int(status[1]), status[2], pairs, body
