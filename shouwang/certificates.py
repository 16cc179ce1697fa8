"""Until when certificates are good, read without trusting them; that is to be said 30, 7 and 1 days before."""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

from shouwang import clock

SAID_DAYS_BEFORE = (30, 7, 1)
DAY_MS = 86_400_000
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_UTC_TIME = 0x17  # two digits of a year, of which 50 and more are the 20th century's (RFC 5280, 4.1.2.5.1)
_VERSION = 0xA0


def ends_at_ms(certificate: bytes) -> int:
    """Until when a DER certificate is good (RFC 5280, 4.1.2.5): epoch milliseconds. Raises ValueError."""
    _, whole, _ = _element(certificate)
    _, signed, _ = _element(whole)
    fields: list[bytes] = []
    at = 0
    while at < len(signed) and len(fields) < 4:
        tag, content, length = _element(signed[at:])
        at += length
        if tag != _VERSION:  # it may be left out
            fields.append(content)
    if len(fields) < 4:
        raise ValueError("a certificate without validity")
    validity = fields[3]  # after serial, algorithm, issuer
    _, _, first = _element(validity)
    tag, said, _ = _element(validity[first:])
    text = said.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    return int(datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp() * 1000)


def file_ends_at_ms(path: Path, *, authorities: bool = False) -> int:
    """Until when a PEM file is good: a certificate with those that vouch for it until the first of them ends, several
    `authorities` until the last. Raises OSError, and ValueError where there is no certificate."""
    found = _PEM.findall(path.read_text("ascii", errors="replace"))
    if not found:
        raise ValueError(f"{path} holds no certificate (PEM)")
    ends = [ends_at_ms(ssl.PEM_cert_to_DER_cert(text)) for text in found]
    return max(ends) if authorities else min(ends)


def days_left(ends_ms: int, now_ms: int) -> float:
    """Negative once it has ended."""
    return (ends_ms - now_ms) / DAY_MS


def due(ends_ms: int, now_ms: int) -> int | None:
    """The least of 30, 7 and 1 that the days left have come down to; None while there is time. Said once each."""
    left = days_left(ends_ms, now_ms)
    return min((days for days in SAID_DAYS_BEFORE if left <= days), default=None)


def in_words(ends_ms: int, now_ms: int) -> str:
    """When it ends, or since when it has been over."""
    left = days_left(ends_ms, now_ms)
    if left < 0:
        return f"ended {-left:.0f} days ago, on {clock.rfc3339(ends_ms)}"
    return f"ends in {left:.0f} days, on {clock.rfc3339(ends_ms)}"


def _element(data: bytes) -> tuple[int, bytes, int]:
    """The first DER element (X.690, 8.1): tag, content, and the length of all of it. Raises ValueError."""
    if len(data) < 2:
        raise ValueError("a certificate that ends too soon")
    tag, length, start = data[0], data[1], 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:
            raise ValueError("a certificate with a length that cannot be")
        start += count
        length = int.from_bytes(data[2:start])
    if start + length > len(data):
        raise ValueError("a certificate that ends too soon")
    return tag, data[start : start + length], start + length
