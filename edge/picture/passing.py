"""What a camera says on RTSP, read before FFmpeg is given it: nothing that would send FFmpeg to another address passes.

FFmpeg follows a redirect by itself, to any address, and sends what it has to say about frames to whatever address the
camera names. So every answer is read strictly, and written anew. Pure.
"""

from __future__ import annotations

import re

HEAD_BYTES_MAX = 16_384
_BODY_BYTES_MAX = 65_536
_ANSWER = re.compile(r"RTSP/1\.\d ([1-9]\d\d) ?([\x20-\x7e]*)")
_HEADER = re.compile(r"([A-Za-z0-9-]{1,64}) *: *([^\r\n\x00]*)")
_LENGTH = re.compile(r"\d{1,6}")
_NAMES_AN_ADDRESS = ("source", "destination")


class ElsewhereError(Exception):
    """It sends to another address; the message is that address, as it wrote it."""


class StrangeError(ValueError):
    """What is no RTSP, or more than is bounded."""


class Passing:
    """One connection. `camera`: its address, which is checked already."""

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._held = bytearray()

    def feed(self, data: bytes) -> bytes:
        """What may pass of all that has come so far. Raises ElsewhereError or StrangeError; the connection is over
        then."""
        self._held += data
        passed: list[bytes] = []
        while (piece := self._next()) is not None:
            passed.append(piece)
        return b"".join(passed)

    def _next(self) -> bytes | None:
        """The next whole frame or answer, empty for what does not pass; None where it is not all there yet."""
        held = self._held
        if held[:1] == b"$":  # RFC 2326, 10.12: frames between the answers
            size = 4 + int.from_bytes(held[2:4], "big")
            return self._cut(size) if len(held) >= max(4, size) else None
        if held[:2] == b"\r\n":
            del held[:2]
            return b""
        end = held.find(b"\r\n\r\n", 0, HEAD_BYTES_MAX)
        if end < 0:
            if len(held) >= HEAD_BYTES_MAX:
                raise StrangeError(f"a head of over {HEAD_BYTES_MAX} bytes")
            return None
        first, *lines = held[:end].decode("utf-8", "replace").split("\r\n")
        headers = [_header(line) for line in lines]
        length = _length(headers)
        if len(held) < end + 4 + length:
            return None
        body = self._cut(end + 4 + length)[end + 4 :]
        answered = _ANSWER.fullmatch(first)
        if answered is None:
            return self._its_own(first, headers)
        if answered[1].startswith("3"):
            raise ElsewhereError(_location(headers))
        return self._written(f"RTSP/1.0 {answered[1]} {answered[2]}", headers, body)

    def _its_own(self, first: str, headers: list[tuple[str, str]]) -> bytes:
        """A request of the camera's: FFmpeg needs none in the seconds of a look."""
        if first.startswith("REDIRECT "):
            raise ElsewhereError(_location(headers))
        if not re.fullmatch(r"[A-Z_]{3,20} \S{1,1000} RTSP/1\.\d", first):
            raise StrangeError(f"it answered {first[:60]!r}")
        return b""

    def _written(self, first: str, headers: list[tuple[str, str]], body: bytes) -> bytes:
        lines = [first]
        for name, value in headers:
            if name.lower() == "transport":
                value = self._transport(value)
            if name.lower() not in ("location", "content-length"):
                lines.append(f"{name}: {value}")
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "replace") + body

    def _transport(self, value: str) -> str:
        """Its frames come from the camera and from nowhere else."""
        parts = [part for part in value.split(";") if part.partition("=")[0].strip().lower() not in _NAMES_AN_ADDRESS]
        if any(part.strip().lower() == "multicast" for part in parts):
            raise StrangeError("it would send to a group (multicast)")
        if any(part.strip().lower().startswith("server_port") for part in parts) and ":" not in self._camera:
            parts.append(f"source={self._camera}")
        return ";".join(parts)

    def _cut(self, size: int) -> bytes:
        piece = bytes(self._held[:size])
        del self._held[:size]
        return piece


def _header(line: str) -> tuple[str, str]:
    found = _HEADER.fullmatch(line)
    if found is None:
        raise StrangeError(f"no header: {line[:60]!r}")
    return found[1], found[2]


def _length(headers: list[tuple[str, str]]) -> int:
    said = {value.strip() for name, value in headers if name.lower() == "content-length"} or {"0"}
    if len(said) > 1 or not all(_LENGTH.fullmatch(each) and int(each) <= _BODY_BYTES_MAX for each in said):
        raise StrangeError(f"a body of {', '.join(sorted(said))[:60]} bytes")
    return int(said.pop())


def _location(headers: list[tuple[str, str]]) -> str:
    where = next((value for name, value in headers if name.lower() == "location"), "")
    return re.sub(r"//[^/@]*@", "//", where)[:120]
