"""Every panel's question to InfluxDB as Grafana would ask it, of a real one that simulated devices filled, at three
scopes of the variables; and mistakes that must be seen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dashboards.places import READINGS_UID
from dashboards.render import panels, targets
from tests.dashboards import judged
from tests.dashboards.grafana import ALL, Asking, Frame, Variable
from tests.dashboards.history import CENTRES, DEAF_MS, KINDS, SPAN_MS, Filled, devices_of
from tests.dashboards.test_boards import BOARDS

pytestmark = pytest.mark.system

EN = {name: board for name, board in BOARDS.items() if name.startswith("en/")}  # the others ask the same: test_boards
STEP_MS = 300_000
SPAN_SHOWN_MS = 75 * 60_000
CENTRE = CENTRES[0]
SCOPES = ("one", "several", "all")


def asking(
    filled: Filled, kind: str, scope: str, panel: dict[str, Any], *, centre: str = CENTRE, step_ms: int = STEP_MS
) -> Asking:
    """A look at some devices of a kind in one centre."""
    names = [name for name, its_kind in devices_of(centre) if its_kind == kind]
    chosen = {"one": names[-1:], "several": names[:2], "all": [ALL]}[scope]
    least_s = int(panel.get("interval", "0s")[:-1])
    return Asking(
        filled.until_ms - SPAN_SHOWN_MS,
        filled.until_ms,
        max(step_ms, least_s * 1000),
        filled.name,
        {"centre": Variable([centre]), "device": Variable(chosen, options=names)},
    )


def problems(
    filled: Filled,
    kind: str,
    scope: str,
    panel: dict[str, Any],
    query: str,
    *,
    step_ms: int = STEP_MS,
    whole_centre: bool = False,
) -> list[str]:
    """What is wrong with what a panel of a kind's readings shows."""
    about = asking(filled, kind, scope, panel, step_ms=step_ms)
    found = filled.frames(about.flux(query))
    said = judged.in_scope(filled, kind, about, whole_centre=whole_centre)
    return list(wrong(said, kind, panel, query, about, found))


def wrong(
    said: judged.Said, kind: str, panel: dict[str, Any], query: str, about: Asking, found: list[Frame]
) -> Iterator[str]:
    if panel["type"] == "table":
        yield from judged.wrong_with_last(found, kind, said)
        styled = {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]}
        yield from (
            f"column {name} is shown under its own name" for frame in found for name in set(frame.names) - styled
        )
        return
    field = re.search(r'set\(key: "_field", value: "(\w+)"\)', query)
    assert field, "a graph or timeline names its field"
    yield from judged.wrong_with_series(found, field[1], kind, said, about)
    label = re.search(r"\$\{__field\.labels\.(\w+)\}", panel["fieldConfig"]["defaults"]["displayName"])
    if label:
        yield from (f"a series has no {label[1]} to be named by" for f in found if label[1] not in f.series.labels)


def of_readings(name: str) -> list[tuple[dict[str, Any], str]]:
    """Panels of readings, with their question."""
    return [
        (panel, target["query"])
        for panel, target in targets(EN[name])
        if target["datasource"]["uid"] == READINGS_UID and "shouwang.monitor" not in target["query"]
    ]


@pytest.mark.parametrize("kind", sorted(KINDS.declared))
@pytest.mark.parametrize("scope", SCOPES)
def test_what_devices_said_is_what_is_shown(filled: Filled, kind: str, scope: str) -> None:
    panels_of_kind = of_readings(f"en/shouwang-kind-{kind}-en.json")
    assert panels_of_kind
    found = {
        panel["title"]: wrong_there
        for panel, query in panels_of_kind
        if (wrong_there := problems(filled, kind, scope, panel, query))
    }
    assert found == {}


def test_a_centres_power_uplink_clock_and_outbox_are_those_of_its_site(filled: Filled) -> None:
    for panel, query in of_readings("en/shouwang-centre-en.json"):
        assert problems(filled, "site", "all", panel, query, whole_centre=True) == [], panel["title"]


BATTERY = ("Battery", "call_terminal")
MAINS = ("Mains power", "call_terminal")
LATENCY = ("Latency", "call_terminal")
LAST = ("What each said last", "call_terminal")
MISTAKES: list[tuple[str, tuple[str, str], Callable[[str], str]]] = [
    ("another measurement", BATTERY, lambda q: q.replace('"call_terminal"', '"call_terminals"')),
    ("a tag that is none", BATTERY, lambda q: q.replace("r.centre =~", "r.site =~")),
    ("several values without :regex", BATTERY, lambda q: q.replace("${device:regex}", "${device:csv}")),
    ("no :regex, no anchors", BATTERY, lambda q: q.replace("/^${device:regex}$/", "/call/")),
    ("a field that is none", BATTERY, lambda q: q.replace("battery_percent", "battery")),
    ("what the deadband left out stays out", MAINS, lambda q: re.sub(r"\|> fill\(.*?\)", "", q)),
    ("each reading as long as any other", LATENCY, lambda q: q.replace("float(v: r.ms)}", "1.0}")),
    ("silence bridged", BATTERY, lambda q: re.sub(r"createEmpty: true", "createEmpty: false", q)),
    ("a state without an end", MAINS, lambda q: q.replace("tables: [steps, gaps]", "tables: [steps]")),
    (
        "devices in one series",
        BATTERY,
        lambda q: q[: q.rindex("|> group")] + "|> group()" + q[q.rindex("|> sort") - 3 :],
    ),
    ("the first and not the last", LAST, lambda q: q.replace("|> last()", "|> first()", 1)),
    ("rows not put together", LAST, lambda q: re.sub(r"\|> pivot\(.*?\)\n", "", q)),
]


@pytest.mark.parametrize(("what", "where", "mistake"), MISTAKES, ids=[each[0] for each in MISTAKES])
def test_a_planted_mistake_is_seen(
    filled: Filled, what: str, where: tuple[str, str], mistake: Callable[[str], str]
) -> None:
    title, kind = where
    panel, query = next(each for each in of_readings(f"en/shouwang-kind-{kind}-en.json") if each[0]["title"] == title)
    assert mistake(query) != query
    assert problems(filled, kind, "all", panel, query, step_ms=60_000) == []
    seen = []
    for scope in SCOPES:
        try:
            seen += problems(filled, kind, scope, panel, mistake(query), step_ms=60_000)
        except Exception as refused:  # InfluxDB, or nothing that could be a series
            seen.append(f"{type(refused).__name__}: {refused}")
    assert seen, what


def test_means_of_points_would_be_seen(filled: Filled) -> None:
    """The mistake that is easiest to make: a mean of what stands in InfluxDB, without its weight in time."""
    panel, query = next(
        each for each in of_readings("en/shouwang-kind-call_terminal-en.json") if each[0]["title"] == "Latency"
    )
    about = asking(filled, "call_terminal", "all", panel, centre=CENTRES[2])
    naive = """from(bucket: v.defaultBucket) |> range(start: v.timeRangeStart, stop: v.timeRangeStop)
      |> filter(fn: (r) => r._measurement == "call_terminal" and r.centre =~ /^${centre:regex}$/)
      |> filter(fn: (r) => r.device =~ /^${device:regex}$/ and r._field == "latency_ms")
      |> aggregateWindow(every: 30m, fn: mean) |> set(key: "_field", value: "latency_ms")"""
    whole = Asking(filled.until_ms - SPAN_MS, filled.until_ms, 1_800_000, filled.name, about.variables)
    said = judged.in_scope(filled, "call_terminal", whole)
    assert list(wrong(said, "call_terminal", panel, query, whole, filled.frames(whole.flux(query)))) == []
    assert list(wrong(said, "call_terminal", panel, query, whole, filled.frames(whole.flux(naive)))) != []


def test_the_monitor_shows_that_it_was_deaf_and_fell_behind(filled: Filled) -> None:
    about = Asking(filled.until_ms - SPAN_SHOWN_MS, filled.until_ms, 60_000, filled.name)
    shown = {
        panel["title"] + panel["type"]: filled.frames(about.flux(target["query"]))
        for panel, target in targets(EN["en/shouwang-monitor-en.json"])
        if target["datasource"]["uid"] == READINGS_UID
    }
    last = {title: frames[0].series.values[-1] for title, frames in shown.items() if title.endswith("stat")}
    assert last == {
        "Notifications owedstat": 0,
        "The oldest of themstat": 0.0,
        "Behind the journalstat": 12.5,
        "Rows waitingstat": 1,
        "Open incidentsstat": 2,
    }
    deaf = shown["Deafnessstate-timeline"][0].series
    assert deaf.labels == {"what": "collector"}
    assert deaf.values.count("true") == (DEAF_MS[1] - DEAF_MS[0]) // 60_000
    assert deaf.values[-1] == "false"
    heard = {frame.series.labels["kind"]: frame.series.values for frame in shown["Readings takentimeseries"]}
    assert heard.keys() == set(KINDS.declared)
    for kind, values in heard.items():
        said = sum(
            sum(about.start_ms <= at < about.stop_ms for at, _ in filled.readings[centre, name])
            for centre in CENTRES
            for name, its_kind in devices_of(centre)
            if its_kind == kind
        )
        assert sum(values) == said, kind


def test_no_query_is_left_out() -> None:
    asked = [json.dumps(target) for name in EN for _, target in targets(EN[name])]
    covered = [query for name in EN for _, query in of_readings(name)]
    monitor = [text for text in asked if "shouwang.monitor" in text or "r._field ==" in text]
    assert len(covered) >= 100
    assert len(asked) == len([text for text in asked if '"url"' in text]) + len(monitor)
    assert sum(1 for name in EN for _ in panels(EN[name])) > len(asked)
