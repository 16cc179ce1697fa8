"""`shouwang doctor`: every setting with its source, then everything that is wrong, each with its cure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

import typer

from shouwang import settings
from shouwang.options import AsJson, SettingsFile, StateDir
from shouwang.settings import Loaded, source_of

MASK = "********"
_SECRET_WORDS = ("password", "secret", "token")


def doctor(
    values: Annotated[bool, typer.Option("--values/--no-values", help="Every setting with its source.")] = True,
    settings_file: SettingsFile = None,
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Say where each setting came from (secrets masked), what is wrong, and how to cure it; exit code 1 when something
    is bad.

    Example: shouwang doctor --json
    """
    from collector.doctor import examine
    from collector.findings import Grade

    loaded = settings.load(settings_file, flags={"state": state})
    findings = list(examine(loaded))
    if as_json:
        shown = [{"key": k, "value": v, "from": s} for k, v, s in provenance(loaded)]
        listed = [{"what": f.what, "grade": str(f.grade), "text": f.text, "cure": f.cure} for f in findings]
        typer.echo(json.dumps({"settings": shown if values else [], "findings": listed}, ensure_ascii=False))
    else:
        for key, value, source in provenance(loaded) if values else ():
            typer.echo(f"  {key:28} {value:40} {source}")
        for finding in findings:
            mark = {Grade.OK: " ok ", Grade.WARNING: "warn", Grade.BAD: "BAD "}[finding.grade]
            typer.echo(f"[{mark}] {finding.what}: {finding.text}")
            if finding.cure:
                typer.echo(f"       → {finding.cure}")
    if any(finding.grade is Grade.BAD for finding in findings):
        raise typer.Exit(1)


def provenance(loaded: Loaded) -> Iterator[tuple[str, str, str]]:
    """Each key with its value, masked where it is a secret, and where it came from."""
    said = loaded.settings.model_dump(mode="python")
    for key, value in _flat(said):
        if value is None:
            continue
        yield key, _shown(key, value), source_of(key, loaded.sources) if key in loaded.sources else "default"


def _flat(table: dict[str, Any], under: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{under}{name}.")
        else:
            yield f"{under}{name}", value


def _shown(key: str, value: Any) -> str:
    name = key.rpartition(".")[2]
    text = value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)
    if name.endswith("_file"):
        return text
    if any(word in name for word in _SECRET_WORDS):
        return MASK
    return _masked_url(text) if name == "url" else text


def _masked_url(url: str) -> str:
    """An address without what in it may be secret: user and password, query, and a path of a heartbeat or robot."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    netloc = f"{MASK}@{host}" if parts.username else host
    if parts.port:
        netloc += f":{parts.port}"
    path = parts.path if len(parts.path) < 12 else f"/{MASK}"
    return urlunsplit((parts.scheme, netloc, path, MASK if parts.query else "", ""))
