"""Who answers SNMP at an address, and which of our mappings fit it: for finding devices in a LAN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.probes.snmp.asking import Asker, NonsenseError, RefusedError
from edge.probes.snmp.reading import as_text
from edge.probes.snmp.settings import SnmpSettings
from edge.probing import Around

_DESCR, _OBJECT, _UPTIME, _NAME = (f"1.3.6.1.2.1.1.{n}.0" for n in (1, 2, 3, 5))
_FITS = {
    "ups-mib": "1.3.6.1.2.1.33.1.4.1.0",  # upsOutputSource
    "host-resources": "1.3.6.1.2.1.25.1.1.0",  # hrSystemUptime
    "router": "1.3.6.1.2.1.4.1.0",  # ipForwarding: 1 forwards
}


@dataclass(frozen=True, slots=True)
class Described:
    """What an SNMP agent says of itself (RFC 3418). `mappings`: those of ours that it has the objects of."""

    description: str
    name: str
    object_id: str
    mappings: tuple[str, ...]


async def describe(
    address: str, around: Around, *, community: str = "public", port: int = 161, timeout_s: float = 1.0
) -> Described | None:
    """None where nobody answers to this community. Raises NotAllowedError for an address that may not be asked."""
    around.allowed.check(address, port)
    asker = Asker(SnmpSettings(community=community), around)
    try:
        async with asker.session(address, port, timeout_s) as session:
            told = await session.objects([_DESCR, _OBJECT, _UPTIME, _NAME, *_FITS.values()])
    except (RefusedError, NonsenseError, TimeoutError, OSError):
        return None
    fits = [name for name, oid in _FITS.items() if oid in told and (name != "router" or told[oid] == 1)]
    return Described(
        description=as_text(told.get(_DESCR, "")),
        name=as_text(told.get(_NAME, "")),
        object_id=as_text(told.get(_OBJECT, "")),
        mappings=tuple(_ordered(fits)),
    )


def _ordered(fits: Sequence[str]) -> list[str]:
    """A UPS's card is a machine, too: what it is for goes first, and alone."""
    return ["ups-mib"] if "ups-mib" in fits else list(fits)
