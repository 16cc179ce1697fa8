"""Which devices, centres and feeds a timeline's `where` means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import TypeVar

from simulators.faults import RULES, FaultKind, Level
from simulators.fleet import FEEDS, SimCentre, SimDevice
from simulators.scenario import Where

_Item = TypeVar("_Item")


class NothingMatches(ValueError):
    """Nothing of the fleet is what `where` says."""


def choose(
    fleet: Sequence[SimCentre], kind: FaultKind, where: Where, chance: Random
) -> tuple[list[SimDevice], list[str]]:
    """The devices and the paths (centres, feeds) on which a fault of this kind lies. Raises NothingMatches."""
    rule = RULES[kind]
    devices: list[SimDevice] = []
    paths: list[str] = []
    match rule.level:
        case Level.FEED:
            paths = [feed for feed in FEEDS if feed == where.feed]
        case Level.CENTRE:
            paths = [where.feed] if where.feed in FEEDS else [c.centre for c in fleet if _centre_matches(c, where)]
            paths = _drawn(paths, where.pick, chance)
        case Level.DEVICE:
            devices = _devices(fleet, where, rule.kinds)
            if where.per_centre is not None:
                devices = _of_each(devices, where.per_centre, chance)
            devices = _drawn(devices, where.pick, chance)
        case Level.CARD:
            devices = [device for device in _devices(fleet, where, rule.kinds) if device.path and device.sim_pool]
            paths = [centre.centre for centre in fleet if _holds_card(centre, where)]
    if not devices and not paths:
        raise NothingMatches(f"{kind}: nothing of the fleet matches {_said(where)}")
    return devices, paths


def _centre_matches(centre: SimCentre, where: Where) -> bool:
    return (
        centre.stage == "live"
        and where.township in ("", centre.township, centre.township_name)
        and where.centre in ("", centre.centre, centre.centre_name)
        and where.carrier in ("", centre.carrier)
        and where.sim_pool in ("", centre.sim_pool)
    )


def _holds_card(centre: SimCentre, where: Where) -> bool:
    return bool(where.carrier or where.sim_pool) and _centre_matches(centre, where)


def _devices(fleet: Sequence[SimCentre], where: Where, kinds: frozenset[str]) -> list[SimDevice]:
    place = Where(township=where.township, centre=where.centre)
    return [
        device
        for centre in fleet
        if _centre_matches(centre, place)
        for device in centre.devices
        if where.device in ("", device.device)
        and (device.kind == where.kind if where.kind else not kinds or device.kind in kinds)
        and where.room in ("", device.room)
        and where.carrier in ("", device.carrier)
        and where.sim_pool in ("", device.sim_pool)
        and (where.feed in ("", device.path))
    ]


def _of_each(devices: Iterable[SimDevice], count: int, chance: Random) -> list[SimDevice]:
    by_centre: dict[str, list[SimDevice]] = {}
    for device in devices:
        by_centre.setdefault(device.centre, []).append(device)
    return [device for held in by_centre.values() for device in _drawn(held, count, chance)]


def _drawn(items: list[_Item], count: int | None, chance: Random) -> list[_Item]:
    if count is None or count >= len(items):
        return items
    return chance.sample(items, count)


def _said(where: Where) -> str:
    said = [f"{name}={value!r}" for name in where.__struct_fields__ if (value := getattr(where, name))]
    return ", ".join(said) or "anything"
