"""What a panel must show of the history that was written, and what is wrong with what it does show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.dashboards.grafana import Asking, Frame, epoch_ms
from tests.dashboards.history import KINDS, SILENT, SILENT_MS, Filled, devices_of

Said = Mapping[tuple[str, str], list[tuple[int, dict[str, Any]]]]
_EDGE_MS = 900_000
"""Steps at the rim of the time chosen may hold half a reading."""


def in_scope(filled: Filled, kind: str, asking: Asking, *, whole_centre: bool = False) -> Said:
    """What the devices of a kind that the variables name said in the time chosen."""
    centre = asking.variables["centre"].values[0]
    of_kind = {name for name, its_kind in devices_of(centre) if its_kind == kind}
    chosen = of_kind if whole_centre else of_kind & set(asking.variables["device"].names)
    return {
        (centre, name): [
            (at, said) for at, said in filled.readings[centre, name] if asking.start_ms <= at < asking.stop_ms
        ]
        for name in chosen
    }


def wrong_with_series(found: list[Frame], name: str, kind: str, said: Said, asking: Asking) -> Iterator[str]:
    """Of a graph or a timeline of one field: a series a device that said it, its values what was said, and no value
    while nothing was."""
    declared = KINDS.declared[kind].fields[name]
    meant = {
        key: [(at, reading[name]) for at, reading in readings if name in reading] for key, readings in said.items()
    }
    meant = {key: values for key, values in meant.items() if values}
    hold_ms = KINDS.declared[kind].limits.silent_after_s * 1000
    by_device = {}
    for frame in found:
        labels = frame.series.labels
        if not {"centre", "device"} <= labels.keys():
            yield f"a series has no name: {dict(labels)}"
            return
        by_device[labels["centre"], labels["device"]] = frame
    if by_device.keys() != meant.keys():
        yield f"series of {sorted(by_device)}, where {sorted(meant)} said it"
        return
    if len(found) != len(by_device):
        yield "two series of one device"
    for key, frame in by_device.items():
        yield from _values(key, frame, meant[key], declared.deadband, hold_ms, asking)


def _values(
    key: tuple[str, str], frame: Frame, meant: list[tuple[int, Any]], deadband: float, hold_ms: float, asking: Asking
) -> Iterator[str]:
    until = [*(at for at, _ in meant[1:]), asking.stop_ms]
    weighted = [(at, said, min(end - at, hold_ms)) for (at, said), end in zip(meant, until, strict=True)]
    shown = {
        epoch_ms(at): value
        for at, value in zip(frame["Time"], frame.series.values, strict=True)
        if asking.start_ms + _EDGE_MS <= epoch_ms(at) < asking.stop_ms - _EDGE_MS
    }
    if not shown:
        yield f"{key}: no steps"
    for step_ms, value in shown.items():
        inside = [said for at, said in meant if step_ms <= at < step_ms + asking.step_ms]
        if not inside:
            if value is not None and not _held(step_ms, meant, asking):
                yield f"{key}: {value!r} at {step_ms}, when nothing was said"
        elif value is None:
            yield f"{key}: nothing at {step_ms}, when {inside[0]!r} was said"
        elif isinstance(inside[0], bool | str):
            if value not in {str(each).lower() if isinstance(each, bool) else each for each in inside}:
                yield f"{key}: {value!r} at {step_ms}, when {inside} was said"
        elif not isinstance(value, float):
            yield f"{key}: {value!r} at {step_ms} is no number"
        else:
            here = [(said, ms) for at, said, ms in weighted if step_ms <= at < step_ms + asking.step_ms]
            by_time = sum(said * ms for said, ms in here) / sum(ms for _, ms in here)
            if abs(value - by_time) > deadband + 0.01:
                yield f"{key}: {value!r} at {step_ms} is no mean by time of {inside}"
    if key == SILENT:
        end = max(at for at, _ in meant)
        late = [value for at, value in shown.items() if at > end]
        if not late or any(value is not None for value in late):
            yield f"{key}: it is not seen that nothing was heard in the last {SILENT_MS // 60_000} minutes"


def _held(step_ms: int, meant: list[tuple[int, Any]], asking: Asking) -> bool:
    """A step between two readings, narrower than what lies between them."""
    return any(abs(at - step_ms) <= asking.step_ms for at, _ in meant)


def wrong_with_last(found: list[Frame], kind: str, said: Said) -> Iterator[str]:
    """Of the table of what each said last: a row a device that was heard, with what its newest reading said."""
    last = {key: readings[-1] for key, readings in said.items() if readings}
    if not last:
        return
    if len(found) != 1:
        yield f"{len(found)} frames, where a table is one"
        return
    frame = found[0]
    rows = {(frame["centre"][row], frame["device"][row]): row for row in range(frame.rows)}
    if rows.keys() != last.keys():
        yield f"rows of {sorted(rows)}, where {sorted(last)} were heard"
        return
    for key, (at, reading) in last.items():
        if epoch_ms(frame["at"][rows[key]]) != at:
            yield f"{key}: taken at {frame['at'][rows[key]]}, not {at}"
        for name in set(reading) & set(KINDS.declared[kind].fields):
            if name not in frame.names or frame[name][rows[key]] is None:
                yield f"{key}: no {name}, though it said {reading[name]!r}"
        for name in set(frame.names) & set(KINDS.declared[kind].fields) - set(reading):
            if frame[name][rows[key]] is not None:
                yield f"{key}: {name} is {frame[name][rows[key]]!r}, which it did not say"
