"""`fallbacks.toml` of the agent's state directory: the ways, in their order, and how long each is waited for.

It holds telephone numbers and switches a siren, so it is said on the machine itself and never from outside.

    wait_s = 10
    [[way]]
    use = "uplink"                         # the broker by another way out, or another address of it
    source = "wwan0"                       # an interface, or an address of this machine
    [[way]]
    use = "sms"
    modem = "/dev/ttyUSB2"
    numbers = ["+8613800000000"]
    [[way]]
    use = "siren"
    on = "modbus://192.168.1.40:502/1/0"   # unit 1, coil 0; or a URL that switches it on
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TypeAlias

import msgspec

from edge.fallback.modbus_coil import parse_coil
from shouwang.mqtt import split_url

WAYS_MAX = 8
_NUMBER = re.compile(r"\+?[0-9]{3,15}")


class FallbackFileError(ValueError):
    """The file is wrong; the message says where, and what to do."""


class SecondUplink(msgspec.Struct, tag_field="use", tag="uplink", forbid_unknown_fields=True, frozen=True):
    """`broker` left out: the same. After `back_after_s` without need the first way is taken again."""

    broker: str = ""
    source: str = ""
    ca_file: str = ""
    back_after_s: float = 600.0

    @property
    def name(self) -> str:
        return "uplink"


class Sms(msgspec.Struct, tag_field="use", tag="sms", forbid_unknown_fields=True, frozen=True):
    """A modem with AT commands (3GPP TS 27.005, 27.007) on a serial line. Each number is told once."""

    modem: str
    numbers: list[str]
    baud: int = 115_200
    timeout_s: float = 30.0

    @property
    def name(self) -> str:
        return "sms"


class Siren(msgspec.Struct, tag_field="use", tag="siren", forbid_unknown_fields=True, frozen=True):
    """Switched on by a Modbus coil or a URL, and off again after `for_s`, or when the call is acknowledged."""

    on: str
    off: str = ""
    for_s: float = 120.0
    timeout_s: float = 5.0

    @property
    def name(self) -> str:
        return "siren"


Way: TypeAlias = SecondUplink | Sms | Siren


class FallbackFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`wait_s`: how long the collector's ack, and then each way, is waited for. `events`: what is meant by it.
    `oldest_s`: what is older than that is no longer shouted about."""

    way: list[Way] = []
    wait_s: float = 10.0
    oldest_s: float = 3_600.0
    events: tuple[str, ...] = ("help_call",)


def load(path: Path) -> FallbackFile:
    """What the file says; no file, no ways. Raises FallbackFileError."""
    try:
        said = msgspec.convert(tomllib.loads(path.read_text("utf-8")), FallbackFile)
    except FileNotFoundError:
        return FallbackFile()
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise FallbackFileError(f"{path}: {error}") from error
    try:
        _check(said)
    except ValueError as error:
        raise FallbackFileError(f"{path}: {error}") from error
    return said


def _check(said: FallbackFile) -> None:
    if not 1 <= said.wait_s <= 600:
        raise ValueError(f"wait_s = {said.wait_s:g}: between 1 and 600 seconds")
    if len(said.way) > WAYS_MAX:
        raise ValueError(f"{len(said.way)} ways, at most {WAYS_MAX}")
    for number, way in enumerate(said.way, 1):
        try:
            _check_way(way)
        except ValueError as error:
            raise ValueError(f"way {number} ({way.name}): {error}") from error


def _check_way(way: Way) -> None:
    if isinstance(way, SecondUplink):
        if not way.broker and not way.source:
            raise ValueError("name another broker, another source, or both")
        if way.broker:
            split_url(way.broker)
    elif isinstance(way, Sms):
        if not way.numbers:
            raise ValueError("no numbers")
        for each in way.numbers:
            if not _NUMBER.fullmatch(each):
                raise ValueError(f"{each!r} is no telephone number: as +8613800000000")
    else:
        for target in filter(None, (way.on, way.off)):
            if target.startswith("modbus://"):
                parse_coil(target)
            elif not target.startswith(("http://", "https://")):
                raise ValueError(f"{target!r}: expected modbus://host:502/unit/coil, or a URL")
