"""Where settings come from: a file, over it the environment, over it flags; each value remembers which."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shouwang.settings.shape import Settings
from shouwang.settings.wrong import SettingsError, complaints, limits_of_nothing

FILE_NAME = "shouwang.toml"
PREFIX = "SHOUWANG_"
NOT_SETTINGS = frozenset({"SHOUWANG_SETTINGS", "SHOUWANG_LOG", "SHOUWANG_ALIVE_FILE"})
"""Variables of ours that are no settings: which file to read, how much to log, what to touch as a sign of life."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """`settings`, and for each dotted key that was given, where it came from."""

    settings: Settings
    sources: dict[str, str] = field(default_factory=dict)
    file: Path | None = None


def load(
    file: Path | None = None, *, env: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
) -> Loaded:
    """Reads, merges and checks. `file` left out: $SHOUWANG_SETTINGS, else `shouwang.toml` in the state directory that
    the flags name (a demo's is there), else the one where we stand, if there is one. `flags` are dotted keys
    (`api.port`) with values; None is "not given". Raises SettingsError with every error at once."""
    env = os.environ if env is None else env
    path = _file(file, env, (flags or {}).get("state"))
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
    wrong = limits_of_nothing(settings, sources)
    if wrong:
        raise SettingsError("\n".join(wrong))
    return Loaded(settings, sources, path)


def environment_of(flags: Mapping[str, Any]) -> dict[str, str]:
    """Flags (dotted keys) as the environment variables that mean the same: for processes that we start."""
    return {PREFIX + key.upper().replace(".", "__"): str(value) for key, value in flags.items() if value is not None}


def _file(file: Path | None, env: Mapping[str, str], state: str | Path | None) -> Path | None:
    if file is None and env.get("SHOUWANG_SETTINGS"):
        file = Path(env["SHOUWANG_SETTINGS"])
    if file is None:
        beside = [Path(FILE_NAME)] if state is None else [Path(state) / FILE_NAME, Path(FILE_NAME)]
        return next((path for path in beside if path.is_file()), None)
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
