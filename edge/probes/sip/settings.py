"""What is said of a SIP device: where it is, who it is, and how it is looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import msgspec

from edge.probing import ProbeConfigError, host_and_port

_USER = re.compile(r"[A-Za-z0-9_.!~*'()&=+$,;?/-]{1,64}")
_ADDRESS = re.compile(r"\[?[0-9A-Fa-f:]*:[0-9A-Fa-f:]+\]?|[^:@]*\.[^:@]*|[^@]*:\d+|localhost")


class SipSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`look`: `ask` sends OPTIONS; `registrar` goes by its REGISTER to the agent; `both`. `user` and `password`: as the
    device registers. `register_s`: for how long a registration is granted; 0: twice its interval, at least 60 s."""

    look: Literal["ask", "registrar", "both"] = "ask"
    user: str = ""
    password: str = ""
    transport: Literal["udp", "tcp"] = "udp"
    register_s: int = 0


@dataclass(slots=True, frozen=True)
class Place:
    """`host` empty: it is asked where it registered from."""

    user: str
    host: str
    port: int


def place_of(target: str, settings: SipSettings) -> Place:
    """Of a target as `192.168.1.7`, `1001@192.168.1.7:5060`, or `1001` alone (its user, where `look` is not `ask`).
    Raises ProbeConfigError."""
    said = target.removeprefix("sip:")
    user, at, rest = said.rpartition("@")
    if not at and settings.look != "ask" and not _ADDRESS.fullmatch(rest):
        user, rest = rest, ""
    user = settings.user or user
    if user and not _USER.fullmatch(user):
        raise ProbeConfigError(f"user {user!r} is none of SIP")
    if settings.look != "ask" and not user:
        raise ProbeConfigError("which user registers? Say it in the target (1001@192.168.1.7) or as the setting `user`")
    if settings.register_s and not 30 <= settings.register_s <= 86_400:
        raise ProbeConfigError(f"register_s {settings.register_s} is not between 30 and 86400")
    if not rest and settings.look != "ask":
        return Place(user, "", 0)
    host, port = host_and_port(rest, 5060)
    return Place(user, host, port)
