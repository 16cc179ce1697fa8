"""A good machine for each test; the ledger's tables are made once."""

from pathlib import Path

import pytest

from tests.doctor.planted import Planted, good, make_template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("doctor") / "ledger.db")


@pytest.fixture
def planted(tmp_path: Path, template: Path) -> Planted:
    """Nothing is wrong with it."""
    return good(tmp_path, template)
