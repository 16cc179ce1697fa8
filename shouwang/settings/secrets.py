"""Secrets of the settings: from the environment, or each in a file of its own; never shown."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from shouwang.settings.shape import Readings
from shouwang.settings.wrong import SettingsError


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


def readings_token(readings: Readings, *, writes: bool) -> str:
    """The token for InfluxDB; empty where none is given. Raises SettingsError."""
    given = None
    if not writes:
        given = secret(readings.reader_token, readings.reader_token_file, "readings.reader_token_file")
    return given or secret(readings.token, readings.token_file, "readings.token_file") or ""
