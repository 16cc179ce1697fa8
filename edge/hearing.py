"""What devices say of their own accord, and who listens for it: one listener a driver and agent."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import msgspec

from edge.places import Places
from edge.probing import Around, NoSettings, find_class, make_settings
from edge.rows import Repeat
from shouwang.vocabulary import Driver


@dataclass(slots=True, frozen=True)
class Heard:
    """What a device said of its own accord. `at_s`: monotonic. `fields`: of a reading. `event`: goes out at once, ahead
    of everything. With neither it is nothing. `repeat`: by what the device's repeat of the event is known, whoever
    listens meanwhile (an agent may be started anew between the two)."""

    device: str
    at_s: float
    fields: dict[str, Any] = field(default_factory=dict)
    event: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    repeat: Repeat | None = None


Say: TypeAlias = Callable[[Heard], Awaitable[bool] | None]
"""Takes what is heard, on the loop. Of an event it gives what tells whether it is kept; None: nothing is waited for."""

_KEPT_S = 5.0


async def is_kept(told: Awaitable[bool] | None) -> bool:
    """Whether an event is on the disk. Before that nobody may be told that it was taken: a device that hears nothing
    tells it again."""
    if told is None:
        return True
    try:
        async with asyncio.timeout(_KEPT_S):
            return await asyncio.shield(told)
    except TimeoutError:
        return False


@dataclass(slots=True, frozen=True)
class Listened:
    """A device to listen for. `target`: how it names itself on that protocol. `settings`: of the listener's
    `Settings`."""

    device: str
    kind: str
    target: str
    settings: Any
    interval_s: float


class Listener(ABC):
    """One a driver and agent, for all of its devices. `Options`: what `listen.toml` of the agent's state directory says
    for this driver; what ports an agent opens is said on the machine itself, never from outside."""

    driver: ClassVar[Driver]
    Settings: ClassVar[type[msgspec.Struct]] = NoSettings
    Options: ClassVar[type[msgspec.Struct]] = NoSettings

    def __init__(self, options: Any, around: Around, say: Say) -> None:
        """`options` is an instance of `Options`; `say` takes what is heard, on the loop."""
        self.options, self.around, self.say = options, around, say
        self.places = Places(getattr(options, "bind", ()), around.allowed)

    @classmethod
    def hears(cls, settings: Any) -> bool:
        """Whether a device with these settings is listened for at all."""
        return True

    @abstractmethod
    async def start(self) -> None:
        """Opens its sockets, at its `places`. An OSError is said, and it is tried again."""

    @abstractmethod
    def watch(self, devices: Sequence[Listened]) -> None:
        """From now on these, in place of those before."""

    def trouble(self) -> str:
        """Why nobody is heard now though it has started, in words; empty when all is well."""
        return ""

    @abstractmethod
    async def stop(self) -> None:
        """Ends it; it may be called where `start` has failed."""


def load_listener(name: str) -> type[Listener] | None:
    """The listener of a driver; None for one that only asks. Raises NoDriverError."""
    return find_class(name, Listener)  # type: ignore[type-abstract]


def listened_for(
    listener: type[Listener],
    device: str,
    kind: str,
    target: str,
    settings: Mapping[str, Any],
    interval_s: float,
    around: Around,
) -> Listened | None:
    """A device as its listener wants it; None where its settings say that it is only asked. Raises ProbeConfigError."""
    made = make_settings(listener.driver, settings, listener.Settings, around)
    return Listened(device, kind, target, made, interval_s) if listener.hears(made) else None
