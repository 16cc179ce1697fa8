"""Devices: lists, one with its last reading, its history, its readings, and "probe now"."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.access import Asker, Probes, Sees
from api.problems import Problem, invalid
from api.rest import shapes
from api.rest.answers import LIMIT, Code, Codes, Cursor, Instant, Limit, Search, answer, found, instant_ms, one_of
from api.rest.waiting import PROBE_WITHIN_S, ask_collector
from shouwang.clock import parse_rfc3339, rfc3339
from shouwang.ledger import deeds, views
from shouwang.ledger.views.paging import decode_cursor, encode_cursor
from shouwang.readings.store import Mean, Point, StoreUnavailable
from shouwang.vocabulary import Condition

DAY_MS = 86_400_000
STEPS_MAX = 5_000
_EVERY = re.compile(r"(\d{1,7})(s|m|h|d)?")
_UNITS_MS = {"": 1_000, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": DAY_MS}

router = APIRouter(tags=["devices"])
Centre = Annotated[str, Path(max_length=64)]
Device = Annotated[str, Path(max_length=64)]
_DEVICE = "/centres/{centre}/devices/{device}"


@router.get("/devices", response_model=shapes.Page[shapes.Device], summary="Devices")
def devices(
    asker: Sees,
    kind: Code = None,
    condition: Annotated[str | None, Query(description=f"One of {', '.join(views.DEVICE_CONDITIONS)}.")] = None,
    township: Codes = None,
    centre: Codes = None,
    path: Code = None,
    q: Search = None,
    gravest_first: Annotated[bool, Query(description="The worst condition first, one page alone.")] = False,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """By centre and name. `condition` is the effective one: `unknown` where the device's path is not heard."""
    one_of(condition, views.DEVICE_CONDITIONS, "query.condition")
    one_of(kind, tuple(asker.house.kinds), "query.kind")
    house = asker.house
    with house.reading() as connection:
        page = views.devices(
            connection,
            asker.scope,
            house.kinds,
            house.now_ms,
            kind=kind,
            condition=condition,
            township=township,
            centre=centre,
            path=path,
            q=q,
            gravest_first=gravest_first,
            limit=limit,
            cursor=cursor,
        )
    named = sum(bool(item.get("household")) for item in page["items"])
    if named:
        asker.note_viewing(f"households of {named} devices in a list")
    return answer(page)


@router.get(_DEVICE, response_model=shapes.DeviceWhole, summary="One device")
def device(asker: Sees, centre: Centre, device: Device) -> Response:
    """Its condition and since when, its last reading, its limits, and the incident that stands for it."""
    whole = device_view(asker, centre, device)
    if whole.get("household"):
        asker.note_viewing("household", centre, device)
    return answer(whole)


@router.get(f"{_DEVICE}/transitions", response_model=shapes.Transitions, summary="Its history of conditions")
def transitions(
    asker: Sees,
    centre: Centre,
    device: Device,
    from_: Annotated[Instant, Query(alias="from")] = None,
    to: Instant = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Newest first; the time in which its path was not heard is `unknown`. `corrections` is what later turned out."""
    with asker.house.reading() as connection:
        page = views.transitions(
            connection,
            asker.scope,
            asker.house.kinds,
            centre,
            device,
            from_ms=instant_ms(from_, "query.from"),
            to_ms=instant_ms(to, "query.to"),
            limit=limit,
            cursor=cursor,
        )
    return answer(found(page, f"device {centre[:64]}/{device[:64]}"))


@router.get(f"{_DEVICE}/readings", response_model=shapes.Readings, summary="Its readings, or their means")
def readings(
    asker: Sees,
    centre: Centre,
    device: Device,
    from_: Annotated[Instant, Query(alias="from")] = None,
    to: Instant = None,
    every: Annotated[str | None, Query(max_length=12, description="A step like 60s, 5m, 1h, 1d: means by it.")] = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Without `every`: readings, newest first. With it: mean, least and greatest by step, oldest first, all at once.
    `to` left out is now, `from` a day before `to`."""
    house = asker.house
    to_ms = instant_ms(to, "query.to")
    to_ms = house.now_ms + 1 if to_ms is None else to_ms
    from_ms = instant_ms(from_, "query.from")
    from_ms = max(0, to_ms - DAY_MS) if from_ms is None else from_ms
    if from_ms >= to_ms:
        raise invalid("query.from", "it must lie before `to`")
    with house.reading() as connection:
        kind = found(
            views.device(connection, asker.scope, house.kinds, house.now_ms, centre, device),
            f"device {centre[:64]}/{device[:64]}",
        )["kind"]
    if kind not in house.kinds:
        raise Problem(409, "unknown-kind", "Its kind is not installed here", f"there is no kind file for {kind!r}")
    if every is not None:
        every_ms = step_ms(every, to_ms - from_ms)
        means = house.store.means(centre, device, kind, from_ms, to_ms, every_ms)
        return answer({"items": [_mean(mean) for mean in means], "next_cursor": None})
    if cursor:
        to_ms = min(to_ms, int(decode_cursor(cursor, int)[0]))
    points = house.store.points(centre, device, kind, from_ms, to_ms, limit + 1) if from_ms < to_ms else []
    shown = points[-limit:]
    more = len(points) > limit
    return answer(
        {
            "items": [reading(point) for point in reversed(shown)],
            "next_cursor": encode_cursor([shown[0].taken_at_ms]) if more else None,
        }
    )


@router.post(
    f"{_DEVICE}/probe",
    response_model=shapes.Probed,
    summary="Probe now",
    responses={504: {"description": "The agent did not answer in time, or could not; the reason stands in `detail`."}},
)
async def probe(asker: Probes, centre: Centre, device: Device) -> Response:
    """The agent asks the device now, and its reading counts like any other."""
    from asyncio import to_thread

    await to_thread(device_view, asker, centre, device, last=False)
    done = await ask_collector(asker, deeds.PROBE, PROBE_WITHIN_S, centre=centre, device=device)
    if done is None or not done.ok:
        reason = done.reason if done else f"the collector did not answer within {PROBE_WITHIN_S:g} s"
        raise Problem(504, "no-answer", "No answer to the probe", reason or "no reason was given")
    fields = {
        name: value
        for name, value in done.answer.get("reading", {}).items()
        if name not in ("device", "kind", "age_ms")
    }
    taken = {"taken_at": rfc3339(done.answer.get("taken_at_ms")), "fields": fields}
    return answer({"reading": taken, "device": await to_thread(device_view, asker, centre, device, last=False)})


def device_view(asker: Asker, centre: str, device: str, *, last: bool = True) -> dict[str, Any]:
    """A device whole, with (`last`) its last reading; what of it cannot be read is said. Raises a 404 Problem."""
    house = asker.house
    with house.reading() as connection:
        whole = found(
            views.device(connection, asker.scope, house.kinds, house.now_ms, centre, device, house.limits, house.speed),
            f"device {centre[:64]}/{device[:64]}",
        )
    if last:
        whole["last_reading"], whole["last_reading_unavailable"] = last_reading(asker, centre, device, whole["kind"])
        _correct_good_at(whole)
    return whole


def _correct_good_at(whole: dict[str, Any]) -> None:
    """The ledger knows it as of the device's last change; while it is well, its newest reading is a good one."""
    own = (whole["last_known"] or whole)["condition"]
    newest = whole["last_reading"]
    if own not in (Condition.OK, Condition.DEGRADED) or newest is None:
        return
    age_ms = newest["fields"].get("last_heard_age_ms") or 0
    heard_ms = parse_rfc3339(newest["taken_at"]) - int(age_ms)
    if whole["good_at"] is None or heard_ms > parse_rfc3339(whole["good_at"]):
        whole["good_at"] = rfc3339(heard_ms)


def last_reading(asker: Asker, centre: str, device: str, kind: str) -> tuple[dict[str, Any] | None, str]:
    """Its last reading, and why it cannot be read now (empty: it can)."""
    if kind not in asker.house.kinds:
        return None, f"there is no kind file for {kind!r}"
    try:
        point = asker.house.store.latest([(centre, device, kind)]).get((centre, device))
    except StoreUnavailable as error:
        return None, str(error)
    return (reading(point) if point else None), ""


def reading(point: Point) -> dict[str, Any]:
    """A reading as REST gives it."""
    return {"taken_at": rfc3339(point.taken_at_ms), "fields": point.fields}


def step_ms(every: str, span_ms: int) -> int:
    """Milliseconds of a step like `5m`. Raises a 422 Problem where it is none, or makes too many steps."""
    match = _EVERY.fullmatch(every)
    value = int(match[1]) * _UNITS_MS[match[2] or ""] if match else 0
    if value <= 0:
        raise invalid("query.every", f"{every!r} is no step like 60s, 5m, 1h or 1d")
    if span_ms / value > STEPS_MAX:
        least_s = -(-span_ms // (STEPS_MAX * 1_000))
        raise invalid(
            "query.every", f"{every} makes over {STEPS_MAX} steps; take {least_s}s or more, or a shorter time"
        )
    return value


def _mean(mean: Mean) -> dict[str, Any]:
    return {
        "from": rfc3339(mean.from_ms),
        "count": mean.count,
        "mean": mean.mean,
        "min": mean.min,
        "max": mean.max,
    }
