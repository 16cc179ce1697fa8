"""The whole fleet as a file: given back as CSV, XLSX or JSON, and taken in, everything or nothing."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access import Asker, KeepsFleet, Sees
from api.problems import Problem
from api.rest import shapes
from api.rest.answers import answer, one_of
from shouwang import fleet as files
from shouwang.ledger import fleet, views

_ERRORS_TOLD = 200
_CONTENT: dict[str, Any] = {media_type.partition(";")[0]: {} for media_type in files.FORMATS.values()}

router = APIRouter(tags=["fleet"])


@router.get(
    "/fleet",
    summary="The fleet as a file",
    response_class=Response,
    responses={200: {"content": _CONTENT, "description": "A row a device, as PUT takes it."}},
)
def export(
    request: Request,
    asker: Sees,
    format: Annotated[str | None, Query(description="csv, xlsx or json; else as `Accept` asks.")] = None,  # noqa: A002
    chinese: Annotated[bool, Query(description="Chinese headers.")] = False,
) -> Response:
    """Of the townships that the asker may see; households only for roles that may see them, and kept as a viewing."""
    wanted = one_of(format, tuple(files.FORMATS), "query.format") or _accepted(request)
    scope = asker.scope
    with asker.house.reading() as connection:
        rows = fleet.export_fleet(connection, views.centre_codes(connection, scope))
    if not scope.sees_households:
        rows = fleet.without_households(rows)
    elif named := sum(bool(row.household) for row in rows):
        asker.note_viewing(f"households of {named} devices in an export")
    if wanted == "json":
        body = files.as_json(rows)
    else:
        body = (files.as_xlsx if wanted == "xlsx" else files.as_csv)(rows, chinese=chinese)
    named_file = {"Content-Disposition": f'attachment; filename="fleet.{wanted}"'}
    return Response(body, 200, named_file, files.FORMATS[wanted])


@router.put(
    "/fleet",
    response_model=shapes.FleetChange,
    summary="Take in the whole fleet",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                name: {"schema": {"type": "string", "format": "binary"}}
                for name in (*_CONTENT, "application/octet-stream")
            },
        }
    },
    responses={
        409: {"description": "It would retire over 5 % of the fleet; `?allow_removals=true` lets it."},
        422: {"description": "The file has errors: all of them, with line, column and what to do. Nothing changed."},
    },
)
async def take_in(
    request: Request,
    asker: KeepsFleet,
    dry_run: Annotated[bool, Query(description="Only say what would change.")] = False,
    allow_removals: Annotated[bool, Query(description="Let it retire over 5 % of the fleet.")] = False,
) -> Response:
    """CSV (UTF-8 or GB18030), XLSX or JSON, told apart by content. A device that is missing is retired; its history
    stays. The same file a second time changes nothing."""
    body = await request.body()
    return await asyncio.to_thread(_import, asker, body, dry_run, allow_removals)


def _import(asker: Asker, body: bytes, dry_run: bool, allow_removals: bool) -> Response:
    parsed = files.parse(body, asker.house.kinds.declared, name="fleet")
    if parsed.errors:
        told = parsed.errors[:_ERRORS_TOLD]
        count = len(parsed.errors) + parsed.more_errors
        raise Problem(
            422,
            "fleet-file",
            "The fleet file cannot be used",
            f"{count} errors, nothing was changed; the first: {told[0]}",
            errors=[
                {"where": f"{error.word} {error.line}", "column": error.column, "what": error.message} for error in told
            ],
            errors_total=count,
        )
    try:
        diff = fleet.import_fleet(
            asker.house.engine,
            parsed.rows,
            asker.house.now_ms,
            dry_run=dry_run,
            allow_removals=allow_removals,
        )
    except fleet.TooManyRemovals as error:
        raise Problem(
            409,
            "too-many-removals",
            "The file leaves out too much of the fleet",
            str(error),
            retired=error.retired,
            of=error.of,
        ) from error
    return answer({"dry_run": dry_run, **asdict(diff)})


def _accepted(request: Request) -> str:
    accept = request.headers.get("accept", "")
    return next((name for name, kind in files.FORMATS.items() if kind.partition(";")[0] in accept), "json")
