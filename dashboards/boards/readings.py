"""Panels of a kind's readings, made from its kind file: a graph for a number, a timeline for a state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from grafana_foundation_sdk.builders import statetimeline, table, timeseries
from grafana_foundation_sdk.models import dashboard as model

from dashboards import flux, looks, panels
from dashboards.looks import Tongue
from dashboards.panels import Shown
from dashboards.queries import Flux
from shouwang.kinds import Field, FieldType, Kind
from shouwang.vocabulary import Condition

UNITS = {
    "%": "percent",
    "ms": "ms",
    "s": "s",
    "°C": "celsius",
    "dBm": "dBm",
    "mV": "mvolt",
    "V": "volt",
    "A": "amp",
    "W": "watt",
    "kbit/s": "Kbits",
}
"""Grafana's names of units; one that is not here stands as it is, behind the number."""
NUMBERS = flux.NUMBERS
STATES = (FieldType.BOOL, FieldType.ENUM)
_COLOURS = {Condition.DOWN: "red", Condition.DEGRADED: "yellow"}
OFTEN_S = 600


def judged(kind: Kind) -> list[str]:
    """The fields by which the kind's rules judge, in the order of its file."""
    named = {test.field for rule in kind.rules for test in rule.when}
    return [name for name in kind.fields if name in named]


def unit_of(field: Field) -> str:
    """A field's unit as Grafana names it."""
    if not field.unit:
        return "none"
    known = UNITS.get(field.unit)
    return known or f"suffix: {field.unit}"


def hold_s(kind: Kind) -> int:
    """For how long a reading stands in a graph when none follows: until the latest silence limit of those devices of
    the kind that report often. What reports less often is shown as points and short states."""
    limits = [kind.limits, *(kind.limits_of(name) for name in kind.profiles)]
    return int(max(each.silent_after_s for each in limits if each.report_every_s <= OFTEN_S or each is kind.limits))


def of_fields(
    kind: Kind,
    names: Sequence[str],
    tongue: Tongue,
    *,
    where: str = flux.SELECTED,
    label: str = "",
    links: panels.Links = (),
) -> Iterator[timeseries.Panel | statetimeline.Panel]:
    """A panel a field, in pairs; text and lists are left to `last_said`."""
    for name in names:
        field = kind.fields[name]
        if field.type in NUMBERS:
            yield number(kind, name, tongue, where=where, label=label, links=links)
        elif field.type in STATES:
            yield state(kind, name, tongue, where=where, links=links)


def number(
    kind: Kind,
    name: str,
    tongue: Tongue,
    *,
    where: str = flux.SELECTED,
    label: str = "",
    links: panels.Links = (),
) -> timeseries.Panel:
    """How a number went: means by time; where a rule of the kind begins to hold stands as a line."""
    field = kind.fields[name]
    say = tongue.say
    percent = field.unit == "%"
    return panels.graph(
        tongue.of(field.label),
        say(
            "Means weighted by time; a gap: nothing was heard. Over more than two days by the hour.",
            "按时间加权的平均值；断开处表示无数据。超过两天按小时。",
        ),
        [Flux(flux.course(kind, name, where=where))],
        unit=unit_of(field),
        no_value=tongue.nothing_heard,
        label=label,
        bridge_ms=hold_s(kind) * 1000,
        lowest=0 if percent or (field.min == 0 and name.endswith(("_ms", "_s", "_kbps"))) else None,
        highest=100 if percent and field.max == 100 else None,
        steps=_limits(kind, name),
        links=links,
    )


def state(
    kind: Kind, name: str, tongue: Tongue, *, where: str = flux.SELECTED, links: panels.Links = ()
) -> statetimeline.Panel:
    """What a truth or a word said, over time."""
    field = kind.fields[name]
    return panels.timeline(
        tongue.of(field.label),
        tongue.say("What each device said; grey: nothing was heard.", "设备自报；灰色表示无数据。"),
        Flux(flux.states(kind, name, where=where, hold_s=hold_s(kind))),
        _words(kind, name, tongue),
        "device",
        tongue,
        span=12,
        height=6,
        links=links,
    )


def last_said(kind: Kind, tongue: Tongue, *, where: str = flux.SELECTED) -> table.Panel:
    """The newest reading of each device, every field."""
    columns = [
        Shown("device", tongue.say("Device", "设备"), width=110),
        Shown("at", tongue.say("Taken", "时间"), unit="dateTimeAsIso"),
        *(
            Shown(name, tongue.of(field.label) + (f" ({field.unit})" if field.unit else ""), _words(kind, name, tongue))
            for name, field in kind.fields.items()
        ),
        Shown("centre", "", hidden=True),
    ]
    return panels.rows(
        tongue.say("What each said last", "最近一次读数"),
        tongue.say(
            "The newest reading in the time chosen; an empty cell: it did not say.",
            "所选时间内最新的读数；空白表示未上报。",
        ),
        Flux(flux.last_said(kind, tuple(kind.fields), where=where)),
        columns,
        tongue.nothing_heard,
        height=7,
    )


def _limits(kind: Kind, name: str) -> list[tuple[float | None, str]]:
    """Where the colour changes, from the kind's rules that test this number alone; nothing where none does."""
    steps: list[tuple[float | None, str]] = []
    below = {
        test.below: _COLOURS[rule.condition]
        for rule in kind.rules
        for test in rule.when
        if test.field == name and test.below is not None and len(rule.when) == 1
    }
    above = {
        test.above: _COLOURS[rule.condition]
        for rule in kind.rules
        for test in rule.when
        if test.field == name and test.above is not None and len(rule.when) == 1
    }
    if not below and not above:
        return []
    if below:
        ordered = sorted(below)
        steps.append((None, below[ordered[0]]))
        steps += [(limit, below[following]) for limit, following in pairwise(ordered)]
        steps.append((ordered[-1], "green"))
    else:
        steps.append((None, "green"))
    steps += [(limit, above[limit]) for limit in sorted(above)]
    return steps


def _words(kind: Kind, name: str, tongue: Tongue) -> list[model.ValueMapping]:
    """A field's values as words, coloured by what the kind's rules make of them."""
    field = kind.fields[name]
    if field.type not in STATES:
        return []
    bad: dict[str, str] = {}
    for rule in reversed(kind.rules):
        for test in rule.when:
            if test.field == name and not test.item:
                for value in [*test.in_, *([] if test.is_ is None else [test.is_])]:
                    text = str(value).lower() if isinstance(value, bool) else str(value)
                    if bad.get(text) != "red":
                        bad[text] = _COLOURS[rule.condition]
    if field.type is FieldType.BOOL:
        words = {"true": tongue.say("yes", "是"), "false": tongue.say("no", "否")}
    else:
        labels = field.value_labels
        words = {value: tongue.of(labels[value]) if value in labels else value for value in field.values}
    fine = "green" if bad else "blue"
    coloured = {value: (text, bad.get(value, fine)) for value, text in words.items()}
    return looks.mapped(coloured, tongue)
