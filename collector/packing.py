"""Messages as they lie in the journal: packed, so that disk and flash take a quarter of what came over the wire."""

from __future__ import annotations

import lz4.block

_PACKED = b"\x00lz4"
"""What a packed message begins with; what is no JSON and begins so is packed too, so nothing else ever does."""
_WORTH_IT = 256


def pack(payload: bytes) -> bytes:
    """Some microseconds for a report of fifty readings."""
    if len(payload) < _WORTH_IT and not payload.startswith(_PACKED):
        return payload
    return _PACKED + bytes(lz4.block.compress(payload))


def unpack(stored: bytes) -> bytes:
    """What was packed; rows that an earlier version wrote come back as they are."""
    if not stored.startswith(_PACKED):
        return stored
    try:
        return bytes(lz4.block.decompress(stored[len(_PACKED) :]))
    except (lz4.block.LZ4BlockError, MemoryError):
        return stored
