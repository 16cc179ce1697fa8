"""What every request may use: ledger, readings, kinds and the clock, made once when the app is made."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine
from starlette.requests import HTTPConnection

from shouwang.clock import Clock
from shouwang.kinds import Kinds
from shouwang.readings.store import ReadingStore


@dataclass(frozen=True, slots=True)
class ForAgents:
    """What a new agent is told: where its broker is, and whose certificates (PEM) it believes; and the folder where
    bundles for agents lie, None where none are kept."""

    broker_url: str = ""
    authorities: str = ""
    bundles: Path | None = None


@dataclass(frozen=True, slots=True)
class House:
    """`limits` are the settings' `[limits.<kind>]`; `speed` (the demo's) divides seconds; `providers` are the ways
    configured to tell people, in order; `demo_url` is where the demo's own pages are, if this is the demo;
    `grafana_url` is where Grafana is, if there is one."""

    engine: Engine
    store: ReadingStore
    kinds: Kinds
    clock: Clock
    public_url: str
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    grafana_url: str | None = None
    speed: float = 1.0
    providers: tuple[str, ...] = ()
    demo_url: str | None = None
    for_agents: ForAgents = ForAgents()

    @property
    def now_ms(self) -> int:
        """The present, Unix epoch milliseconds."""
        return self.clock.now().wall_ms

    @property
    def https(self) -> bool:
        """Whether people reach us by https: then cookies are for it alone."""
        return self.public_url.startswith("https://")

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection to read with; what is read through it is one snapshot."""
        return self.engine.connect()

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction to write in; it is committed when the block ends well."""
        return self.engine.execution_options(writes=True).begin()


def house_of(request: HTTPConnection) -> House:
    """The house of the app that got this request."""
    house: House = request.app.state.house
    return house
