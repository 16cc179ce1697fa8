"""Commands that need no part but the language of the house: kinds and version."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Annotated

import typer

from shouwang import __version__
from shouwang.options import AsJson
from shouwang.trouble import WrongUsage


def version(as_json: AsJson = False) -> None:
    """Print the version.

    Example: shouwang version --json
    """
    if as_json:
        typer.echo(json.dumps({"version": __version__, "python": platform.python_version()}))
    else:
        typer.echo(f"shouwang {__version__}")


def kinds(
    kind: Annotated[str | None, typer.Argument(help="Show this one whole.")] = None,
    folder: Annotated[Path | None, typer.Option("--kinds", help="A folder of kind files of your own.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the kinds of device, or show one: fields, limits and when it is not ok.

    Example: shouwang kinds call_terminal
    """
    import msgspec

    from shouwang import kinds as declared

    try:
        found = declared.load(*([folder] if folder else []))
    except declared.KindError as error:
        raise WrongUsage(str(error)) from error
    if kind is not None:
        if kind not in found:
            raise WrongUsage(f"there is no kind {kind!r}; known are {', '.join(found)}")
        found = {kind: found[kind]}
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(list(found.values())), ensure_ascii=False, indent=2))
    elif kind is None:
        for each in found.values():
            limits = each.limits
            typer.echo(
                f"{each.name:18} {each.label.zh} · {each.label.en}: every {limits.report_every_s:g} s, "
                f"silent after {limits.silent_after_s:g} s, {each.severity}"
            )
    else:
        _show(found[kind])


def _show(kind: object) -> None:
    from shouwang.kinds import Kind

    assert isinstance(kind, Kind)
    limits = kind.limits
    typer.echo(f"{kind.name}  {kind.label.zh} · {kind.label.en}")
    typer.echo(f"  net {kind.net}, room {kind.room}, its loss is {kind.severity}, asked by {kind.driver}")
    typer.echo(
        f"  every {limits.report_every_s:g} s; down after {limits.down_after_probes} probes; silent after "
        f"{limits.silent_after_s:g} s; told after {limits.notify_after_s:g} s"
    )
    for name, profile in kind.profiles.items():
        typer.echo(f"  profile {name}  {profile.label.zh} · {profile.label.en}")
    typer.echo("  fields:")
    for name, field in kind.fields.items():
        what = " | ".join(field.values) if field.values else str(field.type)
        typer.echo(
            f"    {name:28} {what}{' ' + field.unit if field.unit else ''}   {field.label.zh} · {field.label.en}"
        )
    typer.echo("  not ok when:")
    for rule in kind.rules:
        typer.echo(f"    {rule.condition:9} {rule.reason.zh} · {rule.reason.en}")
