"""Pages of a list: at most `LIMIT_MAX` items, and an opaque cursor that says after which key to go on."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

LIMIT_DEFAULT = 100
LIMIT_MAX = 1_000
_CURSOR_MAX = 512


class BadCursor(ValueError):
    """A cursor that did not come from the list it is given to."""


def encode_cursor(key: Sequence[str | int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(key), separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *types: type) -> list[Any]:
    """The key in a cursor, checked against the types it must have. Raises BadCursor."""
    try:
        if len(cursor) > _CURSOR_MAX:
            raise ValueError
        key: Any = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise BadCursor(f"cursor {cursor[:40]!r} is none that this list gave; leave it out to begin anew") from error
    fits = isinstance(key, list) and len(key) == len(types)
    if not fits or not all(_is(part, expected) for part, expected in zip(key, types, strict=True)):
        raise BadCursor(f"cursor {cursor[:40]!r} belongs to another list; leave it out to begin anew")
    return list(key)


def _is(part: Any, expected: type) -> bool:
    fits: bool = type(part) is expected
    return fits and (expected is not int or abs(int(part)) <= 2**53)


def page(items: list[dict[str, Any]], keys: Sequence[Sequence[str | int]], limit: int) -> dict[str, Any]:
    """The answer to a list of which up to `limit` + 1 items were read: the cursor stands where there is more."""
    more = len(items) > limit
    return {"items": items[:limit], "next_cursor": encode_cursor(keys[limit - 1]) if more else None}


def bounded(limit: int) -> int:
    """A limit in 1…LIMIT_MAX."""
    return max(1, min(limit, LIMIT_MAX))


def like(text: str) -> str:
    """A LIKE pattern (escape `\\`) that finds the text anywhere, its own wildcards taken literally."""
    escaped = text.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
