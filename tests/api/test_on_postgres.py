"""What PostgreSQL does differently: texts it cannot keep, ids that show late, a server that goes away."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import Engine, insert

from api.app import create_app
from shouwang.kinds import Kinds
from shouwang.ledger.engine import open_engine
from shouwang.ledger.tables import Change
from shouwang.readings.store import ReadingStore
from shouwang.vocabulary import Role
from tests.api import world
from tests.api.conftest import BASE, Api, Stopped, new_token
from tests.api.serving import listening_to, serving
from tests.api.world import DAQIN, GUANGMING, NOW_MS
from tests.servers import Database

pytestmark = pytest.mark.system


@pytest.fixture
def ledger_on_postgres(postgres: Database) -> Iterator[Engine]:
    engine = open_engine(postgres.url)
    world.fill(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def app_on_postgres(ledger_on_postgres: Engine, store: ReadingStore, kinds: Kinds, clock: Stopped) -> FastAPI:
    return create_app(ledger_on_postgres, store, kinds, clock=clock, public_url=BASE, console=False)


@pytest_asyncio.fixture
async def api_on_postgres(app_on_postgres: FastAPI, ledger_on_postgres: Engine, clock: Stopped) -> AsyncIterator[Api]:
    token = new_token(ledger_on_postgres, "administrator", Role.ADMINISTRATOR, [])
    transport = httpx.ASGITransport(app=app_on_postgres, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield Api(app_on_postgres, ledger_on_postgres, clock, client, token)


async def test_a_text_that_it_cannot_keep_is_the_askers_error(api_on_postgres: Api) -> None:
    for answer in (
        await api_on_postgres.get("/devices", q="a\0b"),
        await api_on_postgres.get("/devices", township="\0"),
        await api_on_postgres.get("/incidents/a%00b"),
        await api_on_postgres.post("/maintenance", {"centre": GUANGMING, "reason": "a\0b"}),
        await api_on_postgres.post("/incidents/i-silent/notes", {"note": "a\0b"}),
    ):
        assert answer.status_code == 422, answer.text
    assert (await api_on_postgres.get("/devices", q="老柜")).status_code == 200


async def test_a_change_whose_id_shows_late_is_heard_too(
    app_on_postgres: FastAPI, api_on_postgres: Api, ledger_on_postgres: Engine
) -> None:
    """An import takes its id, and commits after the collector has written a higher one."""

    def row() -> dict[str, object]:
        return {"at": NOW_MS, "what": "condition", "centre": GUANGMING, "device": "cam-01", "township": DAQIN}

    async with serving(app_on_postgres) as url, listening_to(url, api_on_postgres.token) as events:
        await events.next("summary")
        slow = ledger_on_postgres.connect()
        lower = slow.execute(insert(Change).returning(Change.id), row()).scalar_one()
        with ledger_on_postgres.begin() as quick:
            higher = quick.execute(insert(Change).returning(Change.id), row()).scalar_one()
        assert lower < higher
        assert (await events.next("condition")).id == higher
        slow.commit()
        slow.close()
        assert (await events.next("condition")).id == lower


async def test_while_it_is_away_calls_say_so_and_afterwards_go_on(api_on_postgres: Api, postgres: Database) -> None:
    postgres.server.kill()
    try:
        answer = await api_on_postgres.get("/summary")
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert (await api_on_postgres.client.get("/readyz")).status_code == 503
    finally:
        postgres.server.start()
    assert (await api_on_postgres.get("/summary")).status_code == 200


async def test_many_at_once_share_the_pool(api_on_postgres: Api) -> None:
    import asyncio

    answers = await asyncio.gather(*(api_on_postgres.get("/devices", limit=1000) for _ in range(60)))
    assert {answer.status_code for answer in answers} == {200}
    assert threading.active_count() < 100
