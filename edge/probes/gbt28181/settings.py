"""What is said of a GB/T 28181 device, and of the agent as its platform."""

from __future__ import annotations

import msgspec

from edge.probes.gbt28181.document import CODE
from edge.probing import ProbeConfigError


class Gbt28181Settings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`password`: of its REGISTER; without one, its code alone is believed. `catalogue_s`: how often its channels are
    asked for (0: never). `buttons`: codes of alarm inputs that are help buttons."""

    password: str = ""
    catalogue_s: int = 300
    buttons: list[str] = []


class Gbt28181Options(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`[gbt28181]` of listen.toml. `code`: the platform's own 20 digits, entered in each device as "SIP server ID";
    `realm`: its first ten unless said."""

    bind: str | tuple[str, ...] = ()
    port: int = 5060
    code: str = "34020000002000000001"
    realm: str = ""


def code_of(target: str) -> str:
    """The device's code of 20 digits. Raises ProbeConfigError."""
    code = target.removeprefix("sip:").partition("@")[0].strip()
    if not CODE.fullmatch(code):
        raise ProbeConfigError(f"target {target!r}: expected the device's code of 20 digits, as 34020000001180000001")
    return code
