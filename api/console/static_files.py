"""The console's own scripts, styles and pictures: few, small, read once, and kept by browsers for long."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.access import Open
from api.problems import not_found

router = APIRouter()

FOLDER = Path(__file__).parent.parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_Everybody = Annotated[None, Depends(Open("scripts and styles hold no data, and the sign-in page needs them"))]


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is served; `digest` stands in its address, so that a changed file is another address."""

    content: bytes
    zipped: bytes
    media_type: str
    digest: str


@cache
def static_files() -> dict[str, StaticFile]:
    """Every file that is served, by its name below `static/`. Nothing else of that folder can be asked for."""
    found = {}
    for path in sorted(FOLDER.rglob("*")):
        media_type = _TYPES.get(path.suffix)
        if media_type is not None and path.is_file():
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:12]
            found[path.relative_to(FOLDER).as_posix()] = StaticFile(
                content, gzip.compress(content, 9, mtime=0), media_type, digest
            )
    return found


def static_address(name: str) -> str:
    """Where a file is served. Raises KeyError for one that does not exist."""
    return f"/static/{name}?v={static_files()[name].digest}"


@router.get("/static/{name:path}")
def static(request: Request, _everybody: _Everybody, name: str) -> Response:
    """One file, compressed where the browser takes it."""
    found = static_files().get(name)
    if found is None:
        raise not_found("such file")
    zipped = takes_gzip(request)
    headers = {"cache-control": _FOR_EVER, "vary": "accept-encoding"}
    if zipped:
        headers["content-encoding"] = "gzip"
    return Response(found.zipped if zipped else found.content, headers=headers, media_type=found.media_type)


def takes_gzip(request: Request) -> bool:
    """Whether the browser understands gzip."""
    return "gzip" in request.headers.get("accept-encoding", "").lower()
