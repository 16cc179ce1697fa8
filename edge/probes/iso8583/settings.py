"""How a host wants its network management messages: every bank its own dialect of ISO 8583."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from edge.probing import ProbeConfigError

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){0,32}")
_MESSAGE = re.compile(r"[0129]8[0-9]0")
MAY_BE_SENT = frozenset({3, 7, 11, 12, 13, 15, 24, 32, 33, 37, 41, 42, 53, 60, 61, 62, 63, 70, 93, 94, 100})
"""What says who asks and what for. A card's number or track (2, 35, 36, 45), a PIN (52), an amount (4, 5, 6, 54) and
chip data (55) are not among them, and no setting makes them."""


class Iso8583Settings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The host's dialect; left out, ISO 8583:1987 in ASCII with an echo test (0800, field 70 = 301).

    `message`: 0800, or 0820 as UnionPay's. `fields`: what is sent beside time (7) and trace number (11), by number;
    `now` stands for the present time in 12 and date in 13. `numbers`: how digits are written, ascii or bcd (then
    the bitmap is binary as well, unless said). `length`: the head that says how long a message is. `tpdu`, `head`:
    bytes before the message, in hexadecimal. `packed`: fields of free use that the host wants in BCD as well, as
    60 of UnionPay's POS. `stamped`: whether field 7 is sent. `approved`: response codes (39) that are well. `tls`: with
    `ca_file` for the bank's own authority and `server_name`, where the certificate names another than the target.
    """

    message: str = "0800"
    fields: dict[str, str] = msgspec.field(default_factory=lambda: {"70": "301"})
    numbers: Literal["ascii", "bcd"] = "ascii"
    packed: list[int] = []
    bitmap: Literal["", "binary", "hex"] = ""
    length: Literal["binary2", "binary4", "ascii4", "bcd2"] = "binary2"
    length_counts_itself: bool = False
    tpdu: str = ""
    head: str = ""
    stamped: bool = True
    approved: list[str] = msgspec.field(default_factory=lambda: ["00"])
    tls: bool = False
    trust: bool = True
    ca_file: str = ""
    server_name: str = ""

    @property
    def binary_bitmap(self) -> bool:
        return self.bitmap == "binary" or (not self.bitmap and self.numbers == "bcd")

    @property
    def before(self) -> bytes:
        """The bytes that stand before every message."""
        return bytes.fromhex(self.tpdu + self.head)

    @property
    def answer(self) -> str:
        """The message type that answers ours: 0800 → 0810."""
        return self.message[:2] + str(int(self.message[2]) + 1) + self.message[3]

    def check(self) -> None:
        """Raises ProbeConfigError."""
        if not _MESSAGE.fullmatch(self.message) or int(self.message[2]) % 2:
            raise ProbeConfigError(
                f"message {self.message!r}: a question of network management, as 0800 or 0820; nothing else is sent"
            )
        for name in ("tpdu", "head"):
            if not _HEX.fullmatch(getattr(self, name)):
                raise ProbeConfigError(f"{name} {getattr(self, name)!r}: hexadecimal, as 6000030000, at most 32 bytes")
        for number, value in self.fields.items():
            if not number.isdecimal() or int(number) not in MAY_BE_SENT:
                raise ProbeConfigError(
                    f"field {number!r} is not sent: only {', '.join(map(str, sorted(MAY_BE_SENT)))} say who asks; "
                    "cards, PINs and amounts have no place in an echo"
                )
            if not value.isascii() or not value.isprintable() or len(value) > 100:
                raise ProbeConfigError(f"field {number}: at most 100 printable ASCII characters")
        if any(number not in MAY_BE_SENT for number in self.packed):
            raise ProbeConfigError(f"packed {self.packed!r}: numbers of fields that may be sent")
        if not self.approved or not all(re.fullmatch(r"[0-9A-Za-z]{2}", code) for code in self.approved):
            raise ProbeConfigError(f"approved {self.approved!r}: codes of two characters, as 00")
