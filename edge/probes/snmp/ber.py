"""The few kinds of BER that SNMP uses (X.690; RFC 3416, 3; RFC 2578, 7.1): to read any bytes safely, and to write ours.

Of the wire's forms only those are read that SNMP allows: definite lengths, tags of one byte. Nothing here recurses.
"""

from __future__ import annotations

from edge.probes.snmp.mapping import Value

INTEGER, OCTETS, NULL, OID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
IP_ADDRESS, COUNTER32, GAUGE32, TICKS, OPAQUE, COUNTER64 = 0x40, 0x41, 0x42, 0x43, 0x44, 0x46
ABSENT = frozenset({0x80, 0x81, 0x82})  # noSuchObject, noSuchInstance, endOfMibView

_ARCS_MAX = 128
_INTEGER_BYTES_MAX = 9


class MalformedError(ValueError):
    """Bytes that are no SNMP."""


class Cursor:
    """Reads values one after another from `data[at:end]`."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else end

    @property
    def more(self) -> bool:
        return self.at < self.end

    def next(self) -> tuple[int, int, int]:
        """Tag, start and end of the next value's content; moves past it. Raises MalformedError."""
        if self.at + 2 > self.end:
            raise MalformedError("it ends too early")
        tag, length = self.data[self.at], self.data[self.at + 1]
        start = self.at + 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4 or start + size > self.end:
                raise MalformedError("a length that cannot be")
            length = int.from_bytes(self.data[start : start + size], "big")
            start += size
        if start + length > self.end:
            raise MalformedError("a value longer than the message")
        self.at = start + length
        return tag, start, self.at

    def take(self, tag: int) -> bytes:
        """The content of the next value, which must be of this tag. Raises MalformedError."""
        found, start, end = self.next()
        if found != tag:
            raise MalformedError(f"tag {found:#04x} where {tag:#04x} belongs")
        return self.data[start:end]

    def into(self, tag: int = SEQUENCE) -> Cursor:
        """A cursor over the content of the next value. Raises MalformedError."""
        found, start, end = self.next()
        if found != tag:
            raise MalformedError(f"tag {found:#04x} where {tag:#04x} belongs")
        return Cursor(self.data, start, end)

    def integer(self) -> int:
        """Raises MalformedError."""
        return _integer(self.take(INTEGER))

    def value(self) -> Value | None:
        """The value of a binding; None for what is not there. Raises MalformedError."""
        tag, start, end = self.next()
        content = self.data[start:end]
        match tag:
            case 0x02:
                return _integer(content)
            case 0x41 | 0x42 | 0x43 | 0x46:
                return _integer(content) & (2**64 - 1)
            case 0x04 | 0x44:
                return content
            case 0x06:
                return read_oid(content)
            case 0x40:
                return ".".join(str(byte) for byte in content[:4])
            case 0x05 | 0x80 | 0x81 | 0x82:
                return None
            case _:
                raise MalformedError(f"a value of the unknown kind {tag:#04x}")


def _integer(content: bytes) -> int:
    if not 1 <= len(content) <= _INTEGER_BYTES_MAX:
        raise MalformedError(f"an integer of {len(content)} bytes")
    return int.from_bytes(content, "big", signed=True)


def read_oid(content: bytes) -> str:
    """`1.3.6.1…`. Raises MalformedError."""
    arcs: list[int] = []
    arc = 0
    for byte in content:
        arc = arc << 7 | byte & 0x7F
        if arc > 2**32 - 1:
            raise MalformedError("an object number that cannot be")
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
    if not arcs or len(arcs) > _ARCS_MAX or content[-1] & 0x80:
        raise MalformedError("an object number that cannot be")
    first = min(arcs[0] // 40, 2)
    return ".".join(str(each) for each in (first, arcs[0] - 40 * first, *arcs[1:]))


def tlv(tag: int, content: bytes) -> bytes:
    """Tag, length, content."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def integer(number: int, tag: int = INTEGER) -> bytes:
    return tlv(tag, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def oid(text: str) -> bytes:
    """Raises ValueError for what is no object number."""
    first, second, *rest = (int(arc) for arc in text.split("."))
    made = bytearray()
    for arc in (first * 40 + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        made += bytes(reversed(groups))
    return tlv(OID, bytes(made))
