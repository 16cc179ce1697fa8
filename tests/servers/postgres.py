"""A PostgreSQL server on loopback; each test gets a database of its own."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.servers.process import ServerProcess

# PostgreSQL refuses to run as root; Debian's package brings this user.
UNPRIVILEGED = "postgres"


class Postgres(ServerProcess):
    """The server, without passwords. Its data are not synced to disk: they outlive a kill, not a power cut."""

    def __init__(self, program: Path, directory: Path, port: int | None = None) -> None:
        super().__init__(directory, port, user=UNPRIVILEGED if os.geteuid() == 0 else None)
        self.program = program
        self.data = directory / "data"

    def command(self) -> Sequence[str | Path]:
        settings = {
            "listen_addresses": self.host,
            "unix_socket_directories": "",
            "fsync": "off",
        }
        return [
            self.program,
            f"-D{self.data}",
            f"-p{self.port}",
            *(f"--{name}={value}" for name, value in settings.items()),
        ]

    def set_up(self) -> None:
        """Makes the data directory; `directory` must be one that the server's user can reach."""
        if self.user:
            shutil.chown(self.directory, self.user)
        # `postgres` may be a link in a folder of its own: initdb stands beside what it points to.
        initdb = str(self.program.resolve().parent / "initdb")
        options = ["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C"]
        subprocess.run(
            [initdb, *options, f"--pgdata={self.data}"],
            check=True,
            stdout=subprocess.DEVNULL,
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
            cwd=self.directory,
        )

    def ready(self) -> bool:
        try:
            self._administer("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _administer(self, statement: str) -> None:
        address = f"host={self.host} port={self.port} user=postgres dbname=postgres connect_timeout=2"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def database(self) -> Iterator["Database"]:
        """A fresh database, gone afterwards, whoever is still connected."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self._administer(f"CREATE DATABASE {name}")
        try:
            yield Database(self, name)
        finally:
            self.start()  # a test may have ended it
            self._administer(f"DROP DATABASE {name} WITH (FORCE)")


@dataclass(frozen=True)
class Database:
    """Where one test keeps its ledger: the address, and the server, to take it away and bring it back."""

    server: Postgres
    name: str

    @property
    def url(self) -> str:
        """As SQLAlchemy takes it."""
        return f"postgresql+psycopg://postgres@{self.server.host}:{self.server.port}/{self.name}"
