"""What an SNMP device's configuration may say, checked, and who we are to it."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge.probing import ProbeConfigError

PASSWORD_MIN = 8  # RFC 3414, 11.2


class SnmpSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """MD5 and DES are broken, and not spoken here.

    `mapping`: mapping files by name, several as one. `values`: what they call `{…}`, as an interface's name.

    v2c: `community`. v3: `user`, with `auth` (`sha1`, `sha256`) and `auth_password`, `priv` (`aes128`) and
    `priv_password` where the device wants them. Passwords and communities are best named `secret:NAME`.
    `notices_from`: the address that its traps come from, where that is not the one it is asked at.
    """

    mapping: list[str] = msgspec.field(default_factory=lambda: ["router"])
    values: dict[str, str] = {}
    version: Literal["2c", "3", "1"] = "2c"
    community: str = "public"
    user: str = ""
    auth: Literal["", "sha1", "sha256"] = ""
    auth_password: str = ""
    priv: Literal["", "aes128"] = ""
    priv_password: str = ""
    notices_from: str = ""


def check(said: SnmpSettings) -> None:
    """Raises ProbeConfigError, without any password in it."""
    if not 1 <= len(said.mapping) <= 8:
        raise ProbeConfigError("mapping: between 1 and 8 names of mapping files")
    if said.version != "3":
        if said.user or said.auth or said.priv:
            raise ProbeConfigError(f'user, auth and priv are of version "3", and this is {said.version!r}')
        if not said.community:
            raise ProbeConfigError("community: it is empty")
        return
    if not said.user or len(said.user.encode()) > 32:
        raise ProbeConfigError('user: version "3" needs one, of at most 32 bytes')
    if said.priv and not said.auth:
        raise ProbeConfigError("priv: nothing is encrypted without auth (RFC 3414)")
    for name, used, password in (
        ("auth_password", said.auth, said.auth_password),
        ("priv_password", said.priv, said.priv_password),
    ):
        if used and len(password.encode()) < PASSWORD_MIN:
            raise ProbeConfigError(f"{name}: at least {PASSWORD_MIN} characters (RFC 3414, 11.2)")
