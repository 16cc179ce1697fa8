"""A folder of backups: each is named by its instant, the oldest go, and what is named otherwise stays."""

import tarfile
from pathlib import Path

import pytest

from collector.backups import next_in, too_many
from shouwang import cli
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import upgrade


def test_names_stand_in_the_order_of_their_instants() -> None:
    folder = Path("/backups")
    first, second = next_in(folder, 1_795_500_000_000), next_in(folder, 1_795_500_001_000)
    assert first.name == "shouwang-20261124T060000Z.tar.gz"
    assert too_many([second, folder / "by-hand.tar.gz", first], 1) == [first]
    assert too_many([first, second], 2) == []


def test_a_backup_each_night_and_the_oldest_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state, folder = tmp_path / "state", tmp_path / "backups"
    state.mkdir()
    engine = open_engine(f"sqlite:///{state / 'ledger.db'}")
    upgrade(engine)
    engine.dispose()
    folder.mkdir()
    for name in ("shouwang-20260101T023000Z.tar.gz", "shouwang-20260102T023000Z.tar.gz", "by-hand.tar.gz"):
        (folder / name).write_bytes(b"old")
    assert cli.main(["backup", str(folder), "--keep", "2", "--state", str(state)]) == 0
    assert "deleted: shouwang-20260101T023000Z.tar.gz" in capsys.readouterr().out
    left = sorted(path.name for path in folder.iterdir())
    assert left[:2] == ["by-hand.tar.gz", "shouwang-20260102T023000Z.tar.gz"]
    with tarfile.open(folder / left[2]) as made:
        assert any(name.endswith("ledger.db") for name in made.getnames())


def test_nothing_goes_where_no_backup_was_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = tmp_path / "shouwang-20260101T023000Z.tar.gz"
    old.write_bytes(b"old")
    assert cli.main(["backup", str(tmp_path), "--keep", "1", "--state", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err
    assert old.exists()
