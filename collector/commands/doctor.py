"""`shouwang doctor`: every setting with its source, then everything that is wrong, each with its cure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

import typer

from shouwang import settings
from shouwang.options import AsJson, SettingsFile, StateDir, Tongue, terminal_language
from shouwang.settings import Loaded, source_of

MASK = "********"
_MARKS = {"ok": (" ok ", "正常"), "warning": ("warn", "注意"), "bad": ("BAD ", "错误")}
_SECRET_WORDS = ("password", "secret", "token")


def doctor(
    values: Annotated[bool, typer.Option("--values/--no-values", help="Every setting with its source.")] = True,
    settings_file: SettingsFile = None,
    state: StateDir = None,
    mosquitto_conf: Annotated[
        Path | None,
        typer.Option(
            help="Of a Mosquitto of your own: it and its ACL are looked at.",
            show_default="/etc/mosquitto/mosquitto.conf, where [broker] url is this machine's",
        ),
    ] = None,
    tongue: Annotated[Tongue | None, typer.Option("--language", help="Left out: the terminal's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say where each setting came from (secrets masked), what is wrong, and how to cure it; exit code 1 when something
    is bad.

    Example: shouwang doctor --json
    """
    from collector.doctor import Around, Grade, examine, labels, usual_configuration

    language = terminal_language(tongue)
    loaded = settings.load(settings_file, flags={"state": state})
    findings = list(examine(loaded, Around(mosquitto_conf=mosquitto_conf or usual_configuration(loaded.settings))))
    if as_json:
        shown = [{"key": k, "value": v, "from": s} for k, v, s in provenance(loaded)]
        listed = [
            {"code": f.code, "what": f.what, "grade": str(f.grade), "text": f.text(language), "cure": f.cure(language)}
            for f in findings
        ]
        typer.echo(json.dumps({"settings": shown if values else [], "findings": listed}, ensure_ascii=False))
    else:
        for key, value, source in provenance(loaded) if values else ():
            typer.echo(f"  {key:28} {value:40} {source}")
        chinese = language == "zh"
        for finding in findings:
            what = labels()[finding.what] if chinese else finding.what
            typer.echo(f"[{_MARKS[finding.grade][chinese]}] {what}{'：' if chinese else ': '}{finding.text(language)}")
            if cure := finding.cure(language):
                typer.echo(f"       → {cure}")
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
