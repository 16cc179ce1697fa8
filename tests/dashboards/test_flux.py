"""Flux over a real InfluxDB: readings whole again, means weighted by time."""

from __future__ import annotations

import pytest

from dashboards import flux
from shouwang.readings import lineprotocol
from shouwang.readings.deadband import WHOLE_EVERY_MS
from shouwang.readings.influx_hours import hourly_bucket
from tests.dashboards.grafana import ALL, Asking, Frame, Variable, epoch_ms
from tests.dashboards.history import CENTRES, KINDS, SILENT, SILENT_MS, STEADY, Filled

pytestmark = pytest.mark.system
TERMINAL = KINDS.declared["call_terminal"]


def asking(filled: Filled, centre: str = ".*", device: str = ".*", *, days: int = 0, step_ms: int = 60_000) -> Asking:
    return Asking(
        filled.from_ms - days * 86_400_000,
        filled.until_ms,
        step_ms,
        filled.name,
        {"centre": Variable([ALL], centre), "device": Variable([ALL], device)},
    )


def shown(filled: Filled, query: str, about: Asking) -> dict[tuple[str, str], Frame]:
    found = filled.frames(about.flux(flux.with_imports(query)))
    return {(frame.series.labels["centre"], frame.series.labels["device"]): frame for frame in found}


def test_names_are_those_the_recorder_writes() -> None:
    assert (flux.WHOLE_AT, flux.LATE) == (lineprotocol.WHOLE_AT, lineprotocol.LATE)
    assert flux.WHOLE_EVERY_S * 1000 == WHOLE_EVERY_MS
    assert f'v.defaultBucket + "{hourly_bucket("")}"' == flux.HOURLY_BUCKET


@pytest.mark.parametrize("name", ["latency_ms", "battery_percent", "signal_dbm", "pendant_battery_percent"])
def test_every_reading_is_there_again_within_its_deadband(filled: Filled, name: str) -> None:
    found = shown(filled, flux.whole(TERMINAL, name) + "whole", asking(filled))
    said = {
        key: [(at_ms, reading[name]) for at_ms, reading in readings if name in reading]
        for key, readings in filled.readings.items()
        if key[1].startswith("call-")
    }
    assert {key for key, values in said.items() if values} == found.keys()
    deadband = TERMINAL.fields[name].deadband
    for key, frame in found.items():
        assert [epoch_ms(at) for at in frame["Time"]] == [at_ms for at_ms, _ in said[key]]
        for value, (_, meant) in zip(frame.series.values, said[key], strict=True):
            assert abs(value - meant) <= deadband


def test_a_mean_is_by_time_and_not_by_points(filled: Filled) -> None:
    step_ms = 3_600_000
    about = asking(filled, *STEADY, step_ms=step_ms)
    meant: dict[int, list[float]] = {}
    for at_ms, reading in filled.readings[STEADY]:  # at even intervals: each counts as long as the others
        meant.setdefault(max(at_ms // step_ms * step_ms, filled.from_ms), []).append(reading["latency_ms"])
    found = shown(filled, flux.course(TERMINAL, "latency_ms"), about)[STEADY]
    by_time = dict(zip(map(epoch_ms, found["Time"]), found.series.values, strict=True))
    assert by_time == {at_ms: pytest.approx(sum(values) / len(values), abs=1) for at_ms, values in meant.items()}
    points = flux.raw(TERMINAL, ("latency_ms",)) + '|> mean() |> keep(columns: ["_value"])'
    of_points = filled.frames(about.flux(points))[0]["_value"][0]
    in_truth = sum(map(sum, meant.values())) / sum(map(len, meant.values()))
    assert of_points > in_truth + 15, "a mean of points, the mistake that this guards against, is far off"


def test_nothing_is_shown_for_a_time_in_which_nothing_was_heard(filled: Filled) -> None:
    found = shown(filled, flux.course(TERMINAL, "battery_percent"), asking(filled, *SILENT))[SILENT]
    since_ms = filled.until_ms - SILENT_MS
    by_time = dict(zip(map(epoch_ms, found["Time"]), found.series.values, strict=True))
    assert [value for at_ms, value in by_time.items() if at_ms >= since_ms] == [None] * (SILENT_MS // 60_000)
    assert None not in [value for at_ms, value in by_time.items() if at_ms < since_ms - 60_000]


def test_a_long_time_is_shown_by_hours_and_the_last_of_it_by_readings(filled: Filled) -> None:
    long = shown(filled, flux.course(TERMINAL, "battery_percent"), asking(filled, days=3, step_ms=600_000))
    assert {key[0] for key in long} == set(CENTRES)
    for frame in long.values():
        assert any(value is not None for value in frame.series.values)
