"""MQTT topics: `shouwang/v1/<region>/<centre>/<channel>` (fixed by the contract)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

ROOT = "shouwang/v1"
NAME = re.compile(r"[a-z0-9-]{1,32}")
DEVICE = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
MESSAGE_EXPIRY_S = 604_800
KNOWN = 32_768
"""So many topics are remembered as parsed: two of each centre of a region."""


class Channel(StrEnum):
    PRESENCE = "presence"
    REPORT = "report"
    EVENT = "event"
    ACK = "ack"
    CONFIG = "config"
    COMMAND = "command"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Topic:
    region: str
    path: str
    channel: Channel


def topic(region: str, path: str, channel: Channel) -> str:
    """The topic of a centre's (or a feed's) channel. Raises ValueError for a name that MQTT or the contract forbids."""
    for what, name in (("region", region), ("centre", path)):
        if not NAME.fullmatch(name):
            raise ValueError(f"{what} {name!r} is not [a-z0-9-]{{1,32}}")
    return f"{ROOT}/{region}/{path}/{channel}"


@lru_cache(maxsize=KNOWN)
def parse(text: str) -> Topic | None:
    """Region, path and channel of a topic; None for a topic that is none of ours."""
    parts = text.split("/")
    if len(parts) != 5 or parts[0] != "shouwang" or parts[1] != "v1":
        return None
    _, _, region, path, channel = parts
    if not NAME.fullmatch(region) or not NAME.fullmatch(path):
        return None
    try:
        return Topic(region, path, Channel(channel))
    except ValueError:
        return None


def every(channel: Channel) -> str:
    """The filter that hears a channel of every centre."""
    return f"{ROOT}/+/+/{channel}"


def fence(collector: str) -> str:
    """Where a collector hears itself, to know that a backlog is drained."""
    return f"{ROOT}/_collector/{collector}/fence"
