"""How REST answers: plain dicts straight to JSON (the views have the contract's shapes already)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Query
from starlette.responses import Response

from api.problems import invalid, not_found
from shouwang.clock import parse_rfc3339
from shouwang.ledger.views import LIMIT_DEFAULT, LIMIT_MAX

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="Items of a page, to 1,000.")]
Cursor = Annotated[str | None, Query(max_length=512, description="`next_cursor` of the page before.")]
Code = Annotated[str | None, Query(max_length=64)]
Codes = Annotated[
    str | None, Query(max_length=20_000, description="A code, or several with commas between; `*` or none: any.")
]
Search = Annotated[str | None, Query(max_length=200, description="Finds in names, codes and addresses.")]
Instant = Annotated[str | None, Query(max_length=40, description="RFC 3339; without an offset it is UTC.")]

INSTANT_MAX_MS = 253_402_300_799_000
LIMIT = LIMIT_DEFAULT


def answer(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Data as JSON."""
    return Response(msgspec.json.encode(data), status, headers, "application/json")


def found(data: dict[str, Any] | None, what: str) -> dict[str, Any]:
    """The data, or a 404 Problem where there is none."""
    if data is None:
        raise not_found(what)
    return data


def instant_ms(text: str | None, where: str) -> int | None:
    """Epoch milliseconds of an RFC 3339 instant. Raises a 422 Problem."""
    if text is None:
        return None
    # A `+` of an offset that was not escaped arrives as a blank.
    try:
        value = parse_rfc3339(text.strip().replace(" ", "+") if "T" in text else text)
    except (ValueError, OverflowError):
        raise invalid(where, f"{text[:40]!r} is no RFC 3339 instant like 2026-11-24T08:00:00Z") from None
    if not 0 <= value <= INSTANT_MAX_MS:
        raise invalid(where, f"{text[:40]!r} lies before 1970")
    return value


def one_of(value: str | None, known: tuple[str, ...], where: str) -> str | None:
    """The value where it is known. Raises a 422 Problem that names what is."""
    if value is not None and value not in known:
        raise invalid(where, f"{value[:64]!r} is none of {', '.join(known)}")
    return value
