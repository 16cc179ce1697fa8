"""What agents are told to watch: the retained `config` of each centre and feed, made from the ledger."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Text, cast, select

from collector.roster import Fleet
from shouwang import clock
from shouwang.kinds import Kinds
from shouwang.ledger.tables import Centre, Device
from shouwang.ledger.weather import declared
from shouwang.messages import VERSION, Config, ConfiguredDevice, encode

PROBE_TIMEOUT_S = 5.0


class FeedConfig(msgspec.Struct, omit_defaults=True):
    """A feed gets limits, not device lists."""

    v: int
    revision: str
    silent_after_s: float


def configs(connection: Connection, fleet: Fleet, kinds: Kinds, paths: Sequence[str]) -> dict[str, bytes]:
    """The payloads of these paths, ready to publish. A config's revision changes only with its content."""
    columns = (Device.centre, Device.device, Device.kind, Device.driver, Device.target, cast(Device.settings, Text))
    devices: dict[str, list[ConfiguredDevice]] = defaultdict(list)
    excused = _excused(connection, paths)
    for centre, device, kind, driver, target, settings in connection.execute(
        select(*columns)
        .where(Device.retired_at.is_(None), Device.centre.in_(paths))
        .order_by(Device.centre, Device.device)
    ):
        roster = fleet.by_path[centre]
        at = roster.index.get(device)
        if at is None:
            continue  # a feed speaks for it, or it came after this fleet was read
        every_s = roster.traits[at].limits.report_every_s
        said = msgspec.json.decode(settings) or {} if settings and settings != "{}" else {}
        if centre in excused and said.get("picture_every_s"):
            said = said | {"blur_excused_until": _later(said.get("blur_excused_until"), excused[centre])}
        devices[centre].append(
            ConfiguredDevice(
                device=device,
                kind=kind,
                driver=driver or kinds[kind].driver,
                target=target,
                settings=said,
                report_every_s=every_s,
                probe_timeout_s=min(PROBE_TIMEOUT_S, max(0.2, every_s / 2)),
            )
        )
    return {
        path: _feed(fleet.paths[path].silent_after_s) if fleet.paths[path].is_feed else _centre(devices.get(path, []))
        for path in paths
        if path in fleet.paths
    }


def _excused(connection: Connection, paths: Sequence[str]) -> dict[str, int]:
    """Centres of townships for which weather is declared, and until when."""
    townships = declared(connection, clock.wall_ms())
    if not townships:
        return {}
    where = (Centre.centre.in_(paths), Centre.township.in_(townships))
    found = connection.execute(select(Centre.centre, Centre.township).where(*where))
    return {centre: townships[township] for centre, township in found}


def _later(said: Any, until_ms: int) -> str | None:
    """What the fleet says of the one camera holds where it is later."""
    try:
        return clock.rfc3339(max(until_ms, clock.parse_rfc3339(said)))
    except (TypeError, ValueError):
        return clock.rfc3339(until_ms)


def _centre(devices: list[ConfiguredDevice]) -> bytes:
    return encode(Config(v=VERSION, revision=_revision(devices), devices=devices))


def _feed(silent_after_s: float) -> bytes:
    return encode(FeedConfig(v=VERSION, revision=_revision(silent_after_s), silent_after_s=silent_after_s))


def _revision(content: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()[:16]
