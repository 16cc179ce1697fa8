"""Alive, ready with reasons, and figures."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Engine

from tests.api.conftest import Api
from tests.api.world import BAXIAN

SAMPLE = re.compile(r'[a-z][a-z0-9_]*(\{([a-z]+="(\\.|[^"\\])*",?)+\})? [0-9.e+-]+')


async def test_alive_and_ready_without_a_token(api: Api) -> None:
    assert (await api.client.get("/healthz")).json() == {"alive": True}
    ready = await api.client.get("/readyz")
    assert ready.status_code == 200
    assert {check["what"]: check["ok"] for check in ready.json()["checks"]} == {
        "ledger": True,
        "readings": True,
        "collector": True,
    }


async def test_a_deaf_collector_is_said_but_pages_are_served(api: Api) -> None:
    api.clock.wall_ms += 60_000
    ready = await api.client.get("/readyz")
    assert ready.status_code == 200
    (collector,) = [check for check in ready.json()["checks"] if check["what"] == "collector"]
    assert collector["ok"] is False
    assert "since" in collector["reason"]
    assert (await api.get("/summary")).json()["deaf"] is True


def take_away(ledger: Engine) -> None:
    """A folder stands where the file was: nothing can be opened there any more."""
    path = Path(str(ledger.url.database))
    ledger.dispose()
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()
    path.mkdir()


async def test_without_its_ledger_it_is_not_ready_and_every_call_says_so(api: Api, sqlite_ledger: Engine) -> None:
    take_away(sqlite_ledger)
    ready = await api.client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"][0]["reason"]
    answer = await api.get("/summary")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert (await api.client.get("/healthz")).status_code == 200


async def test_figures_are_prometheus_text_of_what_the_token_may_see(api: Api) -> None:
    assert (await api.client.get("/metrics")).status_code == 401
    await api.get("/centres/150525100200/devices/call-01")
    text = (await api.get("/metrics")).text
    samples = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(SAMPLE.fullmatch(line) for line in samples)
    assert 'shouwang_devices{kind="call_terminal",condition="silent"} 1' in samples
    assert 'shouwang_incidents_open{severity="critical"} 3' in samples
    assert "shouwang_collector_deaf 0" in samples
    assert 'shouwang_asides_total{reason="unknown_device"} 12' in samples
    route = "/api/v1/centres/{centre}/devices/{device}"
    assert f'shouwang_http_requests_total{{method="GET",route="{route}",status="200"}} 1' in samples
    assert f'shouwang_http_request_duration_seconds_bucket{{route="{route}",le="+Inf"}} 1' in samples
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {re.sub(r"(_bucket|_sum|_count)?(\{.*)? .*", "", line) for line in samples} <= names
    scoped = (await api.as_("viewer", townships=[BAXIAN]).get("/metrics")).text
    assert 'shouwang_devices{kind="camera",condition="down"} 0' in scoped
