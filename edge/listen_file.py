"""`listen.toml` of the agent's state directory: on which ports this machine listens for devices that speak themselves.

    [scaip]
    port = 5060
    [snmp]
    bind = "192.168.1.2"

It is said on the machine itself and never from outside. A driver that can only listen does so where nothing is said,
with its defaults; one that also asks does so for the devices whose settings want it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from edge.hearing import load_listener
from edge.probing import NoDriverError, drivers


class ListenFileError(ValueError):
    """The file is wrong; the message says where, and what to do."""


def load_listen_file(path: Path) -> dict[str, Any]:
    """The options of each driver that the file names, typed. Raises ListenFileError."""
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ListenFileError(f"{path}: {error}") from error
    for driver, table in said.items():
        if not isinstance(table, Mapping):
            raise ListenFileError(f"{path}: {driver!r} stands outside of a section: write [DRIVER] above it")
    return {driver: options_of(driver, table, f"{path}: [{driver}]") for driver, table in said.items()}


def options_of(driver: str, table: Mapping[str, Any], where: str) -> Any:
    """Options of a driver's listener, typed. Raises ListenFileError; `where` is where they were said."""
    try:
        listener = load_listener(driver)
    except NoDriverError as error:
        close = _nearest(driver, drivers(), 0.5)
        raise ListenFileError(f"{where}: {f'did you mean [{close[0]}]?' if close else error}") from error
    if listener is None:
        raise ListenFileError(f"{where}: this driver asks, and listens on no port")
    known = {field.name for field in msgspec.structs.fields(listener.Options)}
    for name in table:
        if name not in known:
            close = _nearest(name, known, 0.4)
            nearest = f"did you mean {close[0]}?" if close else f"it has {', '.join(sorted(known))}"
            raise ListenFileError(f"{where}: {name!r} is unknown; {nearest}")
    try:
        return msgspec.convert(table, listener.Options)
    except msgspec.ValidationError as error:
        raise ListenFileError(f"{where}: {error}") from error


def _nearest(name: str, known: Iterable[str], alike: float) -> list[str]:
    from difflib import get_close_matches  # seldom needed, and a third of a megabyte

    return get_close_matches(name, known, 1, alike)
