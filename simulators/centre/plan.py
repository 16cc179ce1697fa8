"""What stands in a centre: for each device of a fleet where it is, how it is asked or heard, and what plays it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shouwang.fleet.settings import write
from simulators.centre import stands
from simulators.centre.stands import Stand
from simulators.fleet import SimCentre, SimDevice

NETWORK = "127.77.0"
"""In 127/8 every address is there without asking; in a namespace of one's own it may be a LAN's."""
_FIRST = 10
LISTEN_PORT = 5060


@dataclass(frozen=True, slots=True)
class Standing:
    """One device: its row of the fleet, and what makes it stand at its address. `make` None: nothing needs to."""

    device: SimDevice
    address: str
    driver: str
    target: str
    settings: dict[str, Any] = field(default_factory=dict)
    make: Callable[[], Stand] | None = None


def standing(centre: SimCentre, network: str = NETWORK) -> list[Standing]:
    """The devices of a centre for which its own agent speaks. `network`: the first three numbers of their addresses;
    the agent is at `.1`."""
    own = [device for device in centre.devices if not device.path]
    counts: dict[str, int] = {}
    made: list[Standing] = []
    for place, device in enumerate(own):
        number = counts[device.kind] = counts.get(device.kind, 0) + 1
        made.append(_stand(device, f"{network}.{_FIRST + place}", number, network))
    return made


def as_installed(centre: SimCentre, network: str = NETWORK) -> SimCentre:
    """The centre with drivers, targets and settings as they stand."""
    by_name = {each.device.device: each for each in standing(centre, network)}

    def installed(device: SimDevice) -> SimDevice:
        each = by_name.get(device.device)
        if each is None:
            return device
        return replace(device, driver=each.driver, target=each.target, settings=write(each.settings))

    return replace(centre, devices=tuple(installed(device) for device in centre.devices))


def _stand(device: SimDevice, address: str, number: int, network: str) -> Standing:
    server = (f"{network}.1", LISTEN_PORT)

    def stand(driver: str, target: str, make: Callable[[], Stand] | None, **settings: Any) -> Standing:
        return Standing(device, address, driver, target, settings, make)

    match device.kind:
        case "site":
            return stand("host", "", lambda: stands.Site(address), **stands.site_settings(address))
        case "call_terminal" if number % 5 == 1:
            user = f"26{number:03d}"
            return stand("scaip", user, lambda: stands.ScaipTerminal(address, user, server))
        case "call_terminal" if number % 5 == 2:
            code = f"3402000000134{number:07d}"
            return stand("gbt28181", code, lambda: stands.GbTerminal(address, code, server))
        case "call_terminal":
            user = str(1000 + number)
            return stand("sip", f"sip:{user}@{address}:5070", lambda: stands.Phone(address, user))
        case "camera":
            target = f"rtsp://{address}:8554/live/1"
            return stand("rtsp", target, lambda: stands.StillCamera(address, 8554))
        case "nvr":
            code = f"3402000000118{number:07d}"
            return stand("gbt28181", code, lambda: stands.Recorder(address, code, server))
        case "bank_link":
            return stand("iso8583", f"{address}:5000", lambda: stands.Bank(address, 5000))
        case "ecommerce_point":
            target = f"http://{address}:8080/status"
            page = {"json_path": "data.state", "equals": "open", "fields": {"parcels_waiting": "data.parcels"}}
            return stand("http", target, lambda: stands.Page(address, 8080), **page)
        case "remote_education":
            return stand("icmp", address, None)
        case "water_pump":
            return stand("modbus", f"{address}:1502", lambda: stands.Pump(address, 1502), **stands.PUMP_SETTINGS)
        case _:
            return stand("tcp", f"{address}:8000", lambda: stands.Port(address, 8000))


def listen_file(network: str = NETWORK) -> str:
    """`listen.toml` of the agent of such a centre."""
    said = f'bind = ["{network}.1"]\nport = {LISTEN_PORT}\n'
    return "".join(f"[{driver}]\n{said}" for driver in ("scaip", "gbt28181", "sip"))


def names(stood: Sequence[Standing]) -> list[str]:
    return [each.device.device for each in stood]
