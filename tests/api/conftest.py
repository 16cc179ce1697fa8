"""A ledger with one of everything in it, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from shouwang.kinds import Kinds
from shouwang.ledger.engine import open_engine, sqlite_url
from tests.api import world


@pytest.fixture(scope="session")
def kinds() -> Kinds:
    return Kinds()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.system)])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """The filled ledger."""
    on_postgres = request.param == "postgres"
    url = request.getfixturevalue("postgres").url if on_postgres else sqlite_url(tmp_path / "ledger.db")
    engine = open_engine(url)
    world.fill(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(ledger: Engine) -> Iterator[Connection]:
    with ledger.connect() as connection:
        yield connection
