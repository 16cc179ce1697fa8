"""The fleet as deciding needs it, loaded from the ledger in three queries."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from sqlalchemy import Connection, select

from collector.facts import DeviceFacts, Fleet, PathFacts
from shouwang.kinds import Kinds
from shouwang.ledger.tables import Centre, Device, Feed, Meta
from shouwang.limits import (
    CENTRE_NOTIFY_AFTER_S,
    CENTRE_SILENT_AFTER_S,
    FEED_SILENT_AFTER_S,
    DeviceLimits,
    device_limits,
)
from shouwang.vocabulary import CentreStage

PROBED_DRIVERS = frozenset(
    {"icmp", "tcp", "tls", "http", "dns", "rtsp", "onvif", "sip", "snmp", "nut", "xfs4iot", "modbus", "iso8583", "host"}
)
"""Drivers that ask; those that only listen (scaip, gbt28181, mqtt) cannot be asked."""


def revision(connection: Connection) -> str:
    """Changes with every change of the fleet."""
    return connection.scalar(select(Meta.value).where(Meta.key == "fleet_revision")) or "0"


def load_fleet(
    connection: Connection, kinds: Kinds, limits: Mapping[str, Mapping[str, float]], speed: float = 1.0
) -> Fleet:
    """`limits` are the settings' `[limits.<kind>]` and `[limits.centre]`; `speed` (the demo's) divides seconds.

    Devices of a kind that is not installed here are left out: nothing can be decided about them.
    """
    centres = {
        row.centre: row for row in connection.execute(select(Centre.__table__).where(Centre.retired_at.is_(None)))
    }
    feeds = list(connection.execute(select(Feed.__table__).where(Feed.retired_at.is_(None))))
    of_centre = limits.get("centre", {})
    carriers: dict[str, tuple[str, str]] = {}
    by_path: dict[str, dict[str, DeviceFacts]] = {name: {} for name in centres}
    by_path.update({feed.feed: {} for feed in feeds})
    by_id: dict[int, DeviceFacts] = {}
    shared: dict[tuple[object, ...], DeviceLimits] = {}
    columns = (
        Device.id, Device.centre, Device.device, Device.kind, Device.path, Device.profile, Device.room, Device.driver,
        Device.target, Device.carrier, Device.sim_pool, Device.report_every_s, Device.silent_after_s,
        Device.notify_after_s,
    )  # fmt: skip
    for row in connection.execute(select(*columns).where(Device.retired_at.is_(None))):
        centre = centres.get(row.centre)
        if centre is None or row.kind not in kinds or row.path not in by_path:
            continue
        kind = kinds[row.kind]
        profile = row.profile if row.profile in kind.profiles else ""
        key = (row.kind, profile, row.report_every_s, row.silent_after_s, row.notify_after_s)
        if key not in shared:
            shared[key] = device_limits(
                kind,
                profile,
                limits.get(row.kind),
                report_every_s=row.report_every_s,
                silent_after_s=row.silent_after_s,
                notify_after_s=row.notify_after_s,
                speed=speed,
            )
        under_feed = row.path != row.centre
        facts = DeviceFacts(
            id=row.id,
            centre=centre.centre,
            device=sys.intern(row.device),
            kind=sys.intern(row.kind),
            path=centre.centre if not under_feed else sys.intern(row.path),
            township=sys.intern(centre.township),
            region=sys.intern(centre.region),
            carrier=sys.intern(row.carrier),
            sim_pool=sys.intern(row.sim_pool),
            room=sys.intern(row.room),
            limits=shared[key],
            severity=kind.severity_in(row.room or None),
            is_terminal=kind.is_terminal,
            live=centre.stage == CentreStage.LIVE,
            can_probe=not under_feed and bool(row.target) and (row.driver or kind.driver) in PROBED_DRIVERS,
        )
        by_id[row.id] = facts
        by_path[row.path][f"{row.centre}/{row.device}" if under_feed else facts.device] = facts
        if row.kind == "site" and not under_feed:
            carriers[row.centre] = (row.carrier, row.sim_pool)
    paths: dict[str, PathFacts] = {}
    for name, centre in centres.items():
        carrier, pool = carriers.get(name, ("", ""))
        paths[name] = PathFacts(
            path=name,
            is_feed=False,
            region=sys.intern(centre.region),
            township=sys.intern(centre.township),
            carrier=carrier,
            sim_pool=pool,
            silent_after_s=_seconds(centre.silent_after_s, of_centre, "silent_after_s", CENTRE_SILENT_AFTER_S, speed),
            notify_after_s=_seconds(centre.notify_after_s, of_centre, "notify_after_s", CENTRE_NOTIFY_AFTER_S, speed),
            live=centre.stage == CentreStage.LIVE,
        )
    for feed in feeds:
        paths[feed.feed] = PathFacts(
            path=feed.feed,
            is_feed=True,
            region=feed.region,
            township="",
            carrier="",
            sim_pool="",
            silent_after_s=_seconds(feed.silent_after_s, {}, "", FEED_SILENT_AFTER_S, speed),
            notify_after_s=_seconds(feed.notify_after_s, of_centre, "notify_after_s", CENTRE_NOTIFY_AFTER_S, speed),
            live=True,
        )
    return Fleet(revision(connection), paths, by_path, by_id)


def _seconds(own: float | None, of_settings: Mapping[str, float], key: str, default: float, speed: float) -> float:
    return float(of_settings.get(key, default) if own is None else own) / speed
