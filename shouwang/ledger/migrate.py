"""Bringing the ledger's tables to what this version of Shouwang needs; called at the start of every part that uses it.

One transaction, under one lock: two parts that start at once migrate once, and a process killed midway leaves the
ledger as it was (fault 46).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

LOCK_WAIT_S = 120
"""How long a part waits for another that is migrating."""
_LOCK_KEY = 0x5348_4F55_5741_4E47  # of PostgreSQL's advisory lock: "SHOUWANG"


class LedgerNewer(Exception):
    """The ledger was made by a newer Shouwang than this one."""


def upgrade(engine: Engine, revision: str = "head") -> bool:
    """Makes or changes the tables as needed; True when something was done.

    Raises LedgerNewer (nothing done), and SQLAlchemy's OperationalError when the ledger cannot be reached or locked.
    """
    scripts = ScriptDirectory.from_config(_config())
    wanted = scripts.get_current_head() if revision == "head" else revision
    with engine.connect() as connection:
        if _is_at(connection, scripts, wanted):
            return False
    with _migrating(engine) as connection:
        if _is_at(connection, scripts, wanted):
            return False  # the other part has done it
        command.upgrade(_config(connection), revision)
    return True


def downgrade(engine: Engine, revision: str = "base") -> None:
    """Takes changes back, as far as `revision`."""
    with _migrating(engine) as connection:
        command.downgrade(_config(connection), revision)


def current(engine: Engine) -> str | None:
    """The revision of the ledger; None where it has no tables yet."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The revision that this Shouwang needs."""
    return _revisions()[0]


def knows(revision: str) -> bool:
    """Whether this Shouwang can work with a ledger of that revision, after an upgrade."""
    return revision in _revisions()


@cache
def _revisions() -> tuple[str, ...]:
    """All that there are, the newest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def write_migration(engine: Engine, message: str) -> None:
    """For developers: writes the migration that takes the ledger of `engine`, at the newest revision, to what
    `tables.py` says."""
    with _migrating(engine) as connection:
        command.revision(_config(connection), message, autogenerate=True)


def _is_at(connection: Connection, scripts: ScriptDirectory, wanted: str | None) -> bool:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None and revision not in {script.revision for script in scripts.walk_revisions()}:
        raise LedgerNewer(
            f"the ledger is at revision {revision}, which this Shouwang does not know: it was made by a newer one. "
            "Run that version, or restore a backup from before the upgrade"
        )
    return revision == wanted


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction of its own, that no other migration shares."""
    with engine.connect() as opened:
        connection = opened.execution_options(writes=True)
        if engine.dialect.name == "sqlite":
            raw = connection.connection.driver_connection
            connection.detach()  # what is set below is for migrating alone: it does not go back to the pool
            assert isinstance(raw, sqlite3.Connection)
            # A table made anew is dropped under its references: they are checked at the end instead.
            raw.execute("PRAGMA foreign_keys=OFF")
            raw.execute(f"PRAGMA busy_timeout={LOCK_WAIT_S * 1000}")
            with connection.begin():
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise RuntimeError(
                        f"the migration leaves {len(broken)} rows without what they refer to: {broken[0]}"
                    )
        else:
            with connection.begin():
                connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'"))
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})"))
                yield connection


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
