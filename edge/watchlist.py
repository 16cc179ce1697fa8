"""What this agent watches: the configuration last received, kept on disk, so that it starts without a broker."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from edge.allowed import NotAllowedError
from edge.hearing import Listened, listened_for, load_listener
from edge.probing import Around, NoDriverError, Probe, ProbeConfigError, find_probe, make_probe
from shouwang.kinds import Kind
from shouwang.messages import Config, ConfiguredDevice
from shouwang.topics import DEVICE

_log = logging.getLogger("edge.watchlist")

DEVICES_MAX = 2_000
_SHORTEST_S = 0.5
_DECODER = msgspec.json.Decoder(Config)


class BadConfigError(ValueError):
    """A configuration that cannot be used as a whole; the one before stays."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One device of the list. `probe` None: it cannot be asked, and `problem` says what to change, unless it only
    speaks of its own accord (`driver`)."""

    device: str
    kind: str
    interval_s: float
    timeout_s: float
    probe: Probe | None
    problem: str = ""
    driver: str = ""


@dataclass(frozen=True, slots=True)
class Watchlist:
    """All devices of one revision, by name. `listened`: those that speak of their own accord, by driver."""

    revision: str
    devices: Mapping[str, Watched]
    listened: Mapping[str, Sequence[Listened]] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """What is wrong with single devices, in words."""
        return [f"{each.device}: {each.problem}" for each in self.devices.values() if each.problem]


NOTHING = Watchlist("", {})


def read_config(payload: bytes) -> Config:
    """A configuration as received. Raises BadConfigError."""
    try:
        config = _DECODER.decode(payload)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadConfigError(str(error)) from error
    if len(config.devices) > DEVICES_MAX:
        raise BadConfigError(f"{len(config.devices)} devices, at most {DEVICES_MAX}")
    return config


def make_watchlist(config: Config, kinds: Mapping[str, Kind], around: Around) -> Watchlist:
    """Probes for every device of it; what is wrong with one stays with that one."""
    devices: dict[str, Watched] = {}
    listened: dict[str, list[Listened]] = {}
    for said in config.devices:
        probe, problem, heard = None, "", None
        interval_s = max(_SHORTEST_S, said.report_every_s)
        if not DEVICE.fullmatch(said.device) or said.device in devices:
            _log.warning("set aside device=%r reason=%r", said.device[:64], "its name is no name, or stands twice")
            continue
        try:
            heard = _heard(said, interval_s, kinds, around)
            asked = find_probe(said.driver)
            if heard is None or (asked is not None and asked.asks(said.target)):
                probe = _probe(said, kinds, around)
        except (NoDriverError, ProbeConfigError, NotAllowedError, OSError, ImportError) as error:
            problem = str(error)
        else:
            if heard is not None:
                listened.setdefault(said.driver, []).append(heard)
        timeout_s = min(max(0.1, said.probe_timeout_s), interval_s)
        devices[said.device] = Watched(said.device, said.kind, interval_s, timeout_s, probe, problem, said.driver)
    return Watchlist(config.revision, devices, listened)


def _heard(said: ConfiguredDevice, interval_s: float, kinds: Mapping[str, Kind], around: Around) -> Listened | None:
    if said.kind not in kinds:
        raise ProbeConfigError(f"this agent does not know the kind {said.kind!r}; a newer one may")
    listener = load_listener(said.driver)
    if listener is None or not said.target:
        return None
    around.allowed.check_driver(said.driver)
    return listened_for(listener, said.device, said.kind, said.target, said.settings, interval_s, around)


def _probe(said: ConfiguredDevice, kinds: Mapping[str, Kind], around: Around) -> Probe:
    if not said.target and said.driver != "host":
        raise ProbeConfigError(
            "it has no target, so it cannot be asked: give it one in the fleet, or a path of its own"
        )
    return make_probe(said.driver, said.target, said.settings, around)


class KeptConfig:
    """The file. It is replaced in one step, and the one before is kept, in case the disk tears the new one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._previous = path.with_name(path.name + ".previous")

    def load(self) -> Config | None:
        """What was last kept; None where nothing was, or nothing can be read."""
        for path in (self._path, self._previous):
            try:
                return read_config(path.read_bytes())
            except FileNotFoundError:
                continue
            except (OSError, BadConfigError) as error:
                _log.error("configuration cannot be read path=%s reason=%r; the one before is used", path, str(error))
        return None

    def keep(self, payload: bytes) -> None:
        """Writes it to the disk. Raises OSError; the agent goes on with what it has in memory."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_name(self._path.name + ".new")
        with new.open("wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        if self._path.exists():
            self._previous.unlink(missing_ok=True)
            os.link(self._path, self._previous)
        new.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
