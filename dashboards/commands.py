"""`shouwang dashboards`: render and check; what they do to a Grafana that is there stands beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from shouwang.kinds import load
from shouwang.trouble import Trouble

Kinds = Annotated[
    Path | None, typer.Option("--kinds", help="A folder of kind files of your own.", exists=True, file_okay=False)
]


def render(
    folder: Annotated[Path, typer.Argument(help="Where to write them; a folder a language is made in it.")],
    kinds: Kinds = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print which files changed, as JSON.")] = False,
) -> None:
    """Write every dashboard as JSON: fleet, centre, one a kind, the monitor itself; in English and Chinese.

    Example: shouwang dashboards render dashboards/json --kinds state/kinds
    """
    from dashboards.render import rendered, write

    changed = write(rendered(load(*([kinds] if kinds else []))), folder)
    if as_json:
        typer.echo(json.dumps(changed))
    else:
        typer.echo("\n".join([*changed, f"{len(changed)} changed"]))


def check(
    folder: Annotated[Path | None, typer.Argument(help="Where they stand; left out: those that came along.")] = None,
    kinds: Kinds = None,
) -> None:
    """Say which dashboards differ from what would be rendered, and what in them points nowhere; changes nothing.

    Example: shouwang dashboards check
    """
    from dashboards.references import dangling
    from dashboards.render import JSON, checked_in, rendered

    place = folder or JSON
    found, wanted = checked_in(place), rendered(load(*([kinds] if kinds else [])))
    wrong = [
        f"{place / name}: {'missing' if name not in found else 'not ours' if name not in wanted else 'differs'}"
        for name in sorted(found.keys() | wanted.keys())
        if found.get(name) != wanted.get(name)
    ]
    wrong += dangling(found)
    if wrong:
        raise Trouble("\n".join(wrong))
    typer.echo(f"{len(found)} dashboards are as they should be")
