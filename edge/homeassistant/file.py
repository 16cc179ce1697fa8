"""`homeassistant.toml` of the agent's state directory: the broker that Home Assistant listens to, and what it hears.

broker = "mqtt://127.0.0.1:1883"
user = "agent"
password = "secret:home-assistant"   # from secrets.toml
language = "zh"
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from edge.told import unknown_in
from shouwang.mqtt import split_url

_TOPIC = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")


class HomeAssistantFileError(ValueError):
    """The file is wrong; the message says where, and what to do."""


class HomeAssistantFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`prefix`: where Home Assistant looks for what it discovers. `topics`: under which states stand. `password`: best
    `secret:NAME`. `ca_file`: for mqtts."""

    broker: str
    user: str = ""
    password: str = ""
    ca_file: str = ""
    client_id: str = ""
    prefix: str = "homeassistant"
    topics: str = "shouwang/home"
    language: Literal["zh", "en"] = "zh"


def load(path: Path) -> HomeAssistantFile | None:
    """What the file says; None where there is none. Raises HomeAssistantFileError."""
    try:
        said = tomllib.loads(path.read_text("utf-8"))
        if unknown := unknown_in(said, HomeAssistantFile):
            raise ValueError(unknown)
        made = msgspec.convert(said, HomeAssistantFile)
        split_url(made.broker)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # msgspec's and tomllib's errors are ValueErrors
        raise HomeAssistantFileError(f"{path}: {error}") from error
    for name, topic in (("prefix", made.prefix), ("topics", made.topics)):
        if not _TOPIC.fullmatch(topic):
            raise HomeAssistantFileError(f"{path}: {name} {topic!r}: letters, digits, - and _, with / between")
    return made
