"""The event stream over real HTTP: order, scope, resumption, bounds, and its end."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, insert, update

from api.access import Asker
from api.house import House
from api.problems import Problem
from api.stream import LISTENERS_OF_ONE_MAX, QUEUE_MAX, Hub
from shouwang.ledger import people
from shouwang.ledger.people import Person
from shouwang.ledger.tables import Change, DeviceCondition, Path
from shouwang.vocabulary import Role
from tests.api.conftest import Api
from tests.api.serving import listening_to, serving
from tests.api.world import BAXIAN, BAXIAN_VILLAGE, DAQIN, GUANGMING, NOW_MS
from tests.waiting import until


def change(engine: Engine, what: str, **of: Any) -> int:
    row = {"at": NOW_MS, "what": what, "centre": "", "device": "", "township": "", "incident_id": None, **of}
    with engine.execution_options(writes=True).begin() as connection:
        return int(connection.execute(insert(Change).returning(Change.id), row).scalar_one())


def camera_goes(engine: Engine, condition: str) -> int:
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(update(DeviceCondition).where(DeviceCondition.device_id == 2).values(condition=condition))
    return change(engine, "condition", centre=GUANGMING, device="cam-01", township=DAQIN)


async def test_changes_arrive_as_they_come_and_the_summary_follows(
    app: FastAPI, api: Api, sqlite_ledger: Engine
) -> None:
    async with serving(app) as url, listening_to(url, api.token) as events:
        assert (await events.next()).name == "summary"
        id_ = camera_goes(sqlite_ledger, "ok")
        first = await events.next("condition")
        assert first.id == id_
        assert (first.data["centre"], first.data["device"], first.data["condition"]) == (GUANGMING, "cam-01", "ok")
        change(sqlite_ledger, "incident", incident_id="i-down", township=DAQIN, centre=GUANGMING, device="cam-01")
        assert (await events.next("incident")).data["severity"] == "major"
        assert (await events.next("summary")).data["devices"]["ok"] == 3


async def test_a_path_that_is_lost_is_a_condition_of_its_centre(app: FastAPI, api: Api, sqlite_ledger: Engine) -> None:
    async with serving(app) as url, listening_to(url, api.token) as events:
        await events.next("summary")
        with sqlite_ledger.execution_options(writes=True).begin() as connection:
            connection.execute(update(Path).where(Path.path == GUANGMING).values(online=False, since=NOW_MS))
        change(sqlite_ledger, "path", centre=GUANGMING, township=DAQIN)
        event = await events.next("condition")
        assert (event.data["centre"], event.data["device"], event.data["condition"]) == (GUANGMING, None, "offline")


async def test_nobody_hears_of_another_township(app: FastAPI, api: Api, sqlite_ledger: Engine) -> None:
    of_baxian = api.as_("viewer", townships=[BAXIAN])
    async with serving(app) as url, listening_to(url, of_baxian.token) as events:
        assert (await events.next("summary")).data["devices"]["total"] == 2
        camera_goes(sqlite_ledger, "ok")
        change(sqlite_ledger, "incident", incident_id="i-silent", township=DAQIN, centre=GUANGMING)
        change(sqlite_ledger, "incident", incident_id="i-carrier")  # of no township: it concerns everybody
        change(sqlite_ledger, "condition", centre=BAXIAN_VILLAGE, device="cam-01", township=BAXIAN)
        assert (await events.next("condition", "incident")).data["id"] == "i-carrier"
        assert (await events.next("condition", "incident")).data["centre"] == BAXIAN_VILLAGE


async def test_who_was_away_gets_what_they_missed_once(app: FastAPI, api: Api, sqlite_ledger: Engine) -> None:
    async with serving(app) as url:
        async with listening_to(url, api.token) as events:
            await events.next("summary")
            camera_goes(sqlite_ledger, "ok")
            last = await events.next("condition")
        missed = [camera_goes(sqlite_ledger, "down"), camera_goes(sqlite_ledger, "degraded")]
        async with listening_to(url, api.token, last.id) as events:
            assert [(await events.next("condition")).id for _ in missed] == missed
            await events.next("summary")
            later = camera_goes(sqlite_ledger, "ok")
            assert (await events.next("condition")).id == later


async def test_open_streams_do_not_keep_the_server_from_ending(app: FastAPI, api: Api) -> None:
    async with asyncio.timeout(4):
        async with serving(app) as url:
            streams = [listening_to(url, api.token) for _ in range(5)]
            for each in streams:
                await (await each.__aenter__()).next("summary")
    assert app.state.hub.listening == 0
    for each in streams:
        await each.__aexit__(None, None, None)


async def test_a_stream_ends_when_its_token_is_revoked(
    app: FastAPI, api: Api, sqlite_ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.stream.CHECK_EVERY_S", 0.2)
    monkeypatch.setattr("api.stream.HEARTBEAT_EVERY_S", 0.2)
    viewer = api.as_("viewer")
    async with serving(app) as url, listening_to(url, viewer.token) as events:
        await events.next("summary")
        with sqlite_ledger.execution_options(writes=True).begin() as connection:
            assert people.revoke(connection, "viewer-all", NOW_MS) == 1
        await events.to_the_end()


async def test_a_stream_has_a_bounded_life(app: FastAPI, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.stream.LIFE_S", 0.5)
    monkeypatch.setattr("api.stream.HEARTBEAT_EVERY_S", 0.1)
    async with serving(app) as url, listening_to(url, api.token) as events:
        await events.to_the_end()


async def test_a_listener_that_does_not_keep_up_is_let_go_and_each_has_few(app: FastAPI) -> None:
    house: House = app.state.house
    hub = Hub(house)
    asker = Asker(Person(1, "li", Role.VIEWER, None), house)
    listener = await hub.attach(asker)
    for _ in range(QUEUE_MAX):
        listener.put(b"event")
    assert not listener.ended.is_set()
    listener.put(b"one too many")
    assert listener.ended.is_set()
    assert listener.queue.qsize() == QUEUE_MAX
    for _ in range(LISTENERS_OF_ONE_MAX - 1):
        await hub.attach(asker)
    with pytest.raises(Problem, match="close other pages"):
        await hub.attach(asker)
    hub.close()


@pytest.mark.slow
async def test_two_hundred_pages_that_stop_reading_cost_little_and_nobody_else(  # fault 47
    app: FastAPI, api: Api, sqlite_ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.server.GIVE_UP_AFTER_S", 2)
    monkeypatch.setattr("api.stream.LISTENERS_OF_ONE_MAX", 300)
    hub: Hub = app.state.hub
    rows = [{"at": NOW_MS, "what": "condition", "centre": GUANGMING, "device": "cam-01", "township": DAQIN}] * 200
    ask = f"GET /api/v1/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {api.token}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    pages: list[socket.socket] = []
    async with serving(app) as url, listening_to(url, api.token) as events:
        await events.next("summary")
        host, port = url.removeprefix("http://").split(":")
        for _ in range(200):
            page = socket.socket()
            page.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            page.setblocking(False)
            await loop.sock_connect(page, (host, int(port)))
            await loop.sock_sendall(page, ask)
            pages.append(page)
        await until(lambda: hub.listening == 201, "all of them listen")
        heard = 0
        while hub.listening > 1:
            assert heard < 20_000
            with sqlite_ledger.execution_options(writes=True).begin() as connection:
                connection.execute(insert(Change), rows)
            for _ in rows:  # who reads gets each of them, in time
                await events.next("condition")
            heard += len(rows)

        def streams() -> int:
            return sum("RequestResponseCycle" in repr(task.get_coro()) for task in asyncio.all_tasks())

        await until(lambda: streams() == 1, "their connections are ended")
        await events.next("summary")
    for page in pages:
        page.close()
