"""`shouwang setup fleet`, `passwords` and `token`: what a first start needs and every later one leaves as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from shouwang import settings
from shouwang.options import AsJson, SettingsFile, StateDir


def setup_fleet(
    file: Annotated[Path, typer.Argument(help="A fleet file: CSV, XLSX or JSON.")],
    settings_file: SettingsFile = None,
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Take in the devices of centres that the ledger has never known; whatever is known stays as people have made it.

    `shouwang fleet import` makes the whole fleet what a file says; this is for a start that is made again and again.

    Example: shouwang setup fleet fleet.csv
    """
    from collector import fleet_file
    from collector.beginning import add_new_centres
    from collector.serve import open_ledger

    loaded = settings.load(settings_file, flags={"state": state}).settings
    rows = fleet_file.read_rows(loaded, file)
    engine = open_ledger(loaded)
    try:
        added = add_new_centres(engine, rows)
    finally:
        engine.dispose()
    if as_json:
        typer.echo(json.dumps({"devices": added}))
    else:
        typer.echo(f"{file}: {added} devices added" if added else f"{file}: its centres are known, nothing was changed")


def setup_passwords(
    file: Annotated[Path, typer.Argument(help="Where they are kept; only its owner may read it.")],
    centre: Annotated[
        str | None,
        typer.Option(help="Only this centre's (or feed's), in plain, as `shouwang agent --password-file` takes it."),
    ] = None,
    settings_file: SettingsFile = None,
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Make the MQTT passwords of agents that have none yet, and keep them in a file; done again it changes nothing.

    Without --centre: of every centre and feed of the fleet, as JSON by name (`shouwang simulate --passwords`). Who was
    given a password otherwise keeps it, and does not stand in the file.

    Example: shouwang setup passwords agent-password --centre 150525100201
    """
    from collector.beginning import password_of, passwords_of_all
    from collector.serve import open_ledger
    from shouwang import clock

    loaded = settings.load(settings_file, flags={"state": state}).settings
    engine = open_ledger(loaded)
    try:
        if centre is None:
            made = passwords_of_all(engine, file, clock.wall_ms())
        else:
            made = password_of(engine, centre, file, clock.wall_ms())
    finally:
        engine.dispose()
    typer.echo(json.dumps({"made": made, "file": str(file)}) if as_json else f"{file}: {made} passwords made")


def setup_token(
    file: Annotated[Path, typer.Argument(help="Where it is kept; only its owner may read it.")],
    name: Annotated[str, typer.Option(help="What the token is called.")] = "grafana",
    settings_file: SettingsFile = None,
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Make an API token that may see everything and do nothing, and keep it in a file; done again it changes nothing.

    Where the file or the token is gone, there is a new one, and the old one ends.

    Example: shouwang setup token grafana-token --name grafana
    """
    from collector.beginning import viewer_token_of
    from collector.serve import open_ledger
    from shouwang import clock

    loaded = settings.load(settings_file, flags={"state": state}).settings
    engine = open_ledger(loaded)
    try:
        made = viewer_token_of(engine, name, file, clock.wall_ms())
    finally:
        engine.dispose()
    typer.echo(json.dumps({"made": made, "file": str(file)}) if as_json else f"{file}: {made} tokens made")
