"""What agents are told to watch: the retained `config` of each centre and feed, made from the ledger."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from collector.roster import Fleet
from shouwang.kinds import Kinds
from shouwang.ledger.tables import Device
from shouwang.messages import VERSION, Config, ConfiguredDevice, encode

PROBE_TIMEOUT_S = 5.0


class FeedConfig(msgspec.Struct, omit_defaults=True):
    """A feed gets limits, not device lists."""

    v: int
    revision: str
    silent_after_s: float


def configs(connection: Connection, fleet: Fleet, kinds: Kinds, paths: Sequence[str]) -> dict[str, bytes]:
    """The payloads of these paths, ready to publish. A config's revision changes only with its content."""
    columns = (Device.id, Device.centre, Device.device, Device.kind, Device.driver, Device.target, Device.settings)
    devices: dict[str, list[ConfiguredDevice]] = defaultdict(list)
    for row in connection.execute(
        select(*columns)
        .where(Device.retired_at.is_(None), Device.centre.in_(paths))
        .order_by(Device.centre, Device.device)
    ):
        facts = fleet.by_id.get(row.id)
        if facts is None or facts.path != row.centre:
            continue
        devices[row.centre].append(
            ConfiguredDevice(
                device=row.device,
                kind=row.kind,
                driver=row.driver or kinds[row.kind].driver,
                target=row.target,
                settings=row.settings or {},
                report_every_s=facts.limits.report_every_s,
                probe_timeout_s=min(PROBE_TIMEOUT_S, max(0.2, facts.limits.report_every_s / 2)),
            )
        )
    return {
        path: _feed(fleet.paths[path].silent_after_s) if fleet.paths[path].is_feed else _centre(devices.get(path, []))
        for path in paths
        if path in fleet.paths
    }


def _centre(devices: list[ConfiguredDevice]) -> bytes:
    return encode(Config(v=VERSION, revision=_revision(devices), devices=devices))


def _feed(silent_after_s: float) -> bytes:
    return encode(FeedConfig(v=VERSION, revision=_revision(silent_after_s), silent_after_s=silent_after_s))


def _revision(content: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()[:16]
