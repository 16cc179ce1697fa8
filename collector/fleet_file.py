"""Fleet files at the command line: read and judged whole, taken in whole or not at all."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from collector.service import kinds_of
from shouwang import clock, fleet
from shouwang.fleet import FleetRow
from shouwang.ledger.fleet import FleetDiff, TooManyRemovals, import_fleet
from shouwang.settings import Settings
from shouwang.trouble import Trouble

ERRORS_SHOWN = 200
FILE_BYTES_MAX = 512 * 1024 * 1024


class WrongFleet(Trouble):
    """The file cannot be taken in; every error is in the message, each with its line."""

    def __init__(self, errors: list[str]) -> None:
        shown = errors[:ERRORS_SHOWN]
        more = [f"… and {len(errors) - ERRORS_SHOWN} more"] if len(errors) > ERRORS_SHOWN else []
        super().__init__("\n".join(["the fleet file is wrong; nothing was changed", *shown, *more]))
        self.errors = errors


def read_rows(settings: Settings, file: Path) -> list[FleetRow]:
    """The rows of a fleet file. Raises WrongFleet with every error at once, Trouble where it cannot be read."""
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise Trouble(f"{file}: over {FILE_BYTES_MAX >> 20} MiB, which is no fleet file")
        data = file.read_bytes()
    except OSError as error:
        raise Trouble(f"{file}: {error.strerror}") from error
    known = kinds_of(settings)
    kinds = {name: known[name] for name in known}
    parsed = fleet.parse(data, kinds, name=file.name)
    if parsed.errors:
        raise WrongFleet([str(error) for error in parsed.errors])
    return parsed.rows


def take_in(
    engine: Engine, settings: Settings, file: Path, *, dry_run: bool = False, allow_removals: bool = False
) -> str:
    """Makes the ledger's fleet what the file says; gives a line on what changed. Raises Trouble."""
    return in_words(bring_in(engine, read_rows(settings, file), dry_run=dry_run, allow_removals=allow_removals), file)


def bring_in(engine: Engine, rows: list[FleetRow], *, dry_run: bool = False, allow_removals: bool = False) -> FleetDiff:
    """As `import_fleet`, with what it refuses said as Trouble."""
    try:
        return import_fleet(engine, rows, clock.wall_ms(), dry_run=dry_run, allow_removals=allow_removals)
    except TooManyRemovals as error:
        raise Trouble(str(error)) from error


def in_words(diff: FleetDiff, file: Path) -> str:
    """What an import changed, in a line."""
    if diff.is_empty:
        return f"{file}: nothing to change, {diff.unchanged} devices as they were"
    return (
        f"{file}: {diff.added} devices added, {diff.changed} changed, {diff.retired} retired, {diff.unchanged} as they "
        f"were; {diff.centres_added} centres added, {diff.centres_changed} changed, {diff.centres_retired} retired"
    )
