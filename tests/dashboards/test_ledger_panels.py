"""Every panel's and variable's question to REST, as the Infinity data source asks it, of the real API on a real ledger,
SQLite and PostgreSQL; at three scopes, with a token that may only see. And mistakes that must be seen."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import Engine

from api.app import create_app
from dashboards.places import LEDGER_UID
from dashboards.render import targets
from shouwang.boards import CONDITION_CODES, SEVERITY_CODES
from shouwang.kinds import Kinds
from shouwang.ledger.engine import open_engine, sqlite_url
from shouwang.readings.embedded import EmbeddedStore
from shouwang.vocabulary import Role
from tests.api import world
from tests.api.conftest import BASE, Stopped, new_token
from tests.api.world import BAXIAN, DAQIN, GUANGMING, MINUTE_MS, NOW_MS
from tests.dashboards.grafana import ALL, Asking, Frame, Variable
from tests.dashboards.infinity import Infinity, NotUnderstood
from tests.dashboards.test_boards import BOARDS

pytestmark = pytest.mark.system

EN = {name: board for name, board in BOARDS.items() if name.startswith("en/")}
FLEET, MONITOR = "en/shouwang-fleet-en.json", "en/shouwang-monitor-en.json"
CENTRE, TERMINALS = "en/shouwang-centre-en.json", "en/shouwang-kind-call_terminal-en.json"
SITES = "en/shouwang-kind-site-en.json"
ASKED = (FLEET, CENTRE, TERMINALS, SITES, MONITOR)
"""Other kinds ask what these two ask, with another name: `test_other_kinds_ask_the_same`."""
TOWNSHIPS = {
    "one": Variable([DAQIN], "*"),
    "several": Variable([DAQIN, BAXIAN], "*"),
    "all": Variable([ALL], "*"),
}
DEVICES = {
    "one": Variable(["call-01"]),
    "several": Variable(["call-01", "call-09"]),
    "all": Variable([ALL], "", ["call-01"]),
}


def asking(scope: str, **more: Variable) -> Asking:
    """Twelve hours until the present of the ledger."""
    chosen = {"township": TOWNSHIPS[scope], "centre": Variable([GUANGMING]), "device": DEVICES[scope], **more}
    return Asking(NOW_MS - 720 * MINUTE_MS, NOW_MS, variables=chosen)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A small fleet with one of everything that can be out."""
    with ExitStack() as stack:
        if request.param == "postgres":
            url = stack.enter_context(request.getfixturevalue("postgres_server").database()).url
        else:
            url = sqlite_url(tmp_path_factory.mktemp("ledger") / "ledger.db")
        engine = open_engine(url)
        stack.callback(engine.dispose)
        world.fill(engine)
        yield engine


@pytest.fixture(scope="module")
def api(ledger: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, str]]:
    """The API on it, and the token of a viewer."""
    kinds = Kinds()
    store = EmbeddedStore(tmp_path_factory.mktemp("readings") / "readings.db", kinds, writable=True)
    app = create_app(ledger, store, kinds, clock=Stopped(), public_url=BASE, console=False)
    yield app, new_token(ledger, "grafana", Role.VIEWER, [])
    store.close()


@pytest_asyncio.fixture
async def infinity(api: tuple[FastAPI, str]) -> AsyncIterator[Infinity]:
    """The data source."""
    app, token = api
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE) as client:
        yield Infinity(client, token)


def of_ledger(name: str) -> dict[str, dict[str, Any]]:
    """Questions to REST, by the title of their panel."""
    return {panel["title"]: target for panel, target in targets(EN[name]) if target["datasource"]["uid"] == LEDGER_UID}


async def ask(infinity: Infinity, target: Mapping[str, Any], scope: str = "all", **more: Variable) -> Frame:
    found = await infinity.frames(target, asking(scope, **more))
    return found[0]


def rows(frame: Frame, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(frame[name][row] for name in names) for row in range(frame.rows)]


@pytest.mark.parametrize("scope", ["one", "several", "all"])
@pytest.mark.parametrize("name", ASKED)
async def test_every_question_is_answered_with_the_columns_that_it_names(
    infinity: Infinity, name: str, scope: str
) -> None:
    board = EN[name]
    for title, target in of_ledger(name).items():
        for frame in await infinity.frames(target, asking(scope)):
            if target["format"] == "table":
                assert frame.names == [each["text"] for each in target["columns"]], title
    for variable in board["templating"]["list"]:
        choices = await ask(infinity, variable["query"]["infinityQuery"], scope)
        assert choices.names == ["__text", "__value"]


async def test_the_fleet_shows_what_is_in_trouble_at_each_scope(infinity: Infinity) -> None:
    panels = of_ledger(FLEET)
    for scope, down, unwatched in (("one", 1, 2), ("several", 1, 2), ("all", 1, 2)):
        assert (await ask(infinity, panels["Down"], scope))["Down"] == [down]
        assert (await ask(infinity, panels["Terminals unwatched"], scope))["Terminals unwatched"] == [unwatched]
        assert (await ask(infinity, panels["The collector"], scope))["deaf"] == [False]
    incidents = {
        scope: rows(await ask(infinity, panels["Open incidents"], scope), "id", "severity") for scope in TOWNSHIPS
    }
    assert ("i-silent", "critical") in incidents["one"]
    assert set(incidents["one"]) < set(incidents["several"]) <= set(incidents["all"])
    assert [SEVERITY_CODES[severity] for _, severity in incidents["all"]] == sorted(
        (SEVERITY_CODES[severity] for _, severity in incidents["all"]), reverse=True
    )
    places = {scope: (await ask(infinity, panels["Townships"], scope))["key"] for scope in TOWNSHIPS}
    assert places == {"one": [DAQIN], "several": [DAQIN, BAXIAN], "all": [DAQIN, BAXIAN]}
    nets = rows(await ask(infinity, panels["Nets"]), "key", "total")
    assert dict(nets)["public_safety"] == 3


async def test_townships_over_time_are_series_that_say_how_grave_it_was(infinity: Infinity) -> None:
    target = of_ledger(FLEET)["Townships: the gravest open incident"]
    for scope, series in (("one", 1), ("several", 2), ("all", 2)):
        frame = await ask(infinity, target, scope)
        assert len(frame.columns) == 1 + series
        by_name = {column.labels["township"]: column.values for column in frame.columns[1:]}
        assert by_name["大沁他拉镇"][0] == SEVERITY_CODES["none"]
        assert by_name["大沁他拉镇"][-1] == SEVERITY_CODES["critical"]


async def test_availability_is_by_time_and_from_the_ledger(infinity: Infinity) -> None:
    frame = await ask(infinity, of_ledger(TERMINALS)["Availability"])
    shares = dict(rows(frame, "device", "ok"))
    # heard since 720 minutes ago: unknown at first, ok from 700 on but for what stands in tests/api/world.py
    assert shares == {f"{GUANGMING}/call-01": pytest.approx(100 * _minutes_ok() / 720, abs=0.01)}
    by_township = await ask(infinity, of_ledger(FLEET)["Availability by township"], "one")
    assert by_township["name"] == ["大沁他拉镇"]
    assert 0 < by_township["ok"][0] < 100


def _minutes_ok() -> float:
    known = [(700, 650), (640, 610), (600, 100), (90, 20)]
    return float(sum(start - end for start, end in known))


async def test_a_terminals_conditions_over_time(infinity: Infinity) -> None:
    frame = await ask(infinity, of_ledger(TERMINALS)["Conditions"], "several")
    assert [dict(column.labels) for column in frame.columns[1:]] == [{"device": "call-01"}]
    minutes_ago = {
        (NOW_MS - at) // MINUTE_MS: code for at, code in zip(frame["Time"], frame.series.values, strict=True)
    }
    assert minutes_ago[90] == CONDITION_CODES["ok"]
    assert minutes_ago[20] == minutes_ago[0] == CONDITION_CODES["silent"]


async def test_a_centre_shows_its_agent_its_devices_and_its_incidents(infinity: Infinity) -> None:
    panels = of_ledger(CENTRE)
    assert (await ask(infinity, panels["Its agent"]))["condition"] == ["online"]
    assert (await ask(infinity, panels["Down"]))["down"] == [1]
    devices = rows(await ask(infinity, panels["Devices now"]), "device", "kind", "condition")
    assert ("call-01", "call_terminal", "silent") in devices
    assert ("cam-01", "camera", "down") in devices
    assert "i-silent" in (await ask(infinity, panels["Open incidents"]))["id"]
    names = {column.labels["device"] for column in (await ask(infinity, panels["Conditions"])).columns[1:]}
    assert {"call-01", "cam-01", "pos-01"} <= names


async def test_variables_offer_what_there_is(infinity: Infinity) -> None:
    async def choices(name: str, variable: str) -> list[tuple[Any, ...]]:
        query = next(each for each in EN[name]["templating"]["list"] if each["name"] == variable)["query"]
        return rows(await ask(infinity, query["infinityQuery"]), "__text", "__value")

    assert await choices(FLEET, "township") == [("大沁他拉镇", DAQIN), ("八仙筒镇", BAXIAN)]
    assert await choices(FLEET, "console") == [(BASE, BASE)]
    assert ("光明村", GUANGMING) in await choices(TERMINALS, "centre")
    assert await choices(TERMINALS, "device") == [("call-01", "call-01")]


MISTAKES = [
    ("a column that is none", {"columns": [{"selector": "devices.broken", "text": "Down", "type": "number"}]}),
    ("a type that is not that of the answer", {"columns": [{"selector": "at", "text": "Down", "type": "number"}]}),
    ("rows that are none", {"root_selector": "items"}),
    ("a path that is none", {"url": "/api/v1/sumary"}),
    ("a key that the plugin does not know", {"rootSelector": ""}),
    ("the parser of the browser", {"parser": "simple"}),
    (
        "a variable that is none",
        {"url_options": {"method": "GET", "params": [{"key": "township", "value": "$tonship"}]}},
    ),
]


@pytest.mark.parametrize(("what", "mistake"), MISTAKES, ids=[what for what, _ in MISTAKES])
async def test_a_planted_mistake_is_seen(infinity: Infinity, what: str, mistake: dict[str, Any]) -> None:
    target = of_ledger(FLEET)["Down"]
    assert (await ask(infinity, target)).rows == 1
    with pytest.raises((NotUnderstood, KeyError)):
        await ask(infinity, {**copy.deepcopy(target), **mistake})


async def test_a_series_out_of_order_is_seen(infinity: Infinity) -> None:
    target = of_ledger(TERMINALS)["Conditions"]
    newest_first = {**target, "url": f"/api/v1/centres/{GUANGMING}/devices/call-01/transitions"}
    newest_first["columns"] = [
        {"selector": "at", "text": "Time", "type": "timestamp"},
        {"selector": "condition", "text": "device", "type": "string"},
    ]
    with pytest.raises(NotUnderstood, match="a series has one time and some numbers"):
        await ask(infinity, newest_first)


def test_other_kinds_ask_the_same() -> None:
    asked = [copy.deepcopy(of_ledger(name)) for name in sorted(EN) if "-kind-" in name]
    for name, each in zip((name for name in sorted(EN) if "-kind-" in name), asked, strict=True):
        kind = name.removeprefix("en/shouwang-kind-").removesuffix("-en.json")
        for target in each.values():
            for param in target["url_options"]["params"]:
                assert param["key"] != "kind" or param.pop("value") == kind
    assert all(each == asked[0] for each in asked)
