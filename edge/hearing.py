"""What devices say of their own accord, and who listens for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from edge.probing import Around, NoSettings
from shouwang.vocabulary import Driver


@dataclass(slots=True, frozen=True)
class Heard:
    """What a device said of its own accord. `at_s`: monotonic. With no field and no event it is nothing."""

    device: str
    at_s: float
    fields: dict[str, Any] = field(default_factory=dict)
    event: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Listened:
    """A device to listen for. `target`: how it names itself on that protocol."""

    device: str
    kind: str
    target: str
    settings: Any
    interval_s: float


class Listener(ABC):
    """One a driver and agent, for all of its devices."""

    driver: ClassVar[Driver]
    Settings: ClassVar[type[msgspec.Struct]] = NoSettings
    Options: ClassVar[type[msgspec.Struct]] = NoSettings

    def __init__(self, options: Any, around: Around, say: Callable[[Heard], None]) -> None:
        self.options, self.around, self.say = options, around, say

    @abstractmethod
    async def start(self) -> None: ...

    @abstractmethod
    def watch(self, devices: Sequence[Listened]) -> None: ...

    @abstractmethod
    async def stop(self) -> None: ...
