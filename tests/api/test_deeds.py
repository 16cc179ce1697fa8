"""What is asked of the collector: done in time, refused, or left for when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from shouwang.ledger.tables import Deed, Incident
from tests.api.conftest import Api
from tests.api.world import GUANGMING, NOW_MS

PROBE = f"/centres/{GUANGMING}/devices/call-01/probe"
Carry = Callable[[Any], tuple[bool, dict[str, Any]]]


@asynccontextmanager
async def collector(engine: Engine, carry_out: Carry) -> AsyncIterator[None]:
    """Carries out deeds in order of id, as the collector does: acknowledgements reach the incident."""

    def look() -> None:
        with engine.execution_options(writes=True).begin() as connection:
            for row in connection.execute(select(Deed.__table__).where(Deed.done_at.is_(None)).order_by(Deed.id)):
                ok, answer = carry_out(row)
                if ok and row.what == "acknowledge":
                    connection.execute(
                        update(Incident)
                        .where(Incident.id == row.incident_id)
                        .values(acknowledged_at=NOW_MS, acknowledged_by=row.who)
                    )
                done = {"done_at": NOW_MS, "ok": ok, "answer": answer}
                connection.execute(update(Deed).where(Deed.id == row.id).values(**done))

    async def run() -> None:
        while True:
            await asyncio.to_thread(look)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()


def deeds(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(Deed.__table__).order_by(Deed.id)))


async def test_an_acknowledgement_is_answered_with_the_incident_as_it_then_is(api: Api, sqlite_ledger: Engine) -> None:
    async with collector(sqlite_ledger, lambda _row: (True, {})):
        answer = await api.post("/incidents/i-silent/acknowledge", {"note": "网格员已出发"})
    assert answer.status_code == 200
    assert answer.json()["acknowledgement"]["who"] == "administrator"
    (deed,) = deeds(sqlite_ledger)
    assert (deed.what, deed.who, deed.note, deed.incident_id) == (
        "acknowledge",
        "administrator",
        "网格员已出发",
        "i-silent",
    )


@pytest.mark.slow
async def test_without_a_collector_it_is_recorded_and_said(api: Api, sqlite_ledger: Engine) -> None:
    answer = await api.post("/incidents/i-silent/notes", {"note": "拔电"})
    assert answer.status_code == 202
    assert "collector" in answer.json()["detail"]
    assert answer.json()["incident"]["id"] == "i-silent"
    assert [(deed.what, deed.done_at) for deed in deeds(sqlite_ledger)] == [("note", None)]


async def test_what_the_collector_cannot_do_it_says(api: Api, sqlite_ledger: Engine) -> None:
    async with collector(sqlite_ledger, lambda _row: (False, {"reason": "it is closed already"})):
        answer = await api.post("/incidents/i-closed/close", {"note": "好了"})
    assert answer.status_code == 409
    assert answer.json()["detail"] == "it is closed already"


async def test_a_help_call_is_closed_with_its_outcome_alone(api: Api, sqlite_ledger: Engine) -> None:
    with sqlite_ledger.execution_options(writes=True).begin() as connection:
        connection.execute(update(Incident).where(Incident.id == "i-silent").values(cause="help_call"))
    answer = await api.post("/incidents/i-silent/close")
    assert answer.status_code == 422
    assert "outcome" in answer.json()["detail"]
    assert deeds(sqlite_ledger) == []


@pytest.mark.parametrize("body", [None, {}, {"note": " "}, {"note": "x" * 2001}, {"note": 5}, {"text": "x"}])
async def test_a_note_says_something(api: Api, body: Any) -> None:
    assert (await api.post("/incidents/i-silent/notes", body)).status_code == 422


async def test_a_probe_gives_the_reading(api: Api, sqlite_ledger: Engine) -> None:
    reading = {"kind": "call_terminal", "device": "call-01", "age_ms": 20, "reachable": True, "latency_ms": 12.5}
    async with collector(sqlite_ledger, lambda _row: (True, {"reading": reading, "taken_at_ms": NOW_MS - 20})):
        answer = await api.post(PROBE)
    assert answer.status_code == 200
    assert answer.json()["reading"]["fields"] == {"reachable": True, "latency_ms": 12.5}
    assert answer.json()["device"]["device"] == "call-01"


async def test_a_probe_that_fails_says_why(api: Api, sqlite_ledger: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    async with collector(sqlite_ledger, lambda _row: (False, {"reason": "the agent did not answer within 12 s"})):
        answer = await api.post(PROBE)
    assert answer.status_code == 504
    assert answer.json()["detail"] == "the agent did not answer within 12 s"
    monkeypatch.setattr("api.rest.devices.PROBE_WITHIN_S", 0.3)
    unheard = await api.post(PROBE)
    assert unheard.status_code == 504
    assert "collector" in unheard.json()["detail"]


async def test_a_test_message_tells_what_the_provider_said(api: Api, sqlite_ledger: Engine) -> None:
    async with collector(sqlite_ledger, lambda row: (False, {"reason": f"{row.note}: errcode 93000"})):
        answer = await api.post("/notify/webhook/test")
    assert answer.json() == {"provider": "webhook", "accepted": False, "answer": "webhook: errcode 93000"}
    unknown = await api.post("/notify/pigeon/test")
    assert unknown.status_code == 404
    assert "webhook" in unknown.json()["detail"]
