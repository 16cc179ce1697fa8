"""What is inside an SNMP message: a PDU with its bindings, and a notification made of one, of whatever version."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.probes.snmp import ber
from edge.probes.snmp.ber import Cursor, MalformedError
from edge.probes.snmp.mapping import Value

GET, GETNEXT, RESPONSE, V1_TRAP, GETBULK, INFORM, V2_TRAP, REPORT = 0xA0, 0xA1, 0xA2, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8
BINDINGS_MAX = 128

_TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"  # snmpTrapOID.0
_V1_TRAPS = "1.3.6.1.6.3.1.1.5."  # coldStart is .1


@dataclass(slots=True, frozen=True)
class Pdu:
    """`bindings`: object number → value, in order; None where a value is absent. `raw_bindings`: as they came, for an
    answer that gives them back; `raw`: all of it. For GETBULK, `error` and `index` are non-repeaters and
    max-repetitions."""

    tag: int
    request: int
    error: int = 0
    index: int = 0
    bindings: list[tuple[str, Value | None]] = field(default_factory=list)
    raw_bindings: bytes = b""
    raw: bytes = b""
    v1_trap: str = ""  # of an SNMPv1 trap: its number as RFC 3584, 3 makes it


@dataclass(slots=True, frozen=True)
class Notice:
    """A trap or inform: `trap` is its number, `told` its objects."""

    trap: str
    told: dict[str, Value]


def read_pdu(cursor: Cursor) -> Pdu:
    """Raises MalformedError."""
    tag, start, end = cursor.next()
    inside = Cursor(cursor.data, start, end)
    if tag == V1_TRAP:
        enterprise = ber.read_oid(inside.take(ber.OID))
        inside.next()  # the agent's address
        generic, specific = inside.integer(), inside.integer()
        inside.next()  # its uptime
        trap = f"{enterprise}.0.{specific}" if generic == 6 else f"{_V1_TRAPS}{generic + 1}"
        bindings, raw = _read_bindings(inside)
        return Pdu(tag, 0, bindings=bindings, raw_bindings=raw, raw=cursor.data[start:end], v1_trap=trap)
    if tag not in (GET, GETNEXT, RESPONSE, GETBULK, INFORM, V2_TRAP, REPORT):
        raise MalformedError(f"a PDU of the unknown kind {tag:#04x}")
    request, error, index = inside.integer(), inside.integer(), inside.integer()
    bindings, raw = _read_bindings(inside)
    return Pdu(tag, request, error, index, bindings, raw, cursor.data[start:end])


def _read_bindings(inside: Cursor) -> tuple[list[tuple[str, Value | None]], bytes]:
    bindings: list[tuple[str, Value | None]] = []
    listed = inside.into()
    raw = listed.data[listed.at : listed.end]
    while listed.more:
        if len(bindings) >= BINDINGS_MAX:
            raise MalformedError(f"over {BINDINGS_MAX} objects")
        binding = listed.into()
        bindings.append((ber.read_oid(binding.take(ber.OID)), binding.value()))
    return bindings, raw


def write_pdu(tag: int, request: int, raw_bindings: bytes, error: int = 0, index: int = 0) -> bytes:
    return ber.tlv(
        tag, ber.integer(request) + ber.integer(error) + ber.integer(index) + ber.tlv(ber.SEQUENCE, raw_bindings)
    )


def binding(name: str, value: bytes) -> bytes:
    """One binding, its value encoded already."""
    return ber.tlv(ber.SEQUENCE, ber.oid(name) + value)


def notice_of(pdu: Pdu) -> Notice:
    """Raises MalformedError for what is no notification."""
    told = {name: value for name, value in pdu.bindings if value is not None}
    if pdu.v1_trap:
        return Notice(pdu.v1_trap, told)
    trap = told.pop(_TRAP_OID, None)
    if pdu.tag not in (V2_TRAP, INFORM) or not isinstance(trap, str):
        raise MalformedError("no notification: its snmpTrapOID is missing")
    return Notice(trap, told)
