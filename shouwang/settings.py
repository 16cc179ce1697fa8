"""Settings: `shouwang.toml`, over it environment variables `SHOUWANG_<SECTION>__<KEY>`, over them flags.

`load` gives the settings and, for `shouwang doctor`, where each value came from. A wrong or unknown key is an error
that names the key, where it stood, and the nearest known one.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from shouwang.trouble import WrongUsage

FILE_NAME = "shouwang.toml"
PREFIX = "SHOUWANG_"
NOT_SETTINGS = frozenset({"SHOUWANG_SETTINGS", "SHOUWANG_LOG"})
"""Variables of ours that are no settings: which file to read, how much to log."""


class SettingsError(WrongUsage):
    """The settings cannot be used; each line of the message names one key, where it stands and what is wrong."""


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
    certificate_file: Path | None = None  # of the broker that we start: then it speaks TLS on `host`
    key_file: Path | None = None
    program: str | None = None  # `embedded`, or where Mosquitto is; left out: Mosquitto where it is installed


class Readings(Section):
    """`[readings]`: `url` of InfluxDB 2; without it readings are kept in the state directory."""

    url: str | None = Field(None, pattern=r"^https?://\S+$")
    org: str = "shouwang"
    bucket: str = "shouwang"
    token: SecretStr | None = None
    token_file: Path | None = None


class Ledger(Section):
    """`[ledger]`: `url` of PostgreSQL; without it the ledger is SQLite in the state directory."""

    url: SecretStr | None = None


class Api(Section):
    """`[api]`: where the console and REST are served, and the address that people use for it."""

    host: str = "127.0.0.1"
    port: int = Field(8420, ge=1, le=65535)
    public_url: str | None = Field(None, pattern=r"^https?://\S+$")


class Heartbeat(Section):
    """`[heartbeat]`: an address outside that is asked each minute while the watch is well (healthchecks does this)."""

    url: SecretStr | None = None
    every_s: float = Field(60.0, ge=5, le=3600)


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
    notify: Notify = Notify()
    heartbeat: Heartbeat = Heartbeat()
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


@dataclass(frozen=True, slots=True)
class Loaded:
    """`settings`, and for each dotted key that was given, where it came from."""

    settings: Settings
    sources: dict[str, str] = field(default_factory=dict)
    file: Path | None = None


def load(
    file: Path | None = None, *, env: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
) -> Loaded:
    """Reads, merges and checks. `file` left out: $SHOUWANG_SETTINGS, else `shouwang.toml` if there is one. `flags` are
    dotted keys (`api.port`) with values; None is "not given". Raises SettingsError with every error at once."""
    env = os.environ if env is None else env
    path = _file(file, env)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    if path is not None:
        _merge(values, sources, _read(path), str(path), path.parent)
    for name, text in sorted(env.items()):
        if name.startswith(PREFIX) and name not in NOT_SETTINGS:
            keys = name.removeprefix(PREFIX).lower().split("__")
            _merge(values, sources, _nest(keys, _typed(keys, text)), name, None)
    for key, value in (flags or {}).items():
        if value is not None:
            _merge(values, sources, _nest(key.split("."), value), "the command line", None)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError("\n".join(complaints(error, Settings, sources))) from None
    wrong = _limits_of_nothing(settings, sources)
    if wrong:
        raise SettingsError("\n".join(wrong))
    return Loaded(settings, sources, path)


def environment_of(flags: Mapping[str, Any]) -> dict[str, str]:
    """Flags (dotted keys) as the environment variables that mean the same: for processes that we start."""
    return {PREFIX + key.upper().replace(".", "__"): str(value) for key, value in flags.items() if value is not None}


def secret(value: SecretStr | None, file: Path | None, key: str) -> str | None:
    """A secret, given as such (environment) or in a file of its own. Raises SettingsError."""
    if value is not None:
        return value.get_secret_value()
    if file is None:
        return None
    try:
        text = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{key}: {file} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not text:
        raise SettingsError(f"{key}: {file} is empty")
    return text


def complaints(
    error: ValidationError, model: type[BaseModel], sources: Mapping[str, str], under: str = ""
) -> list[str]:
    """Each error in a line: where the key stands, what is wrong, which known key is nearest. Values are shown
    except where they may be secret."""
    lines = []
    for found in error.errors(include_url=False):
        keys = [str(part) for part in found["loc"] if isinstance(part, str)]
        key = ".".join(filter(None, [under, *keys]))
        where = source_of(key, sources)
        prefix = f"{where}: {key}" if where else key
        if found["type"] == "extra_forbidden":
            nearest = get_close_matches(keys[-1], _known(model, keys[:-1]), 1, 0.5)
            known = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(_known(model, keys[:-1]))}"
            lines.append(f"{prefix}: unknown key; {known}")
        else:
            shown = (
                "" if _is_secret(keys[-1:] or [""]) or found["type"] == "missing" else f" (it is {found['input']!r})"
            )
            lines.append(f"{prefix}: {found['msg'].removeprefix('Value error, ')}{shown}")
    return lines


def source_of(key: str, sources: Mapping[str, str]) -> str:
    """Where a key, or the nearest table above it, was given; empty for a default."""
    while key:
        if key in sources:
            return sources[key]
        key = key.rpartition(".")[0]
    return ""


def _file(file: Path | None, env: Mapping[str, str]) -> Path | None:
    if file is None and env.get("SHOUWANG_SETTINGS"):
        file = Path(env["SHOUWANG_SETTINGS"])
    if file is None:
        return Path(FILE_NAME) if Path(FILE_NAME).is_file() else None
    if not file.is_file():
        raise SettingsError(f"{file}: there is no such settings file (`shouwang init` writes one)")
    return file


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error


def _nest(keys: list[str], value: Any) -> dict[str, Any]:
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def _typed(keys: list[str], text: str) -> Any:
    """Text of an environment variable; a list is given with commas."""
    return [part.strip() for part in text.split(",") if part.strip()] if keys[-1] in ("ways", "to") else text


def _merge(
    into: dict[str, Any], sources: dict[str, str], new: dict[str, Any], where: str, folder: Path | None, under: str = ""
) -> None:
    for name, value in new.items():
        key = f"{under}{name}"
        if isinstance(value, dict):
            table = into.setdefault(name, {})
            if isinstance(table, dict):
                sources.setdefault(key, where)
                _merge(table, sources, value, where, folder, f"{key}.")
                continue
        is_path = name.endswith("_file") or key in ("state", "fleet", "kinds")
        into[name] = folder / value if folder is not None and is_path and isinstance(value, str) else value
        sources[key] = where


def _known(model: type[BaseModel], keys: list[str]) -> list[str]:
    """The keys that may stand at this place."""
    inside: Any = model
    for key in keys:
        annotation = inside.model_fields[key].annotation if key in getattr(inside, "model_fields", {}) else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            inside = annotation
        else:
            inside = Limits if keys[0] == "limits" else inside
    return sorted(getattr(inside, "model_fields", {}))


def _is_secret(keys: list[str]) -> bool:
    return any(word in keys[-1] for word in ("password", "secret", "token", "key", "url"))


def _limits_of_nothing(settings: Settings, sources: Mapping[str, str]) -> list[str]:
    """`[limits.…]` of a kind that does not exist, or that means nothing for a centre."""
    if not settings.limits:
        return []
    from shouwang import kinds

    known = [*kinds.load(*([settings.kinds] if settings.kinds else [])), "centre"]
    wrong = []
    for name, said in settings.limits.items():
        where = source_of(f"limits.{name}", sources)
        if name not in known:
            nearest = get_close_matches(name, known, 1, 0.5)
            hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(known)}"
            wrong.append(f"{where}: limits.{name}: no such kind; {hint}")
        elif name == "centre" and (said.report_every_s is not None or said.down_after_probes is not None):
            wrong.append(f"{where}: limits.centre: only silent_after_s and notify_after_s mean something for a centre")
    return wrong
