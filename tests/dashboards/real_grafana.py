"""The same against a real Grafana, where GRAFANA_URL and GRAFANA_TOKEN name one: 11 or newer, that may be written to.

GRAFANA_INFLUXDB_HOST: by which name it reaches this machine; left out: 127.0.0.1. pytest takes this file in
only then (tests/dashboards/conftest.py): none can be had where the tests run otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest

from dashboards.grafana import Grafana, Sort, State, Thing, look, push
from dashboards.grafana import things as made_of
from dashboards.places import READINGS_UID
from dashboards.render import checked_in
from tests.dashboards.history import Filled
from tests.waiting import SELDOM_S, wait_until

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

URL = os.environ.get("GRAFANA_URL", "").rstrip("/")
TOKEN = os.environ.get("GRAFANA_TOKEN", "")
EVALUATED_S = 200.0
"""Rules are asked once a minute, some minutes after they came."""


@pytest.fixture(scope="module")
def grafana() -> Iterator[Grafana]:
    calling = Grafana(URL, TOKEN)
    yield calling
    calling.close()


@pytest.fixture(scope="module")
def things(filled: Filled) -> list[Thing]:
    """All that is pushed; its InfluxDB is the one of the tests."""
    host = os.environ.get("GRAFANA_INFLUXDB_HOST", "127.0.0.1")
    values = {
        "INFLUXDB_URL": filled.bucket.url.replace("127.0.0.1", host),
        "/tokens/reader/influxdb": filled.reader_token,
        "ALERT_WEBHOOK_URL": "http://nobody.invalid/",
    }
    return [
        *made_of.folders(),
        *made_of.sources(values.get, filled.bucket.org, filled.name),
        *made_of.dashboards(checked_in()),
        *made_of.telling(values.get),
        *made_of.rules(),
    ]


def call(method: str, path: str, body: object = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return httpx.request(method, f"{URL}{path}", json=body, headers=headers, timeout=60)


def test_all_of_it_is_taken_and_twice_is_once(grafana: Grafana, things: list[Thing]) -> None:
    push(grafana, look(grafana, things), secrets=True, done=lambda _: None)
    left = [(each.thing.name, each.diff(to_wanted=True)) for each in look(grafana, things) if each.state != State.SAME]
    assert left == []


def test_what_somebody_changed_is_shown_and_put_right(grafana: Grafana, things: list[Thing]) -> None:
    board = next(thing for thing in things if thing.name == "shouwang-monitor-en")
    there = grafana.read(board)
    assert there is not None
    changed = {**there["dashboard"], "title": "Somebody's"}
    answer = call(
        "POST", "/api/dashboards/db", {"dashboard": changed, "folderUid": there["folderUid"], "overwrite": True}
    )
    answer.raise_for_status()
    (found,) = look(grafana, [board])
    assert found.state is State.DIFFERENT
    push(grafana, [found], secrets=False, done=lambda _: None)
    assert look(grafana, [board])[0].state is State.SAME


def test_every_rule_is_asked_and_works(things: list[Thing]) -> None:
    (rules,) = [thing for thing in things if thing.sort is Sort.RULES]
    titles = {rule["title"] for rule in rules.body["rules"]}

    def health() -> dict[str, str]:
        groups = call("GET", "/api/prometheus/grafana/api/v1/rules").raise_for_status().json()["data"]["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"] if rule["name"] in titles}

    wait_until(
        lambda: health().keys() == titles and "unknown" not in health().values(), health, EVALUATED_S, 10 * SELDOM_S
    )
    assert set(health().values()) <= {"ok", "nodata"}


def test_every_rule_is_answered_through_the_data_source(things: list[Thing]) -> None:
    (rules,) = [thing for thing in things if thing.sort is Sort.RULES]
    for rule in rules.body["rules"]:
        asked = rule["data"][0]
        body = {
            "from": f"now-{asked['relativeTimeRange']['from']}s",
            "to": "now",
            "queries": [{**asked["model"], "datasource": {"uid": READINGS_UID}, "maxDataPoints": 100}],
        }
        answer = call("POST", "/api/ds/query", body)
        assert answer.status_code == 200, f"{rule['title']}: {answer.text[:500]}"
