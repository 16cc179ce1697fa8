"""Listeners set up on loopback for tests: what they hear is kept, and waited for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from edge.allowed import Allowed, AllowedFile
from edge.hearing import Heard, Listened, Listener, Say
from edge.probing import Around
from edge.sip import SipPort
from tests.waiting import until


@dataclass
class Ear:
    """A listener that runs, and what it has heard."""

    listener: Listener
    around: Around
    heard: list[Heard] = field(default_factory=list)

    @property
    def server(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", self.port.port

    @property
    def port(self) -> SipPort:
        return next(each for each in self.around.shared.values() if isinstance(each, SipPort))

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(each.device, each.event) for each in self.heard if each.event]

    def last(self, device: str) -> dict[str, Any]:
        """The fields of what was heard last of a device."""
        return [each.fields for each in self.heard if each.device == device][-1]

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        await until(holds, what)


@asynccontextmanager
async def listening(
    listener: type[Listener],
    devices: Sequence[tuple[str, str, dict[str, Any]]],
    directory: Path,
    *,
    kind: str = "call_terminal",
    interval_s: float = 30.0,
    around: Around | None = None,
    say: Say | None = None,
    **options: Any,
) -> AsyncIterator[Ear]:
    """`devices`: name, target, settings of each. `say` gets what is heard, too."""
    near = around or Around(allowed=Allowed(AllowedFile(loopback=True)), state_directory=directory)
    made = msgspec.convert({"bind": ["127.0.0.1"], "port": 0, **options}, listener.Options)
    heard: list[Heard] = []

    def hear(said: Heard) -> Awaitable[bool] | None:
        heard.append(said)
        return None if say is None else say(said)

    ear = Ear(listener(made, near, hear), near, heard)
    await ear.listener.start()
    ear.listener.watch(
        [
            Listened(name, kind, target, msgspec.convert(settings, listener.Settings), interval_s)
            for name, target, settings in devices
        ]
    )
    try:
        yield ear
    finally:
        await ear.listener.stop()
        if around is None:
            near.close()
