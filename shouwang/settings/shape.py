"""What the settings may hold, section by section; limits that hold for all who read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Section(BaseModel):
    """Base of what a settings file may hold: nothing but what is declared."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Broker(Section):
    """`[broker]`: `url` of a broker that runs already; without it one is started here, on `host` and `port`."""

    url: str | None = Field(None, pattern=r"^mqtts?://[^/@\s]+$")
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    host: str = "127.0.0.1"  # where agents reach the broker that we start
    port: int = Field(18830, ge=1, le=65535)
    inner_host: str = "127.0.0.1"  # where our own processes reach it, on the next port, when `host` lets agents in
    certificate_file: Path | None = None  # of the broker that we start: then it speaks TLS on `host`
    key_file: Path | None = None
    program: str | None = None  # `embedded`, or where Mosquitto is; left out: Mosquitto where it is installed


class Readings(Section):
    """`[readings]`: `url` of InfluxDB 2; without it readings are kept in the state directory. `token` writes;
    `reader_token`, where there is one, is for who only reads. Raw readings outlive the 7 days that agents hold."""

    url: str | None = Field(None, pattern=r"^https?://\S+$")
    org: str = "shouwang"
    bucket: str = "shouwang"
    token: SecretStr | None = None
    token_file: Path | None = None
    reader_token: SecretStr | None = None
    reader_token_file: Path | None = None
    raw_days: int = Field(30, ge=8, le=3_650)
    hourly_days: int = Field(1_100, ge=8, le=36_500)


class Ledger(Section):
    """`[ledger]`: `url` of PostgreSQL; without it the ledger is SQLite in the state directory."""

    url: SecretStr | None = None


class Api(Section):
    """`[api]`: where the console and REST are served, and the address that people use for it."""

    host: str = "127.0.0.1"
    port: int = Field(8420, ge=1, le=65535)
    public_url: str | None = Field(None, pattern=r"^https?://\S+$")


class Agents(Section):
    """`[agents]`: what an agent that is enrolled by a code is told: the broker's address as agents reach it, and the
    authorities (PEM) that they believe, for broker and API."""

    broker_url: str | None = Field(None, pattern=r"^mqtts?://[^/@\s]+$")
    ca_file: Path | None = None


class Grafana(Section):
    """`[grafana]`: `url` as people reach it; then pages of the console lead to its dashboards."""

    url: str | None = Field(None, pattern=r"^https?://\S+$")


class Heartbeat(Section):
    """`[heartbeat]`: an address outside that is asked each minute while the watch is well (healthchecks does this)."""

    url: SecretStr | None = None
    every_s: float = Field(60.0, ge=5, le=3600)


class Tracing(Section):
    """`[tracing]`: `url` of an OpenTelemetry receiver (OTLP over HTTP), which is told of `ratio` of all messages and
    of each that changed an incident. Without `url` nothing is traced, and nothing of it loaded."""

    url: str | None = Field(None, pattern=r"^https?://\S+$")
    ratio: float = Field(0.01, ge=0, le=1)


class Notify(BaseModel):
    """`[notify]`: `ways`, the order of providers; a table a provider, checked by the provider itself."""

    model_config = ConfigDict(extra="allow", frozen=True)
    ways: list[str] | None = None

    @property
    def providers(self) -> dict[str, dict[str, Any]]:
        """What stands under `[notify.<provider>]`, as written."""
        return dict(self.__pydantic_extra__ or {})


class Limits(Section):
    """`[limits.<kind>]`, and `[limits.centre]` for agents. Seconds, but for `down_after_probes`."""

    report_every_s: float | None = Field(None, gt=0)
    silent_after_s: float | None = Field(None, gt=0)
    down_after_probes: int | None = Field(None, ge=1)
    notify_after_s: float | None = Field(None, ge=0)


class Settings(Section):
    """Everything a process of ours is told."""

    state: Path = Path("state")
    fleet: Path | None = None  # imported when `serve` starts
    kinds: Path | None = None  # a folder of kind files of your own
    broker: Broker = Broker()
    readings: Readings = Readings()
    ledger: Ledger = Ledger()
    api: Api = Api()
    agents: Agents = Agents()
    notify: Notify = Notify()
    grafana: Grafana = Grafana()
    heartbeat: Heartbeat = Heartbeat()
    tracing: Tracing = Tracing()
    limits: dict[str, Limits] = {}
    speed: float = Field(1.0, ge=1, le=20)  # the demo's: divides intervals and limits
    demo_url: str | None = Field(None, pattern=r"^https?://\S+$")  # the demo's: where its own pages are
    stop_within_s: float = Field(9.0, gt=0, le=60)  # `serve` ends everything in this time

    @property
    def broker_url(self) -> str:
        """Where our own processes reach the broker."""
        return self.broker.url or f"mqtt://127.0.0.1:{self.inner_mqtt_port}"

    @property
    def agents_from_outside(self) -> bool:
        """Whether the broker that we start is reachable by other machines: then it asks for passwords."""
        return self.broker.url is None and self.broker.host not in ("127.0.0.1", "localhost", "::1")

    @property
    def inner_mqtt_port(self) -> int:
        """The port for our own processes: the agents', or the next where agents come in from outside, because there
        the client id is the user's name and a user has one session."""
        if not self.agents_from_outside:
            return self.broker.port
        return self.broker.port + 1 if self.broker.port < 65535 else self.broker.port - 1

    @property
    def public_url(self) -> str:
        return (self.api.public_url or f"http://{self.api.host}:{self.api.port}").rstrip("/")

    @property
    def ledger_url(self) -> str:
        if self.ledger.url is not None:
            return self.ledger.url.get_secret_value()
        return f"sqlite:///{self.state / 'ledger.db'}"

    @property
    def limits_said(self) -> dict[str, dict[str, float]]:
        """`[limits.…]` as plain numbers, only what was said."""
        return {name: said.model_dump(exclude_none=True) for name, said in self.limits.items()}
