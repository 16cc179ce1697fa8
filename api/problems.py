"""Every error as RFC 9457 problem details: what was wrong, where, and what to do."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shouwang.ledger.views import BadCursor
from shouwang.log import get_logger
from shouwang.readings.store import StoreUnavailable

log = get_logger("api")

MEDIA_TYPE = "application/problem+json"
_ERRORS_MAX = 50
_VALUE_CHARS_MAX = 100


class Problem(HTTPException):
    """Raise it anywhere in a request. `kind` is the last part of the problem's type, `more` its extra members."""

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str = "",
        *,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(status, detail or title, headers)
        self.kind = kind
        self.title = title
        self.more = more

    @property
    def body(self) -> dict[str, Any]:
        """The members of RFC 9457, and what this problem adds."""
        return {
            "type": f"urn:shouwang:problem:{self.kind}",
            "title": self.title,
            "status": self.status_code,
            "detail": self.detail,
            **self.more,
        }


def not_found(what: str) -> Problem:
    """404: it does not exist, or lies outside of what the asker may see (which is told alike)."""
    return Problem(404, "not-found", "Not found", f"there is no {what}, or it is not yours to see")


def invalid(where: str, what: str) -> Problem:
    """422 for one field that is wrong."""
    return Problem(
        422, "invalid", "The request is not valid", f"{where}: {what}", errors=[{"where": where, "what": what}]
    )


def render(problem: Problem, request: Request) -> Response:
    """As JSON; or as a page, where the console has said how and a browser asks for one."""
    page = getattr(request.app.state, "problem_page", None)
    wants_page = not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")
    if page is not None and wants_page:
        made: Response = page(request, problem)
        return made
    body = {**problem.body, "instance": request.url.path}
    return Response(msgspec.json.encode(body), problem.status_code, problem.headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Makes problems of everything that a request can raise."""

    def of_problem(request: Request, error: Exception) -> Response:
        return render(_problem(error), request)

    for kind in (HTTPException, RequestValidationError, BadCursor, StoreUnavailable, SQLAlchemyError, Exception):
        app.add_exception_handler(kind, of_problem)


def _problem(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _of_validation(error)
        case HTTPException(status_code=status):
            title = HTTPStatus(status).phrase
            return Problem(status, title.lower().replace(" ", "-"), title, str(error.detail), headers=_headers(error))
        case BadCursor():
            return Problem(400, "bad-cursor", "The cursor cannot be used", str(error))
        case StoreUnavailable():
            return Problem(
                503, "readings-unavailable", "Readings cannot be read now", str(error), headers={"Retry-After": "10"}
            )
        case DBAPIError() if _is_value(error):
            return Problem(422, "invalid", "The request is not valid", "a value cannot be kept by the ledger")
        case SQLAlchemyError():
            log.error("ledger failed", error=str(error)[:500])
            return Problem(
                503,
                "ledger-unavailable",
                "The ledger cannot be read now",
                "try again in a few seconds; /readyz says more",
                headers={"Retry-After": "5"},
            )
    log.error("request failed", exc_info=error)
    return Problem(500, "internal", "Something of ours failed", "it stands in the log of the API")


def _is_value(error: DBAPIError) -> bool:
    """Whether the ledger refused a value of the request (a NUL in a text, a number too large)."""
    return type(error.orig).__name__ in ("DataError", "NumericValueOutOfRange", "OverflowError") or isinstance(
        error.orig, UnicodeError
    )


def _of_validation(error: RequestValidationError) -> Problem:
    errors = [
        {
            "where": ".".join(str(part) for part in found["loc"]),
            "what": found["msg"],
            "value": _shown(found.get("input")),
        }
        for found in error.errors()[:_ERRORS_MAX]
    ]
    detail = "; ".join(f"{each['where']}: {each['what']}" for each in errors)
    return Problem(422, "invalid", "The request is not valid", detail[:2_000], errors=errors)


def _shown(value: Any) -> str | None:
    return None if value is None else str(value)[:_VALUE_CHARS_MAX]


def _headers(error: HTTPException) -> dict[str, str] | None:
    return dict(error.headers) if error.headers else None
