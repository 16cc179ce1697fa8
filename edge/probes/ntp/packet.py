"""The 48 bytes of SNTP: what is asked, and what an answer says (RFC 5905, 7.3 and 14; RFC 4330, 5)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

BYTES = 48
_FROM_1900_S = 2_208_988_800
_CLIENT = b"\x23"  # no leap second, version 4, mode 3
_SERVER_MODE = 4
_UNSYNCHRONISED_LEAP = 3
_STRATUM_MAX = 15
_HEAD = struct.Struct("!BBbbII4s")


class NotNtpError(ValueError):
    """An answer that is none to our question; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Told:
    """A server's answer. Seconds since 1970; `kiss`: the code by which it asks us to go away, else empty."""

    stratum: int
    kiss: str
    synchronised: bool
    received_s: float
    transmitted_s: float
    root_delay_s: float
    root_dispersion_s: float


def request(token: bytes) -> bytes:
    """What is sent. `token`, eight random bytes, stands where our own time would: it comes back as it was, so that
    nobody who has not seen it can answer, and tells nobody what time it is here."""
    return _CLIENT + bytes(39) + token


def read(packet: bytes, token: bytes) -> Told:
    """Raises NotNtpError."""
    if len(packet) < BYTES:
        raise NotNtpError(f"an answer of {len(packet)} bytes, and NTP has {BYTES}")
    flags, stratum, _poll, _precision, delay, dispersion, reference = _HEAD.unpack_from(packet)
    if flags & 7 != _SERVER_MODE:
        raise NotNtpError(f"an answer in mode {flags & 7}, not a server's")
    if packet[24:32] != token:
        raise NotNtpError("an answer to somebody else's question")
    kiss = reference.decode("ascii", "replace").strip("\0") if stratum == 0 else ""
    return Told(
        stratum=stratum,
        kiss="".join(each for each in kiss if each.isalnum()) or ("none" if stratum == 0 else ""),
        synchronised=flags >> 6 != _UNSYNCHRONISED_LEAP and 0 < stratum <= _STRATUM_MAX,
        received_s=_epoch_s(packet[32:40]),
        transmitted_s=_epoch_s(packet[40:48]),
        root_delay_s=delay / 2**16,
        root_dispersion_s=dispersion / 2**16,
    )


def offset_ms(told: Told, sent_s: float, back_s: float, back_wall_ms: float) -> float:
    """Our clock minus the server's, in milliseconds: above 0, ours is ahead. `sent_s`, `back_s`: when we asked and when
    the answer came, on the monotonic clock, so that a clock that is set meanwhile does no harm."""
    on_the_way_s = (back_s - sent_s) - (told.transmitted_s - told.received_s)
    return back_wall_ms - (told.transmitted_s + on_the_way_s / 2) * 1000


def _epoch_s(stamp: bytes) -> float:
    seconds, fraction = struct.unpack("!II", stamp)
    # The era that began in 1900 ends in 2036: a small number is of the next one (RFC 4330, 3).
    return float(seconds + (2**32 if seconds < 2**31 else 0) - _FROM_1900_S + fraction / 2**32)
