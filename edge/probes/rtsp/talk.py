"""Requests and responses of RTSP (RFC 2326) on one connection, bounded in size."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

HEAD_BYTES_MAX = 16_384
_BODY_BYTES_MAX = 65_536
_STATUS = re.compile(r"RTSP/\d\.\d (\d{3}) ?(.*)")


@dataclass(slots=True, frozen=True)
class Response:
    """`headers` in lower case, in their order; `body` at most 64 KB."""

    status: int
    text: str
    headers: list[tuple[str, str]]
    body: str

    def all_of(self, name: str) -> list[str]:
        """The values of a header, which may stand several times."""
        return [value for each, value in self.headers if each == name]


class Talk:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._cseq = 0

    async def request(self, method: str, uri: str, headers: dict[str, str] | None = None) -> Response:
        """Asks, and waits for the answer. Raises ValueError for what is no RTSP, IncompleteReadError, OSError."""
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
        return Response(int(status[1]), status[2], pairs, body)
