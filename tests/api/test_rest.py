"""REST as the contract fixes it, over the real app on a real ledger and store."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shouwang.clock import rfc3339
from shouwang.kinds import Kinds
from shouwang.readings.store import ReadingStore, Stored
from tests.api.conftest import Api
from tests.api.world import BAXIAN, BAXIAN_VILLAGE, BEILAOGUI, DAQIN, GUANGMING, MINUTE_MS, NOW_MS

CALL = f"/centres/{GUANGMING}/devices/call-01"


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert {"type", "title", "detail", "instance"} <= set(body)
    return body


async def test_the_summary_counts(api: Api) -> None:
    body = (await api.get("/summary")).json()
    assert body["devices"]["total"] == 8
    assert body["incidents"]["critical"] == 3
    assert body["deaf"] is False


async def test_lists_are_filtered_and_go_on_by_cursor(api: Api) -> None:
    first = (await api.get("/devices", limit=5)).json()
    rest = (await api.get("/devices", limit=5, cursor=first["next_cursor"])).json()
    assert len(first["items"]) == 5
    assert len(rest["items"]) == 3
    assert rest["next_cursor"] is None
    down = (await api.get("/devices", condition="down", kind="camera", township=DAQIN, q="光明")).json()
    assert [item["device"] for item in down["items"]] == ["cam-01"]
    centres = (await api.get("/centres", condition="offline", township=DAQIN)).json()
    assert [item["centre"] for item in centres["items"]] == [BEILAOGUI]


@pytest.mark.parametrize(
    ("path", "query", "says"),
    [
        ("/devices", {"limit": 1001}, "limit"),
        ("/devices", {"limit": 0}, "limit"),
        ("/devices", {"condition": "broken"}, "degraded"),
        ("/devices", {"kind": "toaster"}, "call_terminal"),
        ("/centres", {"condition": "broken"}, "offline"),
        ("/incidents", {"open": "maybe"}, "open"),
        ("/incidents", {"severity": "grave"}, "critical"),
        (f"{CALL}/readings", {"from": "yesterday"}, "RFC 3339"),
        (f"{CALL}/readings", {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "before"),
        (f"{CALL}/readings", {"every": "often"}, "5m"),
        (f"{CALL}/readings", {"every": "1s"}, "5000"),
        (f"{CALL}/readings", {"from": "0001-01-01T00:00:00+14:00"}, "1970"),
    ],
)
async def test_what_is_wrong_with_a_request_is_said(api: Api, path: str, query: dict[str, Any], says: str) -> None:
    body = problem(await api.get(path, **query), 422)
    assert says in body["detail"]
    assert body["errors"][0]["where"]


async def test_a_cursor_of_another_list_is_refused(api: Api) -> None:
    cursor = (await api.get("/devices", limit=1)).json()["next_cursor"]
    assert "cursor" in problem(await api.get("/incidents", cursor=cursor, open=True), 400)["detail"]


async def test_a_device_has_its_last_reading_condition_and_open_incident(api: Api) -> None:
    body = (await api.get(CALL)).json()
    assert body["condition"] == "silent"
    assert body["since"] == rfc3339(NOW_MS - 20 * MINUTE_MS)
    assert body["incident"]["id"] == "i-silent"
    assert body["last_reading"]["taken_at"] == rfc3339(NOW_MS - 22 * MINUTE_MS)
    assert body["last_reading"]["fields"]["battery_percent"] == 87
    never = (await api.get(f"/centres/{GUANGMING}/devices/kiosk-01")).json()
    assert never["last_reading"] is None
    assert never["connected"] is False


async def test_readings_are_given_newest_first_by_pages_or_as_means(api: Api) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 7} | ({"cursor": cursor} if cursor else {})
        body = (await api.get(f"{CALL}/readings", **query)).json()
        seen += [item["taken_at"] for item in body["items"]]
        cursor = body["next_cursor"]
        if cursor is None:
            break
    assert seen == [rfc3339(NOW_MS - minutes * MINUTE_MS) for minutes in range(22, 42)]
    means = (await api.get(f"{CALL}/readings", every="5m")).json()["items"]
    assert sum(step["count"] for step in means) == 20
    assert all(step["min"]["battery_percent"] <= step["mean"]["battery_percent"] for step in means)


async def test_history_and_incidents(api: Api) -> None:
    history = (await api.get(f"{CALL}/transitions", limit=2)).json()
    assert [item["condition"] for item in history["items"]] == ["silent", "ok"]
    assert history["next_cursor"]
    open_ones = (await api.get("/incidents", open=True)).json()["items"]
    assert [item["id"] for item in open_ones][:2] == ["i-offline", "i-silent"]
    whole = (await api.get("/incidents/i-silent")).json()
    assert whole["notifications"][0]["tries"][0]["answer"] == "errcode 93000"
    problem(await api.get("/incidents/nothing"), 404)


async def test_what_lies_outside_of_a_township_does_not_exist(api: Api) -> None:
    of_baxian = api.as_("technician", townships=[BAXIAN])
    assert [item["centre"] for item in (await of_baxian.get("/centres")).json()["items"]] == [BAXIAN_VILLAGE]
    problem(await of_baxian.get(CALL), 404)
    problem(await of_baxian.get(f"{CALL}/readings"), 404)
    problem(await of_baxian.get(f"{CALL}/transitions"), 404)
    problem(await of_baxian.get("/incidents/i-silent"), 404)
    problem(await of_baxian.post("/incidents/i-silent/acknowledge"), 404)
    problem(await of_baxian.post(f"{CALL}/probe"), 404)
    problem(await of_baxian.post("/maintenance", {"centre": GUANGMING}), 422)
    problem(await of_baxian.post("/maintenance", {"kind": "camera"}), 422)
    problem(await of_baxian.delete("/maintenance/1"), 404)


async def test_households_are_shown_by_role_and_each_viewing_is_kept(api: Api) -> None:
    assert "household" not in (await api.as_("viewer").get(CALL)).json()
    assert api.viewings() == []
    assert (await api.as_("technician").get(CALL)).json()["household"] == "王奶奶"
    assert [(row.what, row.device, row.allowed) for row in api.viewings()] == [("household", "call-01", True)]


async def test_what_a_role_does_not_grant_is_refused_and_kept(api: Api) -> None:
    viewer = api.as_("viewer")
    for answer in (
        await viewer.post("/incidents/i-silent/acknowledge"),
        await viewer.post(f"{CALL}/probe"),
        await viewer.post("/maintenance", {"centre": GUANGMING}),
        await viewer.post("/notify/webhook/test"),
    ):
        problem(answer, 403)
    assert [row.allowed for row in api.viewings()] == [False] * 4


async def test_a_maintenance_window_is_begun_listed_and_ended(api: Api) -> None:
    made = await api.post("/maintenance", {"centre": GUANGMING, "device": "cam-01", "reason": "换电源"})
    assert made.status_code == 201
    window = made.json()
    assert window["who"] == "administrator"
    assert window["to"] == rfc3339(NOW_MS + 120 * MINUTE_MS)
    assert (await api.get(f"/centres/{GUANGMING}/devices/cam-01")).json()["maintenance"]["id"] == window["id"]
    assert (await api.get("/devices", condition="maintenance")).json()["items"][0]["device"] == "cam-01"
    ended = await api.delete(f"/maintenance/{window['id']}")
    assert ended.json()["ended_at"] == rfc3339(NOW_MS)
    assert (await api.get(f"/centres/{GUANGMING}/devices/cam-01")).json()["maintenance"] is None
    problem(await api.delete("/maintenance/999"), 404)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "body.centre"),
        ({"device": "cam-01"}, "body.centre"),
        ({"centre": "nowhere"}, "body.centre"),
        ({"centre": GUANGMING, "device": "cam-77"}, "body.device"),
        ({"centre": GUANGMING, "to": "2001-01-01T00:00:00Z"}, "body.to"),
        ({"centre": GUANGMING, "from": "2030-01-01T00:00:00Z", "to": "2031-01-01T00:00:00Z"}, "body.to"),
        ({"center": GUANGMING}, "body.center"),
        ({"centre": 5}, "body.centre"),
    ],
)
async def test_a_window_that_cannot_be_is_refused(api: Api, body: dict[str, Any], where: str) -> None:
    assert problem(await api.post("/maintenance", body), 422)["errors"][0]["where"] == where


async def test_an_unknown_path_and_method_are_problems_too(api: Api) -> None:
    problem(await api.get("/nothing"), 404)
    problem(await api.delete("/summary"), 405)


async def test_asides_and_feeds(api: Api) -> None:
    assert [item["device"] for item in (await api.get("/asides", unregistered=True)).json()["items"]] == [
        "call-77",
        "robot-1",
    ]
    assert (await api.get("/feeds")).json()["items"][0]["condition"] == "online"


async def test_a_device_that_is_well_was_last_good_at_its_newest_reading(
    api: Api, store: ReadingStore, kinds: Kinds
) -> None:
    listed = (await api.get("/devices", kind="call_terminal", condition="ok")).json()["items"]
    centre, name = listed[0]["centre"], listed[0]["device"]
    taken_ms = NOW_MS - 7_000
    read = kinds.types["call_terminal"](device=name, reachable=True, last_heard_age_ms=2_000)
    assert store.write([Stored(centre, name, "call_terminal", taken_ms, read)]) == []
    whole = (await api.get(f"/centres/{centre}/devices/{name}")).json()
    assert whole["good_at"] == rfc3339(taken_ms - 2_000)
    assert listed[0]["good_at"] < whole["good_at"]
    silent = (await api.get(CALL)).json()
    assert silent["condition"] == "silent"
    (listed_too,) = [d for d in (await api.get("/devices", q="call-01")).json()["items"] if d["centre"] == GUANGMING]
    assert silent["good_at"] == listed_too["good_at"], "what is out was good when the ledger says"
