"""Looks at secrets: who may read their files, and whether they can be guessed."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from collector.doctor.around import Around
from collector.doctor.finding import Finding, found
from shouwang.settings import Loaded, Settings, SettingsError, secret

SECRET_CHARS_MIN = 12
COMMON = frozenset(
    {"shouwang", "admin", "administrator", "password", "passw0rd", "changeme", "secret", "token", "mosquitto", "mqtt",
     "influxdb", "postgres", "root", "test", "guest", "default", "123456", "12345678", "123456789012", "admin123",
     "my-super-secret-auth-token", "whsec_", "shouwang123", "qwerty"}
)  # fmt: skip
_INLINE = ("password", "secret", "token", "reader_token", "url")


def secrets(loaded: Loaded, _around: Around) -> Iterator[Finding]:
    """Files that hold secrets, and the passwords and tokens that we choose ourselves."""
    wrong = [*_open_to_others(loaded), *_weak(loaded.settings)]
    yield from wrong
    files = list(_files(loaded))
    if files and not wrong:
        yield found("secrets_good", count=len(files))


def _open_to_others(loaded: Loaded) -> Iterator[Finding]:
    for key, file in _files(loaded):
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
        except OSError:
            continue  # that it cannot be read says who needs it
        if mode & 0o007:
            yield found("secret_open", key=key, file=file, mode=f"{mode:04o}")


def _files(loaded: Loaded) -> Iterator[tuple[str, Path]]:
    """Each by the setting that names it; those that we made; and the settings, where a secret stands in them."""
    broker, readings = loaded.settings.broker, loaded.settings.readings
    named: dict[str, Any] = {
        "broker.password_file": broker.password_file,
        "broker.key_file": broker.key_file,
        "readings.token_file": readings.token_file,
        "readings.reader_token_file": readings.reader_token_file,
    }
    for name, table in loaded.settings.notify.providers.items():
        if isinstance(table, Mapping):
            named |= {f"notify.{name}.{key}": value for key, value in table.items() if key.endswith("_file")}
    for key, value in named.items():
        if value is not None and not key.endswith("ca_file"):
            yield key, Path(value)
    folder = loaded.settings.state / "secrets"
    for file in sorted(folder.glob("*")):
        if file.is_file() and file not in map(Path, filter(None, named.values())):
            yield f"secrets/{file.name}", file
    if loaded.file is not None and any(
        _is_secret(key) for key, where in loaded.sources.items() if where == str(loaded.file)
    ):
        yield "settings", loaded.file


def _is_secret(key: str) -> bool:
    section, _, name = key.rpartition(".")
    if name != "url":
        return name in _INLINE
    return section in ("ledger", "heartbeat") or section.startswith("notify.")


def _weak(settings: Settings) -> Iterator[Finding]:
    broker, readings = settings.broker, settings.readings
    for key, value, file in (
        ("broker.password", broker.password, broker.password_file),
        ("readings.token", readings.token, readings.token_file),
        ("readings.reader_token", readings.reader_token, readings.reader_token_file),
    ):
        try:
            said = secret(value, file, f"{key}_file")
        except SettingsError as error:
            yield found("secret_unreadable", said=error)
            continue
        if said is not None and can_be_guessed(said):
            yield found("secret_weak", key=key)
    yield from _weak_ledger(settings.ledger.url)


def _weak_ledger(url: SecretStr | None) -> Iterator[Finding]:
    if url is None:
        return
    try:
        said = make_url(url.get_secret_value())
    except ArgumentError:
        return  # the look at the ledger says so
    if said.password and (said.password == said.username or str(said.password).lower() in COMMON):
        yield found("secret_weak", key="ledger.url")


def can_be_guessed(text: str) -> bool:
    """Whether a secret is a well-known one, short, or of very few characters."""
    return len(text) < SECRET_CHARS_MIN or text.lower() in COMMON or len(set(text)) < 5
