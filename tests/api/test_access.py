"""One place decides: every route asks it; tokens, sessions, and writes that come from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from sqlalchemy import Engine
from starlette.routing import Mount

from api.access import GRANTS, Needs, Open, Permission
from api.app import create_app
from shouwang.kinds import Kinds
from shouwang.ledger import people
from shouwang.readings.store import ReadingStore
from shouwang.vocabulary import Role
from tests.api.conftest import BASE, Api, Stopped
from tests.api.world import GUANGMING, NOW_MS

CAM = f"/api/v1/centres/{GUANGMING}/devices/cam-01"


def dependencies(dependant: Dependant) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield each.call
        yield from dependencies(each)


def test_every_route_asks_access(sqlite_ledger: Engine, store: ReadingStore, kinds: Kinds) -> None:
    app = create_app(sqlite_ledger, store, kinds, public_url=BASE)
    seen = set()
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, Mount):
            continue
        seen.add(route.path)
        methods = route.methods or set()
        asked = [call for call in dependencies(route.dependant) if isinstance(call, Needs | Open)]
        assert asked, f"{sorted(methods)} {route.path} does not ask api.access"
        if str(route.path).startswith("/api/") and route.path != "/api/v1/openapi.json":
            assert any(isinstance(call, Needs) for call in asked), f"{route.path} is open"
        if methods & {"POST", "PUT", "DELETE", "PATCH"} and str(route.path).startswith("/api/"):
            wanted = {call.permission for call in asked if isinstance(call, Needs)}
            assert wanted - {Permission.SEE}, f"{route.path} writes with the right to see alone"
    assert {"/api/v1/summary", "/api/v1/stream", "/healthz", "/metrics"} <= seen


def test_nothing_but_static_files_is_mounted(sqlite_ledger: Engine, store: ReadingStore, kinds: Kinds) -> None:
    app = create_app(sqlite_ledger, store, kinds, public_url=BASE)
    mounted = [route.path for route in app.routes if isinstance(route, Mount)]
    assert set(mounted) <= {"/static"}


def test_each_role_may_what_the_lesser_may() -> None:
    order = [Role.VIEWER, Role.TECHNICIAN, Role.DUTY_OFFICER, Role.ADMINISTRATOR]
    for lesser, greater in pairwise(order):
        assert GRANTS[lesser] <= GRANTS[greater]
    assert GRANTS[Role.ADMINISTRATOR] == frozenset(Permission)


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic d3Jvbmc="}, {"cookie": "shouwang=wrong"}],
)
async def test_without_a_right_credential_nothing_is_told(api: Api, headers: dict[str, str]) -> None:
    answer = await api.client.get("/api/v1/summary", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_who_tries_too_many_credentials_waits_but_a_right_one_is_never_refused(api: Api) -> None:
    statuses = [
        (await api.client.get("/api/v1/summary", headers={"authorization": f"Bearer {n}"})).status_code
        for n in range(40)
    ]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert (await api.get("/summary")).status_code == 200


async def test_a_revoked_token_is_refused_at_once(api: Api, sqlite_ledger: Engine) -> None:
    viewer = api.as_("viewer")
    assert (await viewer.get("/summary")).status_code == 200
    with sqlite_ledger.execution_options(writes=True).begin() as connection:
        people.revoke(connection, "viewer-all", NOW_MS)
    assert (await viewer.get("/summary")).status_code == 401


def session_of(engine: Engine) -> str:
    with engine.execution_options(writes=True).begin() as connection:
        people.add_user(connection, "王芳", Role.DUTY_OFFICER, NOW_MS)
        session = people.sign_in(connection, people.new_link(connection, "王芳", NOW_MS), NOW_MS)
    assert session is not None
    return session


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 201),
        ({"origin": BASE}, 201),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": BASE}, 403),
        ({}, 403),
    ],
)
async def test_a_write_with_a_session_must_come_from_our_own_pages(
    api: Api, sqlite_ledger: Engine, headers: dict[str, str], status: int
) -> None:
    cookie = {"cookie": f"shouwang={session_of(sqlite_ledger)}"}
    body = {"centre": GUANGMING, "device": "cam-01"}
    assert (await api.client.get(CAM, headers=cookie)).status_code == 200
    answer = await api.client.post("/api/v1/maintenance", json=body, headers=cookie | headers)
    assert answer.status_code == status


async def test_over_https_only_the_host_cookie_counts(
    sqlite_ledger: Engine, store: ReadingStore, kinds: Kinds, clock: Stopped
) -> None:
    app = create_app(sqlite_ledger, store, kinds, clock=clock, public_url="https://shouwang.example", console=False)
    session = session_of(sqlite_ledger)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://shouwang.example") as client:
        plain = await client.get("/api/v1/summary", headers={"cookie": f"shouwang={session}"})
        host = await client.get("/api/v1/summary", headers={"cookie": f"__Host-shouwang={session}"})
    assert (plain.status_code, host.status_code) == (401, 200)
    assert "max-age" in host.headers["strict-transport-security"]


async def test_a_session_in_use_does_not_idle_out(api: Api, sqlite_ledger: Engine) -> None:
    cookie = {"cookie": f"shouwang={session_of(sqlite_ledger)}"}
    for _ in range(3):
        api.clock.wall_ms += 11 * 3_600_000
        assert (await api.client.get("/api/v1/summary", headers=cookie)).status_code == 200
    api.clock.wall_ms += 13 * 3_600_000
    assert (await api.client.get("/api/v1/summary", headers=cookie)).status_code == 401


async def test_answers_carry_what_keeps_browsers_safe(api: Api) -> None:
    for answer in (await api.get("/summary"), await api.get("/nothing"), await api.client.get("/healthz")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


async def test_a_body_over_its_bound_is_refused_said_or_not(api: Api) -> None:
    async def chunks() -> Any:
        for _ in range(20):
            yield b"x" * 100_000

    said = await api.client.post(
        "/api/v1/maintenance", content=b"x" * 1_100_000, headers={"authorization": f"Bearer {api.token}"}
    )
    unsaid = await api.client.post(
        "/api/v1/maintenance",
        content=chunks(),
        headers={"authorization": f"Bearer {api.token}", "content-type": "application/json"},
    )
    assert (said.status_code, unsaid.status_code) == (413, 413)
    assert said.headers["content-type"] == unsaid.headers["content-type"] == "application/problem+json"
