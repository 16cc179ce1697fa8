"""`shouwang weather`: a sandstorm or frost in a township excuses blurred pictures there, black ones never."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from shouwang import clock, settings
from shouwang.options import AsJson, SettingsFile, StateDir
from shouwang.trouble import WrongUsage

Township = Annotated[str, typer.Argument(help="The township's code, as the fleet has it: 150525100.")]


def weather_declare(
    township: Township,
    until: Annotated[str, typer.Option(help="An instant, as 2026-03-20T18:00+08:00.")] = "",
    hours: Annotated[float, typer.Option(help="For so many hours from now, where no instant is given.")] = 12.0,
    settings_file: SettingsFile = None,
    state: StateDir = None,
) -> None:
    """Declare a sandstorm or frost in a township: until then a blurred picture of a camera there is no fault.

    Example: shouwang weather declare 150525100 --hours 8
    """
    now_ms = clock.wall_ms()
    try:
        until_ms = clock.parse_rfc3339(until) if until else now_ms + round(hours * 3_600_000)
    except ValueError as error:
        raise WrongUsage(f"--until {until!r}: expected an instant as 2026-03-20T18:00+08:00") from error
    if until_ms <= now_ms:
        raise WrongUsage("that is over already: `shouwang weather end` ends what was declared")
    _declare(township, until_ms, now_ms, settings_file, state)
    typer.echo(f"{township}: until {clock.rfc3339(until_ms)} a blurred picture is no fault")


def weather_end(township: Township, settings_file: SettingsFile = None, state: StateDir = None) -> None:
    """End what was declared for a township.

    Example: shouwang weather end 150525100
    """
    now_ms = clock.wall_ms()
    _declare(township, now_ms, now_ms, settings_file, state)
    typer.echo(f"{township}: nothing is declared any more")


def weather_list(settings_file: SettingsFile = None, state: StateDir = None, as_json: AsJson = False) -> None:
    """List what is declared now.

    Example: shouwang weather list --json
    """
    from collector.serve import open_ledger
    from shouwang.ledger.weather import declared

    loaded = settings.load(settings_file, flags={"state": state}).settings
    with open_ledger(loaded).connect() as connection:
        found = {each: clock.rfc3339(at_ms) for each, at_ms in declared(connection, clock.wall_ms()).items()}
    if as_json:
        typer.echo(json.dumps([{"township": each, "until": until} for each, until in found.items()]))
        return
    for each, until in found.items():
        typer.echo(f"{each}  until {until}")
    if not found:
        typer.echo("nothing is declared")


def _declare(township: str, until_ms: int, now_ms: int, settings_file: SettingsFile, state: StateDir) -> None:
    from collector.serve import open_ledger
    from shouwang.ledger.weather import declare

    loaded = settings.load(settings_file, flags={"state": state}).settings
    try:
        with open_ledger(loaded).execution_options(writes=True).begin() as connection:
            declare(connection, township, until_ms, now_ms)
    except ValueError as error:
        raise WrongUsage(str(error)) from error
