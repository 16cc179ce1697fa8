"""The simulated fleet: the villages of Naiman Banner (real names and codes), each with a centre and 50 devices.

What is not the list of villages is drawn from a seed: the same seed gives the same fleet, file and all. Nobody and
nothing in it is real: households are made up, positions are somewhere in the banner.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from random import Random

from shouwang.kinds import Kind
from shouwang.kinds.declaration import load

FOLDER = Path(__file__).parent / "naiman"
REGION = "150525"
REGION_OF_BANNERS = "150000"
TERMINAL_FEED = "call-platform"
"""The operator's platform, which speaks for call terminals with their own SIM."""
BANK_FEED = "bank-atm"
"""The bank's management of its cash machines."""
FEEDS = (TERMINAL_FEED, BANK_FEED)

_COMPOSITION: tuple[tuple[str, int], ...] = (
    ("site", 1),
    ("call_terminal", 30),
    ("camera", 9),
    ("nvr", 1),
    ("pos_terminal", 2),
    ("bank_link", 1),
    ("payment_kiosk", 1),
    ("atm", 1),
    ("clinic_terminal", 1),
    ("ecommerce_point", 1),
    ("remote_education", 1),
    ("water_pump", 1),
)
DEVICES_PER_CENTRE = sum(count for _, count in _COMPOSITION)
_OWN_SIM_FROM = 25
"""Call terminals from this number on have their own SIM and are known through the operator's feed."""

_CARRIERS = (("中国移动", "cmcc", 0.6), ("中国联通", "cucc", 0.25), ("中国电信", "ctcc", 0.15))
_POOLS_PER_CARRIER = 3
_CAMERA_ROOMS = (
    "service_hall", "square", "police_room", "square", "elderly_home", "finance_point", "shop", "day_care", "library",
)  # fmt: skip
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马包白宝韩佟"
_MODELS = {
    "call_terminal": ("HT-100", "HT-200G", "AJ-50"),
    "camera": ("IPC-2M", "IPC-4M"),
    "nvr": ("NVR-16",),
    "pos_terminal": ("P-90", "P-10"),
    "atm": ("CRS-300",),
    "site": ("BOX-J1",),
}
_OWNERS = {
    "social_service": "旗民政局",
    "finance": "旗农商银行",
    "public_safety": "旗公安局",
    "internet": "旗大数据中心",
    "general_service": "旗委组织部",
}
_NAMES = {"site": "站点主机", "nvr": "录像机", "payment_kiosk": "自助缴费机"}


@dataclass(frozen=True, slots=True)
class SimDevice:
    """One device, as the fleet file has it."""

    centre: str
    device: str
    kind: str
    path: str  # empty: the centre's agent; else a feed
    profile: str
    device_name: str
    room: str
    driver: str
    target: str
    carrier: str
    sim_pool: str
    iccid: str
    sim_expires_on: str
    household: str
    owner: str
    maintainer: str
    model: str
    serial: str
    installed_on: str
    settings: str = ""

    @property
    def name_on_path(self) -> str:
        """What its agent calls it: its name, or `centre/device` under a feed."""
        return f"{self.centre}/{self.device}" if self.path else self.device


@dataclass(frozen=True, slots=True)
class SimCentre:
    """One centre and its devices."""

    region: str
    township: str
    township_name: str
    centre: str
    centre_name: str
    stage: str
    latitude: float
    longitude: float
    carrier: str
    sim_pool: str
    devices: tuple[SimDevice, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A village of the list."""

    township: str
    township_name: str
    code: str
    name: str


def places() -> list[Place]:
    """The 381 villages and communities, in the order of their codes."""
    with (FOLDER / "townships.csv").open(encoding="utf-8", newline="") as file:
        townships = {row["code"]: row["name"] for row in csv.DictReader(file)}
    with (FOLDER / "villages.csv").open(encoding="utf-8", newline="") as file:
        return [
            Place(row["township_code"], townships[row["township_code"]], row["code"], row["name"])
            for row in csv.DictReader(file)
        ]


def naiman(centres: int | None = None, *, seed: int = 1, building: int = 0) -> list[SimCentre]:
    """The first `centres` centres of the banner (all 381 by default), the last `building` of them not yet connected.

    Raises ValueError for a number of centres that the banner does not have.
    """
    villages = places()
    wanted = len(villages) if centres is None else centres
    if not 1 <= wanted <= len(villages):
        raise ValueError(f"{wanted} centres: Naiman Banner has 1 to {len(villages)}")
    # Spread over all townships, so that a small fleet has more than one of them.
    step = len(villages) / wanted
    chosen = [villages[int(number * step)] for number in range(wanted)]
    return list(_centres(chosen, REGION, seed, len(chosen) - building))


def region_places(count: int) -> Iterator[Place]:
    """Made-up places of an autonomous region, 40 to a township and 24 townships to a county."""
    for number in range(count):
        township = f"{REGION[:3]}{100 + number // 960 % 900:03d}{100 + number // 40 % 24:03d}"
        yield Place(township, f"{township[-3:]}乡", f"{township}{200 + number % 40:03d}", f"{number + 1}村")


def region(count: int, *, seed: int = 1) -> Iterator[SimCentre]:
    """As many made-up centres as asked for, one after the other."""
    return _centres(region_places(count), REGION_OF_BANNERS, seed, count)


def own_devices(centre: SimCentre) -> list[SimDevice]:
    """The devices for which the centre's own agent speaks."""
    return [device for device in centre.devices if not device.path]


def without_own(centre: SimCentre) -> SimCentre:
    """The same centre, its own devices taken out: what a feed knows of it stays."""
    return replace(centre, devices=tuple(device for device in centre.devices if device.path))


def of_feed(fleet: Iterable[SimCentre], feed: str) -> list[SimDevice]:
    """The devices for which a feed speaks."""
    return [device for centre in fleet for device in centre.devices if device.path == feed]


HEADER = (
    "region", "township", "township_name", "centre", "centre_name", "centre_type", "centre_stage", "latitude",
    "longitude", *(field.name for field in fields(SimDevice) if field.name != "centre"),
)  # fmt: skip


def write_csv(fleet: Iterable[SimCentre], path: Path) -> int:
    """Writes the fleet file of the contract (UTF-8 with BOM, for spreadsheets); gives the number of devices."""
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for centre in fleet:
            head = (
                centre.region, centre.township, centre.township_name, centre.centre, centre.centre_name, "centre",
                centre.stage, f"{centre.latitude:.5f}", f"{centre.longitude:.5f}",
            )  # fmt: skip
            for device in centre.devices:
                rest = (getattr(device, field.name) for field in fields(SimDevice) if field.name != "centre")
                writer.writerow((*head, *rest))
                count += 1
    return count


def _centres(villages: Iterable[Place], region_code: str, seed: int, live: int) -> Iterator[SimCentre]:
    kinds = load()
    for number, place in enumerate(villages):
        chance = Random(f"{seed}/{place.code}")
        carrier, short = _carrier(chance)
        of_township = Random(f"{seed}/{place.township}")
        yield SimCentre(
            region=region_code,
            township=place.township,
            township_name=place.township_name,
            centre=place.code,
            centre_name=f"{place.name.removesuffix('委会')}社区服务中心".replace("社区社区", "社区"),
            stage="live" if number < live else "building",
            latitude=of_township.uniform(42.4, 43.4) + chance.uniform(-0.08, 0.08),
            longitude=of_township.uniform(120.5, 121.4) + chance.uniform(-0.08, 0.08),
            carrier=carrier,
            sim_pool=f"{short}-uplink",
            devices=tuple(_devices(place, chance, carrier, f"{short}-uplink", kinds)),
        )


def _carrier(chance: Random) -> tuple[str, str]:
    draw = chance.random()
    for name, short, share in _CARRIERS:
        draw -= share
        if draw < 0:
            return name, short
    return _CARRIERS[0][:2]


def _devices(place: Place, chance: Random, carrier: str, pool: str, kinds: dict[str, Kind]) -> Iterator[SimDevice]:
    address = 10
    for kind_name, count in _COMPOSITION:
        kind = kinds[kind_name]
        for number in range(1, count + 1):
            address += 1
            own_sim = kind_name == "call_terminal" and number >= _OWN_SIM_FROM
            sim_carrier, sim_short = _carrier(chance) if own_sim else ("", "")
            sim_pool = f"{sim_short}-m2m-{chance.randint(1, _POOLS_PER_CARRIER)}" if own_sim else ""
            if kind_name == "site":
                sim_carrier, sim_pool = carrier, pool
            surname = chance.choice(_SURNAMES)
            household = f"{surname}某（{chance.randint(1, 9)}组{chance.randint(1, 60)}号）"
            model = chance.choice(_MODELS.get(kind_name, ("通用",)))
            installed = f"{chance.randint(2021, 2026)}-{chance.randint(1, 10):02d}-{chance.randint(1, 28):02d}"
            yield SimDevice(
                centre=place.code,
                device=f"{kind.code_prefix}-{number:02d}" if count > 1 else kind.code_prefix,
                kind=kind_name,
                path=TERMINAL_FEED if own_sim else BANK_FEED if kind_name == "atm" else "",
                profile="sim_host" if own_sim else "",
                device_name=_NAMES.get(kind_name, kind.label.zh) + (f" {number}" if count > 1 else ""),
                room=_CAMERA_ROOMS[number - 1] if kind_name == "camera" else kind.room.value,
                driver=kind.driver.value,
                target="" if own_sim or kind_name == "atm" else f"192.168.1.{address}",
                carrier=sim_carrier,
                sim_pool=sim_pool,
                iccid=_iccid(chance) if sim_pool else "",
                sim_expires_on=f"{chance.randint(2027, 2029)}-{chance.randint(1, 12):02d}-01" if sim_pool else "",
                household=household if kind.is_terminal else "",
                owner=_OWNERS[kind.net.value],
                maintainer="旗运维中心",
                model=model,
                serial=f"{kind.code_prefix.upper()}{chance.randrange(10**8):08d}",
                installed_on=installed,
            )


def _iccid(chance: Random) -> str:
    """A card number as ITU-T E.118 forms it (89, China 86, 17 digits drawn, Luhn's check digit)."""
    digits = f"8986{chance.randrange(10**15):015d}"
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return f"{digits}{-total % 10}"
