"""The demo's page: real signatures verified, repeats counted, the tour started from this page alone."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
import pytest_asyncio
from standardwebhooks.webhooks import Webhook

from simulators.demo.arrivals import BODY_MAX_BYTES, KEPT, Arrivals
from simulators.demo.page import LINES_KEPT, Showing, make_app
from simulators.demo.tour import COLLECTOR_KILLED, Stop, stops

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ORIGIN = "http://127.0.0.1:8421"


def signed(id_: str, body: bytes, secret: str = SECRET) -> dict[str, str]:
    at = datetime.now(UTC)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(id_, at, body.decode()),
    }


def notification(number: int = 1) -> bytes:
    incident = {"id": f"incident-{number}", "cause": "device_silent", "severity": "critical", "opened_at": "2026-11-24"}
    text = {"zh": "呼叫终端 7 失联", "en": "call terminal 7 is silent"}
    body = {"type": "incident.opened", "incident": incident, "text": text, "url": "http://127.0.0.1:8420/incidents/1"}
    return json.dumps(body).encode()


@pytest.fixture
def started() -> list[str]:
    return []


@pytest.fixture
def showing(started: list[str]) -> Showing:
    async def start(stop: Stop) -> str:
        started.append(stop.name)
        return "" if stop.name != COLLECTOR_KILLED else "the collector is not running"

    return Showing(Arrivals(SECRET), stops(), "http://127.0.0.1:8420", 5.0, start)


@pytest_asyncio.fixture
async def page(showing: Showing) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(showing))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield client


async def test_a_signed_notification_is_shown_once_however_often_it_comes(
    page: httpx.AsyncClient, showing: Showing
) -> None:
    body = notification()
    for _ in range(3):
        assert (await page.post("/webhook", content=body, headers=signed("msg_1", body))).status_code == 204
    (shown,) = (await page.get("/state")).json()["arrivals"]
    assert (shown["id"], shown["times"], shown["zh"]) == ("msg_1", 3, "呼叫终端 7 失联")
    assert (shown["type"], shown["severity"], shown["cause"]) == ("incident.opened", "critical", "device_silent")
    assert (await page.get("/state?arrivals=1")).json()["arrivals"] == []


async def test_a_test_of_the_console_arrives_as_one(page: httpx.AsyncClient) -> None:
    body = json.dumps({"type": "test", "text": {"zh": "【测试】", "en": "[Test]"}, "url": ORIGIN}).encode()
    assert (await page.post("/webhook", content=body, headers=signed("msg_t", body))).status_code == 204
    (shown,) = (await page.get("/state")).json()["arrivals"]
    assert (shown["type"], shown["zh"], shown["incident_id"]) == ("test", "【测试】", "")
    nothing = json.dumps({"type": "incident.opened"}).encode()
    assert (await page.post("/webhook", content=nothing, headers=signed("msg_n", nothing))).status_code == 401


@pytest.mark.parametrize("wrong", ["other secret", "no headers", "changed body", "old"])
async def test_what_does_not_verify_is_refused_and_counted(
    page: httpx.AsyncClient, showing: Showing, wrong: str
) -> None:
    body = notification()
    headers = signed("msg_1", body, "whsec_" + "QUJD" * 8 if wrong == "other secret" else SECRET)
    if wrong == "no headers":
        headers = {}
    elif wrong == "old":
        headers["webhook-timestamp"] = "1700000000"
    sent = body + b" " if wrong == "changed body" else body
    answer = await page.post("/webhook", content=sent, headers=headers)
    assert answer.status_code == 401
    assert "signature" in answer.json()["detail"]
    assert showing.arrivals.refused == 1
    assert (await page.get("/state")).json()["arrivals"] == []


async def test_a_signed_body_that_is_no_notification_is_refused(page: httpx.AsyncClient) -> None:
    body = b'{"hello": 1}'
    answer = await page.post("/webhook", content=body, headers=signed("msg_1", body))
    assert answer.status_code == 401
    assert "not a notification" in answer.json()["detail"]


async def test_a_body_over_the_limit_is_not_read_to_its_end(page: httpx.AsyncClient) -> None:
    assert (await page.post("/webhook", content=b"x" * (BODY_MAX_BYTES + 1))).status_code == 413


async def test_what_is_kept_is_bounded(page: httpx.AsyncClient, showing: Showing) -> None:
    for number in range(KEPT + 20):
        body = notification(number)
        showing.arrivals.take(signed(f"msg_{number}", body), body, number)
    for number in range(LINES_KEPT + 20):
        showing.say(f"第{number}", f"line {number}")
    state = (await page.get("/state")).json()
    assert len(state["arrivals"]) == KEPT
    assert state["arrivals"][-1]["number"] == showing.arrivals.count == KEPT + 20
    assert len(state["lines"]) == LINES_KEPT
    assert (await page.get("/state?lines=x")).status_code == 422


async def test_the_tour_is_started_from_this_page_alone(page: httpx.AsyncClient, started: list[str]) -> None:
    assert (await page.post("/tour/help_call", headers={"sec-fetch-site": "same-origin"})).status_code == 202
    assert (await page.post("/tour/help_call", headers={"sec-fetch-site": "cross-site"})).status_code == 403
    assert (await page.post("/tour/help_call", headers={"origin": "http://elsewhere.example"})).status_code == 403
    assert (await page.post("/tour/moon", headers={"origin": ORIGIN})).status_code == 404
    refused = await page.post(f"/tour/{COLLECTOR_KILLED}", headers={"origin": ORIGIN})
    assert (refused.status_code, refused.json()["detail"]) == (503, "the collector is not running")
    assert started == ["help_call", COLLECTOR_KILLED]
    state = (await page.get("/state")).json()
    assert [stop["name"] for stop in state["stops"] if stop["started_at_ms"]] == ["help_call"]


async def test_the_page_asks_no_other_host(page: httpx.AsyncClient) -> None:
    answer = await page.get("/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for name in ("page.css", "page.js"):
        asset = await page.get(f"/static/{name}")
        assert asset.status_code == 200
        assert "//" not in asset.text.replace("// Asks", "")
    assert "http" not in answer.text


def test_the_tour_has_what_is_promised_in_both_languages() -> None:
    assert {"power_cut_township", "carrier_lost", "help_call", COLLECTOR_KILLED} <= {stop.name for stop in stops()}
    assert all(words.zh and words.en for stop in stops() for words in (stop.title, stop.about, stop.look))
