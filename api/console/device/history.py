"""A device's history of conditions as a strip over the charts of its readings, on one axis of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from api.console import when
from api.console.last_good import good_until_ms
from api.console.page import Page
from api.console.words import mark, word
from shouwang.clock import rfc3339
from shouwang.kinds import Field, FieldType
from shouwang.ledger import views
from shouwang.ledger.views import Scope

SPANS_H = ((1, mark("1 h")), (6, mark("6 h")), (24, mark("24 h")), (24 * 7, mark("7 days")), (24 * 30, mark("30 days")))
READINGS_IN_SIGHT = 12
"""The span that is shown of itself is the smallest that holds so many of the newest readings."""
RENEW_LEAST_S, RENEW_MOST_S = 5, 300
SHORTEST_MS = 5 * 60_000
WIDTH = 1000
"""Of the strip, in its own units."""
STEPS = 240
"""At most so many points a chart."""
CHARTS_MAX = 6
_TRANSITIONS_MAX = 1_000
_UNHEARD = ("silent", "unknown")
_NUMBERS = (FieldType.INT, FieldType.FLOAT)
_HOUR_MS = when.HOUR_MS


@dataclass(frozen=True, slots=True)
class Span:
    """One condition from `from_ms` to `to_ms`; `corrected`: what late readings said of it."""

    condition: str
    from_ms: int
    to_ms: int
    corrected: bool = False


@dataclass(slots=True)
class History:
    """What the template draws. `strip` are rectangles, `fields` the charts, `address` where their data come from;
    `renew_s`: it is drawn anew so often while somebody looks, with the next readings."""

    hours: int
    from_s: int
    to_s: int
    every_s: int
    address: str
    renew_s: int = RENEW_LEAST_S
    strip: list[dict[str, Any]] = field(default_factory=list)
    shares: list[tuple[str, str]] = field(default_factory=list)
    fields: list[dict[str, str]] = field(default_factory=list)
    in_words: str = ""


def history(page: Page, scope: Scope, device: dict[str, Any], hours: int) -> History:
    """The last `hours` of a device (its view's dict); from its first reading on, where that is later."""
    to_ms = page.now_ms
    from_ms = begin_ms(device, hours, to_ms)
    spans = _spans(page, scope, device, from_ms, to_ms)
    report_every_s = _report_every_s(device)
    every_s = step_s((to_ms - from_ms) / _HOUR_MS, report_every_s)
    made = History(hours, from_ms // 1000, to_ms // 1000, every_s, "")
    made.renew_s = round(min(max(every_s / 2, report_every_s, RENEW_LEAST_S), RENEW_MOST_S))
    made.address = (
        f"/api/v1/centres/{device['centre']}/devices/{device['device']}/readings"
        f"?from={rfc3339(from_ms)}&to={rfc3339(to_ms)}&every={every_s}&limit={1000}"
    )
    made.strip = [_rectangle(page, span, from_ms, to_ms) for span in spans]
    made.shares = shares(spans, to_ms - from_ms)
    made.in_words = ", ".join(f"{word(page.language, 'condition', name)} {share}" for name, share in made.shares)
    kind = page.house.kinds.declared.get(device["kind"])
    made.fields = _charts(page, kind.fields if kind else {})
    return made


def default_span_h(device: dict[str, Any], now_ms: int) -> int:
    """The smallest span that holds its newest readings: longer for a device that speaks seldom, and for one that has
    been silent for long."""
    needed_h = READINGS_IN_SIGHT * _report_every_s(device) / 3600
    good_ms = good_until_ms(device)
    if device["condition"] in _UNHEARD and good_ms is not None:
        needed_h += (now_ms - good_ms) / _HOUR_MS
    return next((hours for hours, _ in SPANS_H if hours >= needed_h), SPANS_H[-1][0])


def begin_ms(device: dict[str, Any], hours: int, to_ms: int) -> int:
    """Where the last `hours` begin to hold something: nothing is drawn of before a device was first heard."""
    from_ms = to_ms - hours * _HOUR_MS
    first_ms = when.instant_ms(device["first_heard_at"])
    return from_ms if first_ms is None else max(from_ms, min(first_ms, to_ms - SHORTEST_MS))


def _report_every_s(device: dict[str, Any]) -> float:
    return float((device.get("limits") or {}).get("report_every_s") or 60)


def step_s(hours: float, report_every_s: float) -> int:
    """How long one step of a chart is: no finer than the readings come, and at most STEPS of them."""
    wanted = max(hours * 3600 / STEPS, report_every_s, 10)
    for nice in (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400):
        if nice >= wanted:
            return nice
    return 86_400


def spans_of(changes: list[tuple[int, str]], before: str | None, from_ms: int, to_ms: int) -> list[Span]:
    """Spans of time from changes (when, to which condition; oldest first) and the condition before them."""
    spans = []
    condition, since_ms = before, from_ms
    for at_ms, changed in changes:
        at_ms = min(max(at_ms, from_ms), to_ms)
        if condition is not None and at_ms > since_ms:
            spans.append(Span(condition, since_ms, at_ms))
        condition, since_ms = changed, at_ms
    if condition is not None and to_ms > since_ms:
        spans.append(Span(condition, since_ms, to_ms))
    return spans


def shares(spans: list[Span], whole_ms: int) -> list[tuple[str, str]]:
    """For each condition its share of the time, corrections counted as what they turned out to be, largest first."""
    totals: dict[str, int] = {}
    for span in spans:
        if not span.corrected:
            totals[span.condition] = totals.get(span.condition, 0) + span.to_ms - span.from_ms
    for correction in (span for span in spans if span.corrected):
        for span in (each for each in spans if not each.corrected):
            covered = min(span.to_ms, correction.to_ms) - max(span.from_ms, correction.from_ms)
            if covered > 0:
                totals[span.condition] -= covered
                totals[correction.condition] = totals.get(correction.condition, 0) + covered
    listed = sorted(((name, ms) for name, ms in totals.items() if ms > 0), key=lambda each: -each[1])
    return [(name, _percent(ms / whole_ms * 100)) for name, ms in listed]


def _percent(share: float) -> str:
    if 99.95 <= share < 100:
        return "99.9 %"  # never rounded up to perfect
    if share < 0.05:
        return "< 0.1 %"
    return f"{share:.0f} %" if share == 100 else f"{share:.1f} %"


def _spans(page: Page, scope: Scope, device: dict[str, Any], from_ms: int, to_ms: int) -> list[Span]:
    kinds = page.house.kinds
    centre, name = device["centre"], device["device"]
    with page.house.reading() as connection:
        within = views.transitions(
            connection, scope, kinds, centre, name, from_ms=from_ms, to_ms=to_ms, limit=_TRANSITIONS_MAX
        )
        earlier = views.transitions(connection, scope, kinds, centre, name, to_ms=from_ms, limit=20)
    changes = [(_ms(item["at"]), str(item["condition"])) for item in reversed(within["items"] if within else [])]
    before = str(earlier["items"][0]["condition"]) if earlier and earlier["items"] else None
    spans = spans_of(changes, before, from_ms, to_ms)
    corrections = {
        (_ms(each["from"]), _ms(each["to"]), each["condition"])
        for found in (within, earlier)
        for each in (found["corrections"] if found else [])
    }
    for start_ms, end_ms, condition in sorted(corrections):
        if end_ms > from_ms and start_ms < to_ms:
            spans.append(Span(condition, max(start_ms, from_ms), min(end_ms, to_ms), corrected=True))
    return spans


def _rectangle(page: Page, span: Span, from_ms: int, to_ms: int) -> dict[str, Any]:
    whole_ms = to_ms - from_ms
    x = (span.from_ms - from_ms) / whole_ms * WIDTH
    width = max((span.to_ms - span.from_ms) / whole_ms * WIDTH, 1.5)  # the shortest outage is seen too
    condition = word(page.language, "condition", span.condition)
    title = f"{condition} · {when.local(span.from_ms, page.now_ms)} – {when.local(span.to_ms, page.now_ms)}"
    return {
        "condition": span.condition,
        "x": f"{x:.2f}",
        "width": f"{width:.2f}",
        "y": 12 if span.corrected else 0,
        "height": 12 if span.corrected else 24,
        "title": f"{title} · {page.text('from late readings')}" if span.corrected else title,
    }


def _charts(page: Page, fields: dict[str, Field]) -> list[dict[str, str]]:
    numbers = [(name, each) for name, each in fields.items() if each.type in _NUMBERS and not name.endswith("_age_ms")]
    switches = [(name, each) for name, each in fields.items() if each.type is FieldType.BOOL]
    numbers.sort(key=lambda each: each[1].unit != "%")  # what runs down is looked at first
    return [
        {"name": name, "label": page.language.label(each.label), "unit": each.unit or ""} for name, each in numbers
    ][:CHARTS_MAX] + [
        {"name": name, "label": page.language.label(each.label), "unit": "bool"} for name, each in switches
    ][:2]


def _ms(instant: str) -> int:
    found = when.instant_ms(instant)
    assert found is not None
    return found
