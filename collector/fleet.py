"""The fleet as deciding needs it, loaded from the ledger in three queries."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from sqlalchemy import Connection, select

from collector.facts import PathFacts, Place, Traits
from collector.roster import Enrolment, Fleet
from shouwang import drivers
from shouwang.kinds import Kind, Kinds
from shouwang.ledger.tables import Centre, Device, Feed, Meta
from shouwang.limits import (
    CENTRE_NOTIFY_AFTER_S,
    CENTRE_SILENT_AFTER_S,
    FEED_SILENT_AFTER_S,
    device_limits,
)
from shouwang.vocabulary import CentreStage

ROWS_AT_ONCE = 1_000


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
    enrolment = Enrolment([*centres, *(feed.feed for feed in feeds)])
    places: dict[tuple[str, str], Place] = {}
    known: dict[tuple[object, ...], Traits] = {}
    columns = (
        Device.id, Device.centre, Device.device, Device.kind, Device.path, Device.profile, Device.room, Device.driver,
        Device.target != "", Device.carrier, Device.sim_pool, Device.report_every_s, Device.silent_after_s,
        Device.notify_after_s,
    )  # fmt: skip
    rows = select(*columns).where(Device.retired_at.is_(None)).execution_options(yield_per=ROWS_AT_ONCE)
    for id_, of, device, kind, path, *sort in connection.execute(rows):
        centre = centres.get(of)
        if centre is None or kind not in kinds or path not in enrolment:
            continue
        under_feed = path != of
        place = places.get((of, path))
        if place is None:
            place = places[of, path] = Place(
                centre=centre.centre,
                path=path if under_feed else centre.centre,
                township=sys.intern(centre.township),
                region=sys.intern(centre.region),
                live=centre.stage == CentreStage.LIVE,
            )
        key = (kind, under_feed, *sort)
        traits = known.get(key)
        if traits is None:
            traits = known[key] = _traits(kinds[kind], limits.get(kind), speed, under_feed, *sort)
        enrolment.add(f"{of}/{device}" if under_feed else sys.intern(device), id_, place, traits)
        if kind == "site" and not under_feed:
            carriers[of] = (traits.carrier, traits.sim_pool)
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
    return Fleet(revision(connection), paths, enrolment.rosters())


def _traits(
    kind: Kind,
    limits: Mapping[str, float] | None,
    speed: float,
    under_feed: bool,
    profile: str,
    room: str,
    driver: str,
    has_target: bool,
    carrier: str,
    sim_pool: str,
    report_every_s: float | None,
    silent_after_s: float | None,
    notify_after_s: float | None,
) -> Traits:
    return Traits(
        kind=kind.name,
        carrier=carrier,
        sim_pool=sim_pool,
        room=room,
        limits=device_limits(
            kind,
            profile if profile in kind.profiles else "",
            limits,
            report_every_s=report_every_s,
            silent_after_s=silent_after_s,
            notify_after_s=notify_after_s,
            speed=speed,
        ),
        severity=kind.severity_in(room or None),
        is_terminal=kind.is_terminal,
        can_probe=not under_feed and has_target and _asks(driver or kind.driver),
    )


def _asks(driver: str) -> bool:
    """Devices of a driver that only listens cannot be asked."""
    said = drivers.load().get(driver)
    return said is not None and said.asks


def _seconds(own: float | None, of_settings: Mapping[str, float], key: str, default: float, speed: float) -> float:
    return float(of_settings.get(key, default) if own is None else own) / speed
