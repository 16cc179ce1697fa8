"""The demo's page: where notifications arrive, what happens in the simulated banner, and the tour."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shouwang import clock
from simulators.demo.arrivals import BODY_MAX_BYTES, Arrivals, Refused
from simulators.demo.tour import Stop

STATIC = Path(__file__).parent / "static"
LINES_KEPT = 200
_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
     b"img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)  # fmt: skip


@dataclass(slots=True)
class Line:
    """Something that happened, in words."""

    number: int
    at_ms: int
    zh: str
    en: str


@dataclass(slots=True)
class Showing:
    """Everything the page shows. `start_stop` begins a stop of the tour and gives '' or why it cannot."""

    arrivals: Arrivals
    stops: list[Stop]
    console_url: str
    speed: float
    start_stop: Callable[[Stop], Awaitable[str]]
    facts: dict[str, float] = field(default_factory=dict)
    started: dict[str, int] = field(default_factory=dict)  # stop → when, epoch ms
    lines: list[Line] = field(default_factory=list)
    _count: int = 0

    def say(self, zh: str, en: str) -> None:
        """Adds a line to what happened; the oldest goes when there are too many."""
        self._count += 1
        self.lines.append(Line(self._count, clock.wall_ms(), zh, en))
        del self.lines[:-LINES_KEPT]

    def state(self, arrivals_after: int, lines_after: int) -> dict[str, Any]:
        """What is new since the given numbers, and what always stands there."""
        return {
            "console_url": self.console_url,
            "speed": self.speed,
            "facts": self.facts,
            "refused": self.arrivals.refused,
            "arrivals": [asdict(arrival) for arrival in self.arrivals.after(arrivals_after)],
            "lines": [asdict(line) for line in self.lines if line.number > lines_after],
            "stops": [
                {
                    "name": stop.name,
                    "zh": [stop.title.zh, stop.about.zh, stop.look.zh],
                    "en": [stop.title.en, stop.about.en, stop.look.en],
                    "lasts_s": stop.lasts_s / self.speed if stop.scenario else stop.lasts_s,
                    "started_at_ms": self.started.get(stop.name),
                }
                for stop in self.stops
            ],
        }


def make_app(showing: Showing) -> Starlette:
    """The page, its webhook (`POST /webhook`), its state (`GET /state`) and the tour (`POST /tour/{name}`)."""
    by_name = {stop.name: stop for stop in showing.stops}

    async def page(request: Request) -> Response:
        return FileResponse(STATIC / "page.html", media_type="text/html; charset=utf-8")

    async def webhook(request: Request) -> Response:
        body = await _bounded_body(request)
        if body is None:
            return JSONResponse({"detail": f"over {BODY_MAX_BYTES} bytes"}, 413)
        try:
            showing.arrivals.take(request.headers, body, clock.wall_ms())
        except Refused as refused:
            return JSONResponse({"detail": str(refused)}, 401)
        return Response(status_code=204)

    async def state(request: Request) -> Response:
        try:
            arrivals, lines = (int(request.query_params.get(name, "0")) for name in ("arrivals", "lines"))
        except ValueError:
            return JSONResponse({"detail": "arrivals and lines are whole numbers"}, 422)
        return JSONResponse(showing.state(arrivals, lines))

    async def start(request: Request) -> Response:
        if not _same_origin(request):
            return JSONResponse({"detail": "only from this page"}, 403)
        stop = by_name.get(request.path_params["name"])
        if stop is None:
            return JSONResponse({"detail": f"no such stop; there are: {', '.join(by_name)}"}, 404)
        trouble = await showing.start_stop(stop)
        if trouble:
            return JSONResponse({"detail": trouble}, 503)
        showing.started[stop.name] = clock.wall_ms()
        return JSONResponse({"started": stop.name}, 202)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/webhook", webhook, methods=["POST"]),
            Route("/state", state),
            Route("/tour/{name}", start, methods=["POST"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(_Headers)],
    )


class _Headers:
    """Puts the security headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


async def _bounded_body(request: Request) -> bytes | None:
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > BODY_MAX_BYTES:
                return None
    except ClientDisconnect:
        return b""
    return bytes(body)


def _same_origin(request: Request) -> bool:
    """Only this page may start a stop: not another page that the same browser shows."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
