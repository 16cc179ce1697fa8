"""What few agents need: each is loaded only where its file stands in the state directory, and costs others nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge.probing import Around
from edge.secrets import UnknownSecretError
from edge.uplink import Uplink
from shouwang.kinds import Kind

if TYPE_CHECKING:
    from edge.homeassistant import HomeAssistant


def uplink_of(state: Path) -> Callable[..., Uplink]:
    """What makes the uplink: with `tracing.toml`, one that tells OpenTelemetry. Raises TracingFileError."""
    if not (state / "tracing.toml").exists():
        return Uplink
    from edge.tracing import TracedUplink, load

    said = load(state / "tracing.toml")
    return Uplink if said is None else partial(TracedUplink, said)


def home_of(state: Path, centre: str, around: Around, kinds: Mapping[str, Kind]) -> HomeAssistant | None:
    """With `homeassistant.toml`, what shows the devices to a Home Assistant at the centre. Raises ValueError."""
    file = state / "homeassistant.toml"
    if not file.exists():
        return None
    from edge.homeassistant import HomeAssistant, load

    said = load(file)
    try:
        return None if said is None else HomeAssistant(said, centre, around, kinds)
    except (UnknownSecretError, OSError) as error:
        raise ValueError(f"{file}: {error}") from error
