"""When a device does not answer: what does, at the same address? One plain sentence for who stands in front of it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from edge.allowed import NotAllowedError
from edge.probes.icmp import IcmpProbe
from edge.probes.tcp import TcpProbe
from edge.probing import Around, NoSettings, ProbeConfigError
from shouwang.reasons import Reason

USUAL_PORTS = {
    "rtsp": 554, "http": 80, "tls": 443, "sip": 5060, "snmp": 161, "nut": 3493, "ntp": 123, "modbus": 502, "dns": 53,
    "onvif": 80, "xfs4iot": 80,
}  # fmt: skip
_BY_UDP = frozenset({"sip", "snmp", "ntp", "dns"})
_WITHIN_S = 2.0
_USER = re.compile(r"^[^@/\[\]]*@")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a target is. `port` None: the protocol has none."""

    host: str
    port: int | None


def place_of(driver: str, target: str) -> Place | None:
    """None for a target that is no address, as a terminal's own number."""
    text = _USER.sub("", target.removeprefix("sip:")) if "//" not in target else target
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    if port is None:
        port = 443 if parts.scheme in ("https", "wss") else USUAL_PORTS.get(driver)
    return Place(host, None if driver == "icmp" else port)


async def second_look(driver: str, target: str, around: Around) -> Reason | None:
    """What ping and the port itself say; None where nothing more can be told."""
    place = place_of(driver, target)
    if place is None:
        return None
    try:
        echo, port = await asyncio.gather(
            IcmpProbe(place.host, NoSettings(), around).ask(_WITHIN_S),
            _port(driver, place, around),
        )
    except (OSError, NotAllowedError, ProbeConfigError):
        return None
    values: dict[str, str | int | float] = {"host": place.host, "protocol": driver.upper(), "port": place.port or 0}
    if not echo.reachable and port is not True:
        return Reason("nobody_there", values) if driver != "icmp" else None
    if place.port is None:
        return None
    if port is None:
        return Reason("pings_udp", values)
    if not port:
        return Reason("pings_no_port", values)
    return Reason("pings_other_protocol", values)


async def _port(driver: str, place: Place, around: Around) -> bool | None:
    """Whether the port takes connections; None where the protocol makes none."""
    if place.port is None or driver in _BY_UDP:
        return None
    host = f"[{place.host}]" if ":" in place.host else place.host
    return (await TcpProbe(f"{host}:{place.port}", NoSettings(), around).ask(_WITHIN_S)).reachable
