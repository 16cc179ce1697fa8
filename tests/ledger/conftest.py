"""The ledger on both engines: every test that asks for `engine` or `empty_engine` runs on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from shouwang.ledger.engine import open_engine, sqlite_url
from shouwang.ledger.migrate import upgrade


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a ledger without tables."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "ledger.db")
    return str(request.getfixturevalue("postgres").url)


@pytest.fixture
def empty_engine(ledger_url: str) -> Iterator[Engine]:
    """An engine on a ledger without tables."""
    engine = open_engine(ledger_url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(empty_engine: Engine) -> Engine:
    """An engine on an empty ledger with all its tables."""
    upgrade(empty_engine)
    return empty_engine
