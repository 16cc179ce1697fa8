"""What the agent and its child for pictures say to each other: a line of JSON each way, by `id`."""

from __future__ import annotations

import msgspec


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """`camera`: how its reference is named, letters and digits. `url` may hold a password: it is written nowhere.
    `transport`: `tcp` or `udp`. `server_name`, `trust`, `ca_file`: of `rtsps`. Another `revision` than before asks for
    a new reference."""

    id: int
    camera: str
    url: str
    transport: str
    budget_s: float
    revision: str = ""
    server_name: str = ""
    trust: bool = True
    ca_file: str = ""


class Told(msgspec.Struct, omit_defaults=True):
    """`picture` is None where nothing could be decoded; `reason`: why nothing came at all, in words."""

    id: int
    picture: str | None = None
    fps: float | None = None
    bitrate_kbps: float | None = None
    fps_expected: float | None = None
    codec: str = ""
    figures: dict[str, float] = {}
    references: list[str] = []
    reason: str = ""
