"""`/healthz`, `/readyz` with reasons, `/metrics` as Prometheus text: for those who watch the watcher."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from api.access import Open, Sees
from api.guard import BUCKETS_S, Counts
from api.house import House, house_of
from shouwang import __version__
from shouwang.ledger import views
from shouwang.readings.store import StoreUnavailable

CHECK_WITHIN_S = 3.0

router = APIRouter(tags=["health"])

_Everybody = Annotated[None, Depends(Open("who restarts us must know; it says nothing of the fleet"))]


@router.get("/healthz", summary="Whether the API is alive")
async def healthz(_everybody: _Everybody) -> Response:
    """200 as long as the process answers."""
    return _json({"alive": True})


@router.get("/readyz", summary="Whether the API can serve, and what else is wrong")
async def readyz(request: Request, _everybody: _Everybody) -> Response:
    """503 while the ledger cannot be read. Readings that cannot be read and a collector that does not hear are said,
    but pages are served: they are needed most then."""
    house = house_of(request)
    ledger, readings, collector = await asyncio.gather(
        _checked("ledger", lambda: _ledger(house)),
        _checked("readings", house.store.check),
        _checked("collector", lambda: _collector(house)),
    )
    checks = [ledger, readings, collector]
    return _json({"ready": ledger["ok"], "checks": checks}, 200 if ledger["ok"] else 503)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request, asker: Sees) -> Response:
    """Of what the asker may see; give Prometheus a token of its own."""
    house = asker.house
    with house.reading() as connection:
        summary = views.summary(connection, asker.scope, house.kinds, house.now_ms)
        owed = views.owed(connection, house.now_ms)
        asides = views.aside_counts(connection, asker.scope)
    lines: list[str] = []
    _metric(lines, "shouwang_build_info", "gauge", "Version of Shouwang.", [({"version": __version__}, 1)])
    _summary(lines, summary)
    _metric(lines, "shouwang_notifications_owed", "gauge", "Notifications not yet accepted.", [({}, owed["count"])])
    _metric(
        lines,
        "shouwang_notifications_owed_oldest_seconds",
        "gauge",
        "For how long the oldest of them is owed.",
        [({}, owed["oldest_s"])],
    )
    _metric(
        lines,
        "shouwang_asides_total",
        "counter",
        "What was set aside, by reason.",
        [({"reason": reason}, count) for reason, count in asides.items()],
    )
    _metric(lines, "shouwang_stream_listeners", "gauge", "Open event streams.", [({}, request.app.state.hub.listening)])
    _requests(lines, request.app.state.counts)
    return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4; charset=utf-8")


def _summary(lines: list[str], summary: dict[str, Any]) -> None:
    conditions = ("ok", "degraded", "down", "silent", "unknown")
    _metric(
        lines,
        "shouwang_devices",
        "gauge",
        "Devices by kind and condition.",
        [
            ({"kind": kind, "condition": each}, counts[each])
            for kind, counts in summary["kinds"].items()
            for each in conditions
        ],
    )
    for name, what in (("not_connected", "Devices never heard."), ("maintenance", "Devices being worked on.")):
        _metric(lines, f"shouwang_devices_{name}", "gauge", what, [({}, summary["devices"][name])])
    for name in ("centres", "feeds"):
        states = [({"condition": each}, n) for each, n in summary[name].items() if each != "total"]
        _metric(lines, f"shouwang_{name}", "gauge", f"{name.capitalize()} by whether they are heard.", states)
    terminals = summary["terminals"]["unwatched"]
    _metric(lines, "shouwang_terminals_unwatched", "gauge", "Elderly people's terminals unwatched.", [({}, terminals)])
    severities = [
        ({"severity": each}, n) for each, n in summary["incidents"].items() if each not in ("total", "unacknowledged")
    ]
    _metric(lines, "shouwang_incidents_open", "gauge", "Open incidents by severity.", severities)
    waiting = summary["incidents"]["unacknowledged"]
    _metric(lines, "shouwang_incidents_unacknowledged", "gauge", "Open incidents nobody took on.", [({}, waiting)])
    _metric(lines, "shouwang_collector_deaf", "gauge", "1 while the collector does not hear.", [({}, summary["deaf"])])


def _requests(lines: list[str], counts: Counts) -> None:
    _metric(
        lines,
        "shouwang_http_requests_total",
        "counter",
        "Requests answered.",
        [
            ({"method": method, "route": route, "status": str(status)}, n)
            for (method, route, status), n in sorted(counts.requests.items())
        ],
    )
    name = "shouwang_http_request_duration_seconds"
    lines += [f"# HELP {name} How long requests took.", f"# TYPE {name} histogram"]
    for route, buckets in sorted(counts.within.items()):
        total = 0
        for bound, n in zip((*map(str, BUCKETS_S), "+Inf"), buckets, strict=True):
            total += n
            lines.append(f"{name}_bucket{_labels({'route': route, 'le': bound})} {total}")
        lines.append(f"{name}_sum{_labels({'route': route})} {counts.seconds[route]:.6f}")
        lines.append(f"{name}_count{_labels({'route': route})} {total}")


def _metric(
    lines: list[str], name: str, kind: str, what: str, samples: Iterable[tuple[Mapping[str, str], float]]
) -> None:
    lines += [f"# HELP {name} {what}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{_labels(labels)} {number(value)}" for labels, value in samples]


def number(value: float) -> str:
    """A figure as Prometheus reads it, to its last digit: a great counter that is rounded stands still."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    escaped = {
        name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for name, value in labels.items()
    }
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}"


def _ledger(house: House) -> None:
    with house.reading() as connection:
        connection.execute(text("SELECT 1 FROM meta")).first()


def _collector(house: House) -> str:
    with house.reading() as connection:
        found = views.deafness(connection, house.now_ms)
    if not found["deaf"]:
        return ""
    since = found["deaf_since"]
    return f"does not hear, or is not running, since {since}" if since else "has never heard yet"


async def _checked(what: str, check: Any) -> dict[str, Any]:
    try:
        reason = await asyncio.wait_for(asyncio.to_thread(check), CHECK_WITHIN_S) or ""
    except TimeoutError:
        reason = f"no answer within {CHECK_WITHIN_S:g} s"
    except StoreUnavailable as error:
        reason = str(error)
    except SQLAlchemyError as error:
        reason = f"cannot be read ({type(error).__name__}); the log of the API says more"
    return {"what": what, "ok": not reason, "reason": reason}


def _json(data: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(data), status, media_type="application/json")
