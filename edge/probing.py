"""What a probe is, what it answers, and how it is found in `edge/probes/`."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

import msgspec

from edge.allowed import Allowed
from edge.secrets import Secrets, UnknownSecretError
from edge.told import as_wanted, unknown_in
from shouwang.clock import Clock, SystemClock
from shouwang.reasons import Reason
from shouwang.vocabulary import Driver

_FOLDER = Path(__file__).parent / "probes"

Found = TypeVar("Found")


class NoDriverError(LookupError):
    """A driver that this agent does not have."""


class ProbeConfigError(ValueError):
    """A device that cannot be asked as it is configured; the message says what to change."""


@dataclass(slots=True)
class Answer:
    """What asking a device gave. `fields` are fields of a reading (what its kind does not have is left out later);
    `reason`: what was wrong, by a code of `shouwang.reasons` (people then read it in their language) or in words."""

    reachable: bool
    latency_ms: float | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    reason: Reason | str = ""

    def as_fields(self) -> dict[str, Any]:
        """As they stand in a reading."""
        made: dict[str, Any] = {"reachable": self.reachable}
        if self.latency_ms is not None:
            made["latency_ms"] = round(self.latency_ms, 1)
        return made | self.fields


async def _no_facts() -> dict[str, Any]:
    return {}


@dataclass
class Around:
    """What probes are given by the agent they run in. `shared`: what all of one driver use together, as a socket."""

    allowed: Allowed = field(default_factory=Allowed)
    secrets: Secrets = field(default_factory=lambda: Secrets(None))
    clock: Clock = field(default_factory=SystemClock)
    agent_facts: Callable[[], Awaitable[dict[str, Any]]] = _no_facts  # of the agent itself, for `host`
    state_directory: Path = field(default_factory=Path)
    shared: dict[str, Any] = field(default_factory=dict)

    def close(self) -> None:
        """Ends what was shared."""
        for held in self.shared.values():
            held.close()
        self.shared.clear()


class NoSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """For a driver that needs none."""


class Probe(ABC):
    """Asks one device by one protocol. `Settings` is what its configuration may say."""

    driver: ClassVar[Driver]
    Settings: ClassVar[type[msgspec.Struct]] = NoSettings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        """`settings` is an instance of `Settings`, its secrets revealed. Raises ProbeConfigError for a wrong target."""
        self.target = target
        self.settings = settings
        self.around = around

    @classmethod
    def asks(cls, target: str) -> bool:
        """Whether there is anything to ask: a driver that also listens may have devices that only speak."""
        return True

    @abstractmethod
    async def ask(self, timeout_s: float) -> Answer:
        """Asks once, within `timeout_s`. A device that does not answer is an Answer; NotAllowedError may be raised."""


def make_probe(driver: str, target: str, settings: Mapping[str, Any], around: Around) -> Probe:
    """A probe for one device. Raises NoDriverError, ProbeConfigError or NotAllowedError, each with what to do."""
    around.allowed.check_driver(driver)
    found = load_driver(driver)
    if "@" in urlsplit(target).netloc:
        raise ProbeConfigError("the target holds a user or password: name a secret in the settings instead")
    return found(target, make_settings(driver, settings, found.Settings, around), around)


def make_settings(driver: str, said: Mapping[str, Any], shape: type[msgspec.Struct], around: Around) -> Any:
    """Settings of a driver as its `shape` wants them, each secret in its place. Raises ProbeConfigError."""
    if unknown := unknown_in(said, shape):
        raise ProbeConfigError(f"settings of driver {driver}: {unknown}")
    try:
        return msgspec.convert(as_wanted(around.secrets.reveal_all(said), shape), shape)
    except msgspec.ValidationError as error:
        raise ProbeConfigError(f"settings of driver {driver}: {error}") from error
    except UnknownSecretError as error:
        raise ProbeConfigError(str(error)) from error


def drivers() -> list[str]:
    """The drivers that this agent has."""
    names = {path.stem if path.suffix == ".py" else path.name for path in _FOLDER.iterdir()}
    return sorted(name for name in names if name in set(Driver))


def load_driver(name: str) -> type[Probe]:
    """The probe of a driver. Raises NoDriverError, also for one that only listens."""
    found = find_probe(name)
    if found is None:
        raise NoDriverError(f"driver {name!r} only listens: its devices speak of their own accord and are not asked")
    return found


def find_probe(name: str) -> type[Probe] | None:
    """The probe of a driver; None for one that only listens. Raises NoDriverError for one that there is not."""
    return find_class(name, Probe)  # type: ignore[type-abstract]


def find_class(name: str, base: type[Found]) -> type[Found] | None:
    """The driver's one class of that base; None where it has none. Raises NoDriverError."""
    found = [each for each in _classes(name) if issubclass(each, base)]
    if len(found) > 1:
        raise NoDriverError(f"edge/probes/{name} holds {len(found)} of {base.__name__}, and should hold one")
    return found[0] if found else None


@cache
def _classes(name: str) -> tuple[type, ...]:
    """Those that a driver's folder hands out and that are its own."""
    if name not in drivers():
        raise NoDriverError(f"this agent has no driver {name!r}; it has {', '.join(drivers())}")
    module = importlib.import_module(f"edge.probes.{name}")
    inside = f"{module.__name__}."
    values = vars(module).values()
    return tuple(each for each in values if isinstance(each, type) and f"{each.__module__}.".startswith(inside))


def host_and_port(target: str, default_port: int | None = None) -> tuple[str, int]:
    """`camera.lan:554`, `192.168.1.7`, `[fd00::1]:80`. Raises ProbeConfigError."""
    try:
        parts = urlsplit(f"//{target}")
        host, port = parts.hostname, parts.port or default_port
    except ValueError as error:
        raise ProbeConfigError(f"target {target!r}: {error}") from error
    if not host or parts.path or parts.query:
        raise ProbeConfigError(f"target {target!r}: expected a host or address, as 192.168.1.7 or camera.lan:554")
    if port is None:
        raise ProbeConfigError(f"target {target!r}: its port is missing, as {target}:80")
    return host, port
