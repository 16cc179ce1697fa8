"""Video as RTP packets: H.264 (RFC 6184) and H.265 (RFC 7798), large NAL units in fragments."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_PAYLOAD_MAX = 1400
_TYPE = 96


@dataclass(frozen=True, slots=True)
class EncodedStream:
    """A stream to be served over and over: `units` are access units, each a list of NAL units without start codes."""

    codec: str
    fps: int
    units: tuple[tuple[bytes, ...], ...]
    parameters: tuple[bytes, ...]  # SPS and PPS; with H.265 VPS before them


@dataclass(slots=True)
class Packetizer:
    """Keeps the sequence number of one stream."""

    codec: str
    ssrc: int
    sequence: int = 0

    def packets(self, unit: Sequence[bytes], timestamp: int) -> Iterator[bytes]:
        """The packets of an access unit (NAL units without start codes) at `timestamp` (90 kHz)."""
        pieces = [piece for nal in unit for piece in self._pieces(nal)]
        for number, piece in enumerate(pieces):
            mark = 0x80 if number == len(pieces) - 1 else 0
            head = struct.pack("!BBHII", 0x80, mark | _TYPE, self.sequence & 0xFFFF, timestamp & 0xFFFFFFFF, self.ssrc)
            self.sequence += 1
            yield head + piece

    def _pieces(self, nal: bytes) -> Iterator[bytes]:
        if len(nal) <= _PAYLOAD_MAX:
            yield nal
            return
        if self.codec == "h264":
            head, kind, body = bytes([nal[0] & 0xE0 | 28]), nal[0] & 31, nal[1:]
        else:
            head, kind, body = bytes([nal[0] & 0x81 | 49 << 1, nal[1]]), nal[0] >> 1 & 63, nal[2:]
        for at in range(0, len(body), _PAYLOAD_MAX):
            first, last = at == 0, at + _PAYLOAD_MAX >= len(body)
            yield head + bytes([kind | 0x80 * first | 0x40 * last]) + body[at : at + _PAYLOAD_MAX]
