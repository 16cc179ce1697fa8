"""The sample mappings beside simulated platforms' words."""

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from edge.feed.mapping import Mapping, read_mapping
from edge.feed.meaning import Meaning
from edge.feed.naming import read_names
from shouwang import kinds
from shouwang.clock import shanghai
from shouwang.kinds import Kinds

SAMPLES = Path("edge/feed/samples")
NOW_MS = 1_780_000_000_000
KINDS = Kinds()


def meaning(name: str) -> Meaning:
    said = read_mapping(SAMPLES / f"{name}.toml", kinds.load())
    assert said.device is not None
    return Meaning(said, KINDS, read_names(said.device, SAMPLES))


def mapping(**said: Any) -> Mapping:
    """A mapping of a call terminal, with what is said over it."""
    text = (SAMPLES / "call-terminals.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text) | said, Mapping)


def written(directory: Path, name: str, **source: Any) -> Path:
    """A sample as a file of a test, its source changed."""
    text = (SAMPLES / f"{name}.toml").read_text("utf-8")
    head, _, rest = text.partition("[source]")
    _, _, tail = rest.partition("\n\n")
    lines = "\n".join(f"{key} = {msgspec.json.encode(value).decode()}" for key, value in source.items())
    path = directory / f"{name}.toml"
    path.write_text(f"{head}[source]\n{lines}\n\n{tail}", "utf-8")
    (directory / "devices.csv").write_text((SAMPLES / "devices.csv").read_text("utf-8"), "utf-8")
    return path


def at(now_ms: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """An instant as a platform in Shanghai writes it."""
    moment: datetime = shanghai(now_ms)
    return moment.strftime(form)


def terminal(imei: str, heard_ms: int, **more: Any) -> dict[str, Any]:
    """A terminal as the call service lists it."""
    said = {"imei": imei, "online": 1, "lastTime": at(heard_ms), "battery": 88, "power": "AC", "csq": 21, "tamper": "0"}
    return said | more
