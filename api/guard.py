"""Around every request: a bound on its body, headers that keep browsers safe, and a count for `/metrics`."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from fastapi.routing import iter_route_contexts
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem, render
from shouwang.clock import mono_s

BODY_MAX = 1 << 20
FLEET_BODY_MAX = 256 << 20  # 730,000 devices as CSV
_BOUNDS = {"/api/v1/fleet": FLEET_BODY_MAX, "/fleet-file": 32 << 20}
"""What of a body is taken, where that is more than `BODY_MAX`; a page holds some files in memory for a while."""
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


class SafeHeaders:
    """Adds `HEADERS` where the answer does not set them itself (static files may be cached)."""

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self._app = app
        self._headers = dict(HEADERS)
        if https:
            self._headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class BoundedBody:
    """Refuses a body over its bound, whether its length was said or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bound = _BOUNDS.get(scope["path"], BODY_MAX)
        said = Headers(scope=scope).get("content-length", "0")
        if not said.isdecimal() or int(said) > bound:
            await render(_too_large(bound), Request(scope))(scope, receive, send)
            return
        seen = 0

        async def receive_bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > bound:
                raise _too_large(bound)
            return message

        await self._app(scope, receive_bounded, send)


class Meter:
    """Counts requests by method, route and status, and how long they took; streams count when they end."""

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        self._app = app
        self._counts = counts
        self._templates: dict[Any, str] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = mono_s()
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            route = self._route(scope)
            self._counts.add(scope["method"], route, status, mono_s() - began_s)

    def _route(self, scope: Scope) -> str:
        """The route's template (never the path itself: labels must stay few)."""
        if self._templates is None:
            contexts = iter_route_contexts(scope["app"].routes)
            self._templates = {each.endpoint: str(each.path) for each in contexts if each.endpoint is not None}
        return self._templates.get(scope.get("endpoint"), "other")


class Counts:
    """What the meter counted since the start."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self.within: dict[str, list[int]] = defaultdict(lambda: [0] * (len(BUCKETS_S) + 1))
        self.seconds: dict[str, float] = defaultdict(float)

    def add(self, method: str, route: str, status: int, took_s: float) -> None:
        """One request, answered."""
        method = method if method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS") else "other"
        self.requests[method, route, status] += 1
        self.seconds[route] += took_s
        bucket = next((number for number, bound in enumerate(BUCKETS_S) if took_s <= bound), len(BUCKETS_S))
        self.within[route][bucket] += 1


def _too_large(bound: int) -> Problem:
    return Problem(413, "too-large", "The body is too large", f"at most {bound} bytes are taken here")
