"""The fleet as a file, in and out."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.api.conftest import Api
from tests.api.world import BAXIAN, BAXIAN_VILLAGE, BEILAOGUI, GUANGMING

CSV = "text/csv"


async def exported(api: Api, **query: str) -> bytes:
    answer = await api.get("/fleet", **query)
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.mark.parametrize("format_", ["csv", "xlsx", "json"])
async def test_what_is_given_out_is_taken_back_and_changes_nothing(api: Api, format_: str) -> None:
    body = await exported(api, format=format_)
    answer = await api.put("/fleet", body, "application/octet-stream")
    assert answer.status_code == 200, answer.text
    diff = answer.json()
    assert (diff["added"], diff["changed"], diff["retired"], diff["unchanged"]) == (0, 0, 0, 8)


async def test_a_dry_run_says_what_would_change_and_changes_nothing(api: Api) -> None:
    rows = json.loads(await exported(api, format="json"))
    rows.append({**rows[0], "device": "call-02", "target": "192.168.1.99"})
    rows[0]["device_name"] = "新名字"
    body = json.dumps(rows).encode()
    would = (await api.put("/fleet", body, "application/json", dry_run="true")).json()
    assert (would["dry_run"], would["added"], would["changed"]) == (True, 1, 1)
    assert (await api.get("/devices")).json()["items"][0]["name"] != "新名字"
    did = (await api.put("/fleet", body, "application/json")).json()
    assert did["names_added"] == [f"{rows[0]['centre']}/call-02"]
    assert did["revision"] != would["revision"]
    found = (await api.get(f"/centres/{rows[0]['centre']}/devices/call-02")).json()
    assert found["target"] == "192.168.1.99"


async def test_removals_over_a_twentieth_are_refused_unless_allowed(api: Api) -> None:
    rows = json.loads(await exported(api, format="json"))
    body = json.dumps([row for row in rows if row["centre"] != BEILAOGUI]).encode()
    refused = await api.put("/fleet", body, "application/json")
    assert refused.status_code == 409
    assert (refused.json()["retired"], refused.json()["of"]) == (2, 8)
    allowed = await api.put("/fleet", body, "application/json", allow_removals="true")
    assert allowed.json()["retired"] == 2
    assert (await api.get(f"/centres/{BEILAOGUI}")).status_code == 404


async def test_every_error_of_a_file_is_told_at_once(api: Api) -> None:
    text = "centre,device,kind,colour\n150525100200,call 1,toaster,red\n"
    first = await api.put("/fleet", text.encode(), CSV)
    assert first.status_code == 422
    assert "colour" in first.text
    text = "centre,device,kind\n150525100200,call 1,call_terminal\n1.50525E+11,cam-02,camera\n150525100200,x,toaster\n"
    answer = await api.put("/fleet", text.encode(), CSV)
    body = answer.json()
    assert answer.status_code == 422
    assert body["errors_total"] == len(body["errors"]) >= 3
    assert {error["where"] for error in body["errors"]} == {"line 2", "line 3", "line 4"}
    assert "toaster" in body["errors"][-1]["what"]
    assert (await api.get("/devices")).json()["items"]  # nothing was half imported


async def test_only_who_keeps_the_whole_fleet_replaces_it(api: Api) -> None:
    body = await exported(api, format="csv")
    for asker in (api.as_("technician"), api.as_("administrator", townships=[BAXIAN])):
        assert (await asker.put("/fleet", body, CSV)).status_code == 403


async def test_others_see_their_townships_and_households_by_role(api: Api) -> None:
    scoped = await exported(api.as_("technician", townships=[BAXIAN]), format="csv")
    rows = list(csv.DictReader(io.StringIO(scoped.decode("utf-8-sig"))))
    assert {row["centre"] for row in rows} == {BAXIAN_VILLAGE}
    assert {row["household"] for row in rows} == {"赵奶奶", ""}
    assert [row.what for row in api.viewings()] == ["households of 1 devices in an export"]
    assert "奶奶" not in (await exported(api.as_("viewer"), format="csv")).decode("utf-8-sig")


async def test_the_format_is_as_accept_asks(api: Api) -> None:
    url = "/api/v1/fleet"
    for accept in ("text/csv", "application/json"):
        answer = await api.client.get(url, headers={"authorization": f"Bearer {api.token}", "accept": accept})
        assert answer.headers["content-type"].startswith(accept)
    assert (await api.get("/fleet", format="pdf")).status_code == 422
    assert GUANGMING in (await exported(api, format="json")).decode()
