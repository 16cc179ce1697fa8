"""What a first start makes once: the fleet's new centres, and secrets of agents and Grafana, where they are read."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine, select

from collector.fleet_file import bring_in
from shouwang.fleet import FleetRow
from shouwang.ledger.fleet import export_fleet
from shouwang.ledger.people import (
    PeopleError,
    mqtt_passwords,
    new_mqtt_password,
    new_token,
    person_by_token,
    revoke,
)
from shouwang.ledger.tables import Centre, Feed
from shouwang.trouble import Trouble
from shouwang.vocabulary import Role


def add_new_centres(engine: Engine, rows: Sequence[FleetRow]) -> int:
    """Adds the devices of centres that the ledger does not know, retired ones included; gives how many. Nothing else is
    changed. Raises Trouble."""
    with engine.connect() as connection:
        known = set(connection.scalars(select(Centre.centre)))
        new = [row for row in rows if row.centre not in known]
        before = export_fleet(connection) if new else []
    return bring_in(engine, [*before, *new]).added if new else 0


def password_of(engine: Engine, name: str, file: Path, now_ms: int) -> int:
    """A password for one agent, in plain in its file; a new one where the file or the ledger lost it. Gives how many
    were made, 0 or 1. Raises Trouble."""
    with engine.execution_options(writes=True).begin() as connection:
        if _read(file) and name in mqtt_passwords(connection):
            return 0
        try:
            password = new_mqtt_password(connection, name, now_ms)
        except PeopleError as error:
            raise Trouble(str(error)) from error
        keep_secret(file, password + "\n")  # before the ledger has it: a file that cannot be written changes nothing
    return 1


def passwords_of_all(engine: Engine, file: Path, now_ms: int) -> int:
    """Passwords of all centres and feeds that have none, as JSON by name beside those made before; gives how many were
    made. Raises Trouble."""
    text = _read(file)
    try:
        kept: dict[str, str] = json.loads(text) if text else {}
    except ValueError as error:
        raise Trouble(f"{file} is no JSON file of passwords: {error}") from error
    with engine.execution_options(writes=True).begin() as connection:
        given = mqtt_passwords(connection)
        names = [
            *connection.scalars(select(Centre.centre).where(Centre.retired_at.is_(None)).order_by(Centre.centre)),
            *connection.scalars(select(Feed.feed).where(Feed.retired_at.is_(None)).order_by(Feed.feed)),
        ]
        made = {name: new_mqtt_password(connection, name, now_ms) for name in names if name not in given}
        if made:
            keep_secret(file, json.dumps(kept | made))
    return len(made)


def viewer_token_of(engine: Engine, name: str, file: Path, now_ms: int) -> int:
    """An API token that may see everything and do nothing, in plain in its file; a new one, in place of the old, where
    the file or the ledger lost it. Gives how many were made, 0 or 1. Raises Trouble."""
    with engine.execution_options(writes=True).begin() as connection:
        kept = _read(file)
        if kept and person_by_token(connection, kept, now_ms) is not None:
            return 0
        revoke(connection, name, now_ms)
        try:
            token = new_token(connection, name, Role.VIEWER, now_ms)
        except PeopleError as error:
            raise Trouble(str(error)) from error
        keep_secret(file, token + "\n")  # before the ledger has it
    return 1


def keep_secret(file: Path, text: str) -> None:
    """Writes a file that only its owner may read, whole or not at all. Raises Trouble."""
    new = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        new.replace(file)
    except OSError as error:
        raise Trouble(f"{file}: {error.strerror}") from error


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(f"{file} cannot be read: {error}") from error
