"""`shouwang fleet import|export|check`."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from shouwang import settings
from shouwang.options import AsJson, SettingsFile, StateDir
from shouwang.trouble import Trouble


class Format(StrEnum):
    """What a fleet can be written as."""

    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


FleetFile = Annotated[Path, typer.Argument(help="CSV, XLSX or JSON; a row a device.")]


def fleet_import(
    file: FleetFile,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; change nothing.")] = False,
    allow_removals: Annotated[
        bool, typer.Option("--allow-removals", help="Retire more than 5 % of the devices, if the file leaves them out.")
    ] = False,
    settings_file: SettingsFile = None,
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Take a fleet file in, as the whole fleet: a device that it leaves out is retired, its history kept.

    Everything or nothing: with errors, each is said with its line, and nothing has changed.

    Example: shouwang fleet import fleet.csv --dry-run
    """
    from dataclasses import asdict

    from collector import fleet_file
    from collector.serve import open_ledger

    loaded = settings.load(settings_file, flags={"state": state}).settings
    rows = fleet_file.read_rows(loaded, file)
    engine = open_ledger(loaded)
    diff = fleet_file.bring_in(engine, rows, dry_run=dry_run, allow_removals=allow_removals)
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, **asdict(diff)}, ensure_ascii=False))
    else:
        typer.echo(("would be: " if dry_run else "") + fleet_file.in_words(diff, file))


def fleet_export(
    file: Annotated[Path | None, typer.Argument(help="Where to. Left out: standard output.")] = None,
    as_format: Annotated[
        Format | None, typer.Option("--format", help="Left out: by the file's ending, else CSV.")
    ] = None,
    chinese: Annotated[bool, typer.Option("--chinese", help="Chinese headers.")] = False,
    households: Annotated[
        bool, typer.Option("--households", help="With the people cared for: personal data, for few eyes.")
    ] = False,
    settings_file: SettingsFile = None,
    state: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Write the fleet as CSV, XLSX or JSON; `fleet import` takes it in again.

    Example: shouwang fleet export fleet.xlsx --chinese
    """
    from collector.serve import open_ledger
    from shouwang import fleet
    from shouwang.ledger.fleet import export_fleet, without_households

    ending = file.suffix.lstrip(".").lower() if file is not None else ""
    how = Format.JSON if as_json else as_format or (Format(ending) if ending in list(Format) else Format.CSV)
    loaded = settings.load(settings_file, flags={"state": state}).settings
    with open_ledger(loaded).connect() as connection:
        rows = export_fleet(connection)
    if not households:
        rows = without_households(rows)
    if how is Format.JSON:
        data = fleet.as_json(rows)
    else:
        data = (fleet.as_csv if how is Format.CSV else fleet.as_xlsx)(rows, chinese=chinese)
    if file is None:
        sys.stdout.buffer.write(data)
        return
    try:
        file.write_bytes(data)
    except OSError as error:
        raise Trouble(f"{file}: {error.strerror}") from error
    typer.echo(f"{file}: {len(rows)} devices", err=True)


def fleet_check(file: FleetFile, settings_file: SettingsFile = None, as_json: AsJson = False) -> None:
    """Say every error of a fleet file, each with its line and what to do; changes nothing.

    Example: shouwang fleet check fleet.csv
    """
    from collector import fleet_file

    loaded = settings.load(settings_file).settings
    try:
        rows = fleet_file.read_rows(loaded, file)
    except fleet_file.WrongFleet as wrong:
        if as_json:
            typer.echo(json.dumps({"ok": False, "errors": wrong.errors}, ensure_ascii=False))
        else:
            for line in wrong.errors:
                typer.echo(line)
            typer.echo(f"{file}: {len(wrong.errors)} errors", err=True)
        raise typer.Exit(1) from None
    centres = len({row.centre for row in rows})
    if as_json:
        typer.echo(json.dumps({"ok": True, "devices": len(rows), "centres": centres}))
    else:
        typer.echo(f"{file}: good, {len(rows)} devices at {centres} centres")
