"""The little of DNS that asking for an address needs (RFC 1035, 4; RFC 3596): to write it, and to read any bytes."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

KINDS = {"A": 1, "AAAA": 28}
_CNAME, _INTERNET = 5, 1
_RESPONSE, _TRUNCATED, _RECURSION = 0x8000, 0x0200, 0x0100
_RECORDS_MAX = 4_096  # more do not fit into the longest message
_POINTERS_MAX = 64
_CODES = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


class NotDnsError(ValueError):
    """Bytes that are no answer to the question; the message says why."""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer. `code`: empty where it is a good one, else `NXDOMAIN` and its like. `addresses` in its order."""

    code: str
    truncated: bool
    addresses: tuple[str, ...]


def encode_name(name: str) -> bytes:
    """Raises ValueError for what is no name."""
    text = name.rstrip(".")
    labels = text.encode("idna").split(b".") if not text.isascii() else text.encode("ascii").split(b".")
    made = bytearray()
    for label in labels:
        if not 1 <= len(label) <= 63 or not all(0x21 <= byte <= 0x7E for byte in label):
            raise ValueError(f"{name!r} is no name")
        made += bytes((len(label),)) + label
    if len(made) > 254:
        raise ValueError(f"{name!r} is too long for a name")
    return bytes(made) + b"\0"


def question(id_: int, name: bytes, kind: int) -> bytes:
    """`name` as `encode_name` makes it. Recursion is asked for."""
    return struct.pack(">6H", id_, _RECURSION, 1, 0, 0, 0) + name + struct.pack(">HH", kind, _INTERNET)


def read(data: bytes, asked: bytes) -> Told:
    """The answer to the question `asked`; an alias (CNAME) is followed within it. Raises NotDnsError."""
    if len(data) < 12:
        raise NotDnsError("it ends too early")
    id_, flags, questions, answers, _, _ = struct.unpack_from(">6H", data)
    if id_ != int.from_bytes(asked[:2], "big") or not flags & _RESPONSE:
        raise NotDnsError("an answer to another question")
    code = _CODES.get(flags & 15, f"code {flags & 15}") if flags & 15 else ""
    if questions != 1:
        if code:
            return Told(code, False, ())  # some say no more than that they will not
        raise NotDnsError("it does not say what it answers")
    wanted, _ = _name(asked, 12)
    name, at = _name(data, 12)
    if at + 4 > len(data) or name != wanted or data[at : at + 4] != asked[-4:]:
        raise NotDnsError("an answer to another question")
    at += 4
    kind = int.from_bytes(asked[-4:-2], "big")
    aliases: dict[bytes, bytes] = {}
    found: list[tuple[bytes, str]] = []
    for _ in range(min(answers, _RECORDS_MAX)):
        if at >= len(data) and flags & _TRUNCATED:
            break
        owner, at = _name(data, at)
        if at + 10 > len(data):
            raise NotDnsError("it ends too early")
        type_, class_, _, size = struct.unpack_from(">HHIH", data, at)
        at += 10
        if at + size > len(data):
            raise NotDnsError("it ends too early")
        if class_ == _INTERNET and type_ == _CNAME:
            aliases[owner], _ = _name(data, at)
        elif class_ == _INTERNET and type_ == kind and size == (4 if kind == KINDS["A"] else 16):
            found.append((owner, str(ipaddress.ip_address(data[at : at + size]))))
        at += size
    owners = {wanted}
    while (last := aliases.pop(wanted, None)) is not None:
        owners.add(last)
        wanted = last
    return Told(code, bool(flags & _TRUNCATED), tuple(address for owner, address in found if owner in owners))


def _name(data: bytes, at: int) -> tuple[bytes, int]:
    """A name in lower case, as labels with their lengths, and where what follows it begins. Raises NotDnsError."""
    labels = bytearray()
    end = -1
    pointers = 0
    while True:
        if at >= len(data):
            raise NotDnsError("a name ends too early")
        length = data[at]
        if length & 0xC0 == 0xC0:
            if at + 2 > len(data) or (pointers := pointers + 1) > _POINTERS_MAX:
                raise NotDnsError("a name that goes round in circles")
            end = end if end >= 0 else at + 2
            at = int.from_bytes(data[at : at + 2], "big") & 0x3FFF
            continue
        if length & 0xC0 or at + 1 + length > len(data) or len(labels) + length > 255:
            raise NotDnsError("a name that cannot be")
        if not length:
            return bytes(labels).lower(), end if end >= 0 else at + 1
        labels += data[at : at + 1 + length]
        at += 1 + length
