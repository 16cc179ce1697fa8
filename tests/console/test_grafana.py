"""Where a Grafana is said, pages lead to its dashboards: of the device, the centre, or what an incident is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from api.app import create_app
from api.console.grafana import BESIDE_MS, Grafana
from shouwang.clock import parse_rfc3339
from shouwang.kinds import Kinds
from shouwang.vocabulary import Role
from tests.console.conftest import Console, Serving

GRAFANA = "https://grafana.example"
NOW_MS = parse_rfc3339("2026-11-24T08:00:00Z")
INCIDENT: dict[str, Any] = {
    "cause": "device_silent",
    "since": "2026-11-24T05:00:00Z",
    "closed_at": None,
    "township": "150525100",
    "centre": "150525100201",
    "device": "call-07",
    "kind": "call_terminal",
}


def board(address: str | None) -> tuple[str, dict[str, list[str]]]:
    assert address is not None
    parts = urlsplit(address)
    return parts.path, parse_qs(parts.query)


@pytest.mark.parametrize(
    ("changed", "path", "chosen"),
    [
        ({}, "kind-call_terminal", {"var-centre": "150525100201", "var-device": "call-07"}),
        ({"device": "", "kind": None, "cause": "centre_offline"}, "centre", {"var-centre": "150525100201"}),
        (
            {"device": "", "kind": None, "centre": "", "cause": "area_outage"},
            "fleet",
            {"var-township": "150525100"},
        ),
        ({"device": "", "kind": None, "centre": "unicom", "township": "", "cause": "feed_offline"}, "fleet", {}),
        ({"device": "", "kind": None, "centre": "", "township": "", "cause": "collector_deaf"}, "monitor", {}),
    ],
)
def test_an_incident_leads_to_what_it_is_about(changed: dict[str, Any], path: str, chosen: dict[str, str]) -> None:
    found, query = board(Grafana(GRAFANA, "zh", NOW_MS).incident({**INCIDENT, **changed}))
    assert found == f"/d/shouwang-{path}-zh"
    assert {name: values[0] for name, values in query.items() if name.startswith("var-")} == chosen
    assert int(query["from"][0]) == parse_rfc3339(INCIDENT["since"]) - BESIDE_MS
    assert int(query["to"][0]) == NOW_MS


def test_a_closed_incident_is_shown_with_an_hour_beside_it() -> None:
    closed = {**INCIDENT, "closed_at": "2026-11-24T06:00:00Z"}
    _, query = board(Grafana(GRAFANA, "en", NOW_MS).incident(closed))
    assert int(query["to"][0]) == parse_rfc3339("2026-11-24T07:00:00Z")


def test_without_a_grafana_there_is_no_way() -> None:
    assert Grafana(None, "zh", NOW_MS).incident(INCIDENT) is None


@pytest.fixture
def reader(console: Console) -> Iterator[httpx.Client]:
    """A duty officer of the same house, with a Grafana."""

    def make(base: str) -> object:
        return create_app(console.engine, console.store, Kinds(), public_url=base, grafana_url=f"{GRAFANA}/")

    serving = Serving(make)
    serving.start()
    cookies = {"shouwang": console.session(Role.DUTY_OFFICER)}
    with httpx.Client(base_url=serving.base, cookies=cookies, headers={"accept-language": "zh"}, timeout=30) as client:
        yield client
    serving.stop()


def link(page: httpx.Response) -> str | None:
    assert page.status_code == 200
    found = re.search(r'<a id="to-grafana" href="([^"]+)"[^>]*>([^<]+)</a>', page.text)
    assert found is None or found[2] == "在 Grafana 中查看"
    return unescape(found[1]) if found else None


def test_pages_lead_there(reader: httpx.Client) -> None:
    incidents = reader.get("/api/v1/incidents", params={"open": "true"}).json()["items"]
    about = next(each for each in incidents if each["device"])
    path, query = board(link(reader.get(f"/incidents/{about['id']}")))
    assert path == f"/d/shouwang-kind-{about['kind']}-zh"
    assert query["var-device"] == [about["device"]]
    path, query = board(link(reader.get(f"/centres/{about['centre']}/devices/{about['device']}")))
    assert (path, query["var-centre"]) == (f"/d/shouwang-kind-{about['kind']}-zh", [about["centre"]])
    path, query = board(link(reader.get(f"/centres/{about['centre']}")))
    assert (path, query["var-centre"]) == ("/d/shouwang-centre-zh", [about["centre"]])


def test_pages_of_a_house_without_one_say_nothing_of_it(console: Console) -> None:
    cookies = {"shouwang": console.session(Role.DUTY_OFFICER)}
    with httpx.Client(base_url=console.base, cookies=cookies, timeout=30) as client:
        centre = client.get("/api/v1/centres").json()["items"][0]["centre"]
        assert link(client.get(f"/centres/{centre}")) is None
