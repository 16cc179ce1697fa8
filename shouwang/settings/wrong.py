"""What is said of settings that cannot be used: the key, where it stands, what is wrong, the nearest known one."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from shouwang.settings.shape import Limits, Settings
from shouwang.trouble import WrongUsage


class SettingsError(WrongUsage):
    """The settings cannot be used; each line of the message names one key, where it stands and what is wrong."""


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


def limits_of_nothing(settings: Settings, sources: Mapping[str, str]) -> list[str]:
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
