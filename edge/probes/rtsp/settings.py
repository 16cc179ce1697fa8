"""What may be said of a camera's stream."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class RtspSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`user` and `password` (as `secret:NAME`) where the stream wants them. `picture_every_s`: how often its picture
    is looked at (60 is usual); 0: never, until those who are in view have agreed to it. `transport`: how frames come
    then. `reference`: any text; another one than before has a new reference picture taken of the next good looks.
    `fps_expected`: where the stream does not say it. `blur_excused_until`: an RFC 3339 instant; until then a blurred
    picture counts as good, as in a declared sandstorm or frost; a black one never does. `trust` False, or `ca_file`:
    for `rtsps`, where nobody known signed the camera's certificate."""

    user: str = ""
    password: str = ""
    picture_every_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    transport: Literal["tcp", "udp"] = "tcp"
    reference: Annotated[str, Meta(max_length=64)] = ""
    fps_expected: Annotated[float, Meta(ge=0, le=240)] = 0.0
    blur_excused_until: str = ""
    trust: bool = True
    ca_file: str = ""
