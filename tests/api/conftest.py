"""A ledger with one of everything in it, on SQLite and on PostgreSQL, and the app on top of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import Connection, Engine, select

from api.app import create_app
from shouwang.clock import Now
from shouwang.kinds import Kinds
from shouwang.ledger import people
from shouwang.ledger.engine import open_engine, sqlite_url
from shouwang.ledger.tables import Viewing
from shouwang.readings.embedded import EmbeddedStore
from shouwang.readings.store import ReadingStore, Stored
from shouwang.vocabulary import Role
from tests.api import world

BASE = "http://127.0.0.1:8420"


@pytest.fixture(scope="session")
def kinds() -> Kinds:
    return Kinds()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.system)])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """The filled ledger."""
    on_postgres = request.param == "postgres"
    url = request.getfixturevalue("postgres").url if on_postgres else sqlite_url(tmp_path / "ledger.db")
    engine = open_engine(url)
    world.fill(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.system)])
def read_ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The filled ledger, made once for tests that only read."""
    with ExitStack() as stack:
        if request.param == "postgres":
            server = request.getfixturevalue("postgres_server")
            url = stack.enter_context(server.database()).url
        else:
            url = sqlite_url(tmp_path_factory.mktemp("ledger") / "ledger.db")
        engine = open_engine(url)
        stack.callback(engine.dispose)
        world.fill(engine)
        yield engine


@pytest.fixture
def connection(read_ledger: Engine) -> Iterator[Connection]:
    with read_ledger.connect() as connection:
        yield connection


@pytest.fixture
def sqlite_ledger(tmp_path: Path) -> Iterator[Engine]:
    """The filled ledger on SQLite alone."""
    engine = open_engine(sqlite_url(tmp_path / "ledger.db"))
    world.fill(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def store(tmp_path: Path, kinds: Kinds) -> Iterator[ReadingStore]:
    """Twenty readings of 光明村's terminal, the last one 22 minutes ago."""
    store = EmbeddedStore(tmp_path / "readings.db", kinds, writable=True)
    make = kinds.types["call_terminal"]
    batch = [
        Stored(
            world.GUANGMING,
            "call-01",
            "call_terminal",
            world.NOW_MS - minutes * world.MINUTE_MS,
            make(device="call-01", reachable=True, latency_ms=10.0 + minutes, battery_percent=109.0 - minutes),
        )
        for minutes in range(22, 42)
    ]
    assert store.write(batch) == []
    yield store
    store.close()


class Stopped:
    """A clock that stands at `NOW_MS` until it is set on."""

    def __init__(self) -> None:
        self.wall_ms = world.NOW_MS

    def now(self) -> Now:
        return Now(self.wall_ms / 1000, self.wall_ms)


@dataclass
class Api:
    """A program that uses REST with a token of its own."""

    app: FastAPI
    engine: Engine
    clock: Stopped
    client: httpx.AsyncClient
    token: str

    def as_(self, role: str, townships: list[str] | None = None) -> Api:
        """The same API for a token of another role."""
        name = f"{role}-{'-'.join(townships or ['all'])}"
        token = new_token(self.engine, name, Role(role), townships or [])
        return Api(self.app, self.engine, self.clock, self.client, token)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self._send("GET", path, params={name: str(value) for name, value in query.items()})

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        return await self._send("POST", path, **({} if body is None else {"json": body}))

    async def put(self, path: str, content: bytes, content_type: str, **query: str) -> httpx.Response:
        return await self._send("PUT", path, content=content, params=query, headers={"content-type": content_type})

    async def delete(self, path: str) -> httpx.Response:
        return await self._send("DELETE", path)

    def viewings(self) -> list[Any]:
        """Who looked at personal data, or was refused."""
        with self.engine.connect() as connection:
            return list(connection.execute(select(Viewing.__table__).order_by(Viewing.id)))

    async def _send(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        path = path if path.startswith(("/healthz", "/readyz", "/metrics")) else f"/api/v1{path}"
        headers = {"authorization": f"Bearer {self.token}", **(headers or {})}
        return await self.client.request(method, path, headers=headers, **more)


def new_token(engine: Engine, name: str, role: Role, townships: list[str]) -> str:
    with engine.execution_options(writes=True).begin() as connection:
        return people.new_token(connection, name, role, world.NOW_MS, townships=townships)


@pytest.fixture
def clock() -> Stopped:
    return Stopped()


@pytest.fixture
def app(sqlite_ledger: Engine, store: ReadingStore, kinds: Kinds, clock: Stopped) -> FastAPI:
    return create_app(sqlite_ledger, store, kinds, clock=clock, public_url=BASE, providers=("webhook",), console=False)


@pytest_asyncio.fixture
async def api(app: FastAPI, sqlite_ledger: Engine, clock: Stopped) -> AsyncIterator[Api]:
    """An administrator's REST."""
    token = new_token(sqlite_ledger, "administrator", Role.ADMINISTRATOR, [])
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield Api(app, sqlite_ledger, clock, client, token)
