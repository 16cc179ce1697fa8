"""Messages as bytes and back, in the host's dialect (pyiso8583 does the packing)."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import iso8583
from iso8583.specs import default_ascii

from edge.probes.iso8583.settings import Iso8583Settings
from shouwang.clock import Now, shanghai

BYTES_MAX = 4_096
_DIGITS = frozenset({3, 4, 7, 11, 12, 13, 15, 24, 32, 33, 53, 70, 93, 94, 100})
"""Fields that hold digits alone: they are packed two a byte where the host wants BCD."""
_SIZES = {"binary2": 2, "binary4": 4, "ascii4": 4, "bcd2": 2}


class NotOursError(ValueError):
    """Bytes that are no message, or no answer to ours; the message says what is wrong with them."""


def specification(said: Iso8583Settings) -> dict[str, Any]:
    """pyiso8583's specification of this dialect."""
    made: dict[str, Any] = {name: dict(value) for name, value in default_ascii.items()}
    made["h"] = {"data_enc": "b", "len_enc": "b", "len_type": 0, "max_len": len(said.before), "desc": "before"}
    if said.binary_bitmap:
        made["p"]["data_enc"], made["p"]["max_len"] = "b", 8
        made["1"]["data_enc"], made["1"]["max_len"] = "b", 8
    if said.numbers == "bcd":
        made["t"] |= {"data_enc": "b", "max_len": 2}
        for number in range(2, 129):
            field = made[str(number)]
            packed = number in _DIGITS or number in said.packed
            if field["len_type"]:
                field |= {"len_enc": "bcd", "len_type": (field["len_type"] + 1) // 2}
                if packed:
                    field |= {"data_enc": "b", "len_count": "nibbles", "right_pad": "0"}
            elif packed:
                field |= {"data_enc": "b", "max_len": (field["max_len"] + 1) // 2}
    return made


def question(said: Iso8583Settings, spec: dict[str, Any], stan: str, now: Now) -> bytes:
    """The bytes to send, with their length before them. `stan`: six digits by which the answer is known.
    Raises ValueError when the settings do not fit the specification."""
    fields: dict[str, Any] = {"t": said.message, "11": stan}
    local = shanghai(now.wall_ms)
    if said.stamped:
        fields["7"] = local.astimezone(UTC).strftime("%m%d%H%M%S")
    for number, value in said.fields.items():
        given = {"12": local.strftime("%H%M%S"), "13": local.strftime("%m%d")}.get(number) if value == "now" else None
        fields[number] = given or value
    return packed(said, spec, fields)


def packed(said: Iso8583Settings, spec: dict[str, Any], given: dict[str, str]) -> bytes:
    """A message of these fields, with its length before it. Raises ValueError."""
    fields = dict(given)
    for number, value in given.items():
        if number.isdecimal() and not spec[number]["len_type"]:
            fields[number] = _fitted(value, int(number), spec[number])
    if said.before:
        fields["h"] = said.before.hex().upper()
    try:
        raw, _ = iso8583.encode(fields, spec)
    except iso8583.EncodeError as error:
        raise ValueError(f"field {error.field}: {error.msg}") from error
    return _headed(said, bytes(raw))


def size_of_head(said: Iso8583Settings) -> int:
    return _SIZES[said.length]


def size_in(said: Iso8583Settings, head: bytes) -> int:
    """How many bytes follow. Raises NotOursError."""
    try:
        match said.length:
            case "ascii4":
                size = int(head.decode("ascii"))
            case "bcd2":
                size = int(head.hex())
            case _:
                size = int.from_bytes(head, "big")
    except ValueError:
        raise NotOursError(f"its length {head.hex()} is none in {said.length}") from None
    size -= len(head) if said.length_counts_itself else 0
    if not len(said.before) + 6 <= size <= BYTES_MAX:
        raise NotOursError(f"a message of {size} bytes (length head {head.hex()} as {said.length})")
    return size


def read(spec: dict[str, Any], raw: bytes) -> dict[str, str]:
    """A message's fields, by number; `t` is its type. Raises NotOursError."""
    try:
        decoded, _ = iso8583.decode(raw, spec)
    except iso8583.DecodeError as error:
        raise NotOursError(f"field {error.field}: {error.msg}") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise NotOursError(str(error)[:100]) from error
    return dict(decoded)


def same_number(one: str, other: str) -> bool:
    """Whether two trace numbers are the same, however they are padded."""
    return one.isdecimal() and other.isdecimal() and int(one) == int(other)


def _headed(said: Iso8583Settings, raw: bytes) -> bytes:
    size = len(raw) + (_SIZES[said.length] if said.length_counts_itself else 0)
    match said.length:
        case "ascii4":
            head = b"%04d" % size
        case "bcd2":
            head = bytes.fromhex(f"{size:04d}")
        case _:
            head = size.to_bytes(_SIZES[said.length], "big")
    return head + raw


def _fitted(value: str, number: int, field: dict[str, Any]) -> str:
    """As long as its field: digits from the left with 0, text to the right with spaces (ISO 8583, 4.2)."""
    wanted = field["max_len"] * (2 if field["data_enc"] == "b" else 1)
    return value.zfill(wanted) if number in _DIGITS else value.ljust(wanted)
