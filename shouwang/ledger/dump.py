"""A ledger on PostgreSQL, saved and brought back by PostgreSQL's own pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import make_url

from shouwang.ledger.archive import BackupError

TIMEOUT_S = 3600


def dump(url: str, to: Path, snapshot: str | None = None) -> None:
    """Raises BackupError. `snapshot`: of `pg_export_snapshot()`, so that it is of a known moment."""
    arguments = ["--format=custom", "--no-owner", "--no-privileges", f"--file={to}"]
    if snapshot is not None:
        arguments.append(f"--snapshot={snapshot}")
    _run("pg_dump", url, arguments)


def restore(url: str, source: Path) -> None:
    """Replaces the ledger's tables, in one transaction. Raises BackupError; then nothing has changed."""
    _run(
        "pg_restore",
        url,
        [
            "--clean",
            "--if-exists",
            "--no-owner",
            "--no-privileges",
            "--single-transaction",
            "--exit-on-error",
            str(source),
        ],
    )


def _run(program: str, url: str, arguments: list[str]) -> None:
    found = shutil.which(program)
    if found is None:
        raise BackupError(f"{program} is not installed, and the ledger is on PostgreSQL: install postgresql-client")
    address = make_url(url)
    environment = {**os.environ, "PGCONNECT_TIMEOUT": "10"}
    for name, value in {
        "PGHOST": address.host,
        "PGPORT": address.port,
        "PGUSER": address.username,
        "PGPASSWORD": address.password,  # never on the command line, where others read it
        "PGSSLMODE": address.query.get("sslmode"),
        "PGSSLROOTCERT": address.query.get("sslrootcert"),
    }.items():
        if value is not None:
            environment[name] = str(value)
    command = [found, f"--dbname={address.database}", "--no-password", *arguments]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackupError(f"{program} failed: {error}") from error
    if done.returncode != 0:
        raise BackupError(f"{program} failed: {done.stderr.strip()[-600:]}")
